"""A session within `metadata.user_id` is a session, and its user is one user."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.wire.anthropic_user_id import split_user_id
from tests.wire.calls import MESSAGES, call_of

UUIDS = st.uuids().map(str)
HASHES = st.text("0123456789abcdef", min_size=64, max_size=64)


@given(HASHES, UUIDS | st.just(""), UUIDS, UUIDS)
def test_two_sessions_of_claude_code_are_of_one_user(
    hashed: str, account: str, one: str, other: str
) -> None:
    user = f"user_{hashed}_account_{account}"
    assert (user, one) == split_user_id(f"{user}_session_{one}")
    assert (user, other) == split_user_id(f"{user}_session_{other}")


@given(HASHES, UUIDS, UUIDS)
def test_an_object_is_its_session_and_the_rest(device: str, account: str, session: str) -> None:
    sent = {"session_id": session, "device_id": device, "account_uuid": account}
    rest = f'{{"account_uuid":"{account}","device_id":"{device}"}}'
    assert (rest, session) == split_user_id(json.dumps(sent))
    assert (rest, session) == split_user_id(json.dumps(dict(reversed(sent.items()))))


def test_an_object_with_nothing_but_a_session_names_no_user() -> None:
    assert (None, "s-1") == split_user_id('{"session_id": "s-1"}')


@pytest.mark.parametrize(
    "user_id",
    [
        "u-1",
        "user_1_session_2",
        "user_ab_account_cd_session_short",
        '{"user": "u-1"}',
        '{"session_id": ""}',
        '{"session_id": null}',
        '{"session_id": 7}',
        '{"session_id": "s", "deep": {"a": "b"}}',
        '{"session_id": "a\\nb"}',
        '{"session_id": "s", "user": "\\u200b"}',
        '{"session_id": "\\ud800"}',
        '{"session_id": "s"',
        '{"a":' * 100_000,
        "[" * 100_000,
    ],
)
def test_anything_else_is_the_user_as_it_was_sent(user_id: str) -> None:
    assert (user_id, None) == split_user_id(user_id)


@given(st.text())
def test_no_text_is_lost_or_breaks_the_call(user_id: str) -> None:
    user, session = split_user_id(user_id)
    assert session is not None or user == user_id


def test_a_messages_call_names_both() -> None:
    message = {"role": "user", "content": "hi"}
    asked = {"model": "m", "max_tokens": 1, "messages": [message]}
    session = "0b8e6a4e-6c0f-4a53-9a52-1f4d9ad0a1b2"
    call = call_of(
        MESSAGES, {**asked, "metadata": {"user_id": f"user_ab_account__session_{session}"}}
    )
    assert ("user_ab_account_", session) == (call.end_user, call.session)
