"""Hints: a suggestion somebody can act on, safe as a header, and silent about good names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.attribution.dimensions import Dimension, Source, Value
from outlay.attribution.hints import (
    MAX_HINT_CHARS,
    MAX_HINTS,
    bounded,
    hint_for,
    hint_for_dropped,
    hint_for_unknown_header,
    propose_name,
)


def _hint(dimension: Dimension, text: str) -> str:
    return hint_for(dimension, Value(text, Source.HEADER)) or ""


@pytest.mark.parametrize("text", ["chatbot-call", "llm-used", "LLM_Used", "api call", "success"])
def test_an_outcome_that_only_says_a_call_was_made_is_told(text: str) -> None:
    hint = _hint(Dimension.OUTCOME, text)
    assert hint.startswith("outcome_generic: ")
    assert "ticket-resolved" in hint


@pytest.mark.parametrize(
    ("text", "proposed"),
    [
        ("Ticket Resolved", "ticket-resolved"),
        ("TicketResolved", "ticketresolved"),
        ("contract drafted", "contract-drafted"),
    ],
)
def test_a_spelling_that_will_split_a_figure_is_told(text: str, proposed: str) -> None:
    hint = _hint(Dimension.OUTCOME, text)
    assert hint.startswith("outcome_spelling: ")
    assert repr(proposed) in hint


@pytest.mark.parametrize("dimension", [Dimension.OUTCOME, Dimension.FEATURE])
@pytest.mark.parametrize("text", ["ticket-resolved", "ticket_resolved", "support-chat", "doc/v2"])
def test_a_good_name_is_left_alone(dimension: Dimension, text: str) -> None:
    assert _hint(dimension, text) == ""


@pytest.mark.parametrize(
    "text", ["undefined", "None", "{user_id}", "${USER}", "{{ user }}", "null"]
)
@pytest.mark.parametrize("dimension", [Dimension.USER, Dimension.SESSION])
def test_an_unfilled_placeholder_is_told(dimension: Dimension, text: str) -> None:
    assert _hint(dimension, text).startswith(f"{dimension}_placeholder: ")


def test_an_e_mail_address_as_user_is_told_and_not_repeated() -> None:
    hint = _hint(Dimension.USER, "ada.lovelace@example.com")
    assert hint.startswith("user_is_email: ")
    assert "ada" not in hint


def test_a_token_as_user_is_told_and_not_repeated() -> None:
    hint = _hint(Dimension.USER, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl")
    assert hint.startswith("user_is_token: ")
    assert "eyJ" not in hint


@pytest.mark.parametrize("text", ["usr_8f2a3c91", "user_42", "a@b", "1f3e9f60-1d4c-4bb8"])
def test_an_opaque_user_is_left_alone(text: str) -> None:
    assert _hint(Dimension.USER, text) == ""


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        (b"x-cost-featrue", "X-Cost-Feature"),
        (b"x-cost-users", "X-Cost-User"),
        (b"x-cost-session-id", "X-Cost-Session"),
        (b"x-cost-gl", "X-Cost-GL-Account"),
        (b"x-cost-team", "X-Cost-Department"),
        (b"x-cost-conversation", "X-Cost-Session"),
    ],
)
def test_a_misspelt_header_is_told_with_the_nearest(name: bytes, meant: str) -> None:
    hint = hint_for_unknown_header(name)
    assert hint.startswith("header_unknown: ")
    assert f"did you mean {meant}?" in hint


def test_a_header_like_none_of_ours_is_told_without_a_guess() -> None:
    assert "did you mean" not in hint_for_unknown_header(b"x-cost-zzzzzzzz")


@given(st.text(max_size=2_000), st.sampled_from(Dimension))
def test_a_hint_can_stand_in_a_header(text: str, dimension: Dimension) -> None:
    """Else a value could end the header and begin one of its own."""
    for hint in (_hint(dimension, text), hint_for_dropped(dimension, "body", "it is long")):
        assert hint.isascii()
        assert hint.isprintable()
        assert len(hint) <= MAX_HINT_CHARS


@given(st.binary(max_size=300))
def test_any_header_name_gives_a_safe_hint(name: bytes) -> None:
    hint = hint_for_unknown_header(b"x-cost-" + name)
    assert hint.isascii()
    assert hint.isprintable()
    assert len(hint) <= MAX_HINT_CHARS


def test_hints_are_bounded_and_not_repeated() -> None:
    assert bounded(["a", "b", "a"]) == ("a", "b")
    assert len(bounded(str(n) for n in range(100))) == MAX_HINTS


@given(st.text(max_size=40))
def test_a_proposed_name_is_one_we_would_not_correct(text: str) -> None:
    proposed = propose_name(text)
    assert proposed == propose_name(proposed)
    assert " " not in proposed
