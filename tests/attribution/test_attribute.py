"""Step 3: whom and what a call is for, and in which order the sources count."""

import string
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.attribution.attribute import attribute
from outlay.attribution.dimensions import HEADERS, KEY_DIMENSIONS, Attribution, Dimension, Source
from outlay.identity.caller import Caller, Permission
from outlay.kernel.errors import Category, Refused
from outlay.kernel.ids import KeyId

Headers = list[tuple[bytes, bytes]]

_CODEX = (b"user-agent", b"codex_cli_rs/0.50.0 (Debian 12; x86_64)")


def _caller(
    *,
    defaults: Mapping[str, str] | None = None,
    pins: Mapping[str, str] | None = None,
    required: frozenset[str] = frozenset(),
    allowed: Mapping[str, frozenset[str]] | None = None,
) -> Caller:
    return Caller(
        KeyId("key_1"), "checkout", frozenset({Permission.SPEND}), defaults=defaults or {},
        pins=pins or {}, required=required, allowed=allowed or {},
    )  # fmt: skip


def _attribute(
    headers: Headers,
    caller: Caller | None = None,
    *,
    user: str | None = None,
    session: str | None = None,
    codex: str | None = None,
) -> Attribution | Refused:
    return attribute(
        caller or _caller(),
        headers,
        body_user=user,
        body_session=session,
        codex_session=codex,
        hash_value=lambda text: f"hmac:{len(text)}",
    )


def _accepted(answer: Attribution | Refused) -> Attribution:
    assert isinstance(answer, Attribution), answer
    return answer


def _refused(answer: Attribution | Refused, code: str = "invalid_header") -> Refused:
    assert isinstance(answer, Refused), answer
    assert (answer.code, answer.category) == (code, Category.INVALID)
    return answer


def _codes(attribution: Attribution) -> list[str]:
    return [hint.partition(":")[0] for hint in attribution.warnings]


@pytest.mark.parametrize("dimension", list(Dimension))
def test_every_dimension_has_its_header(dimension: Dimension) -> None:
    name = HEADERS[dimension].lower().encode()
    attribution = _accepted(_attribute([(name, b"v-1")]))
    assert attribution.text(dimension) == "v-1"
    assert attribution.values[dimension].source is Source.HEADER
    assert list(attribution.values) == [dimension]


def test_a_call_without_headers_is_unattributed() -> None:
    attribution = _accepted(_attribute([(b"host", b"h"), (b"authorization", b"Bearer x")]))
    assert attribution == Attribution(values={})


def test_an_empty_header_is_absent_and_lets_the_default_count() -> None:
    caller = _caller(defaults={"feature": "chat"})
    attribution = _accepted(_attribute([(b"x-cost-feature", b"  ")], caller))
    assert attribution.values[Dimension.FEATURE].source is Source.KEY_DEFAULT


@given(
    pinned=st.booleans(), header=st.booleans(), body=st.booleans(), client=st.booleans(),
    default=st.booleans(),
)  # fmt: skip
def test_the_strongest_source_that_speaks_counts(
    *, pinned: bool, header: bool, body: bool, client: bool, default: bool
) -> None:
    """Pinned > header > body > client header > key default; session can have no pin or default."""
    caller = _caller(
        pins={"project": "pinned"} if pinned else {},
        defaults={"project": "default"} if default and not pinned else {},
    )
    headers: Headers = []
    if header:
        headers += [(b"x-cost-project", b"header"), (b"x-cost-session", b"header")]
    if client:
        headers.append((b"x-claude-code-session-id", b"client"))
    attribution = _accepted(_attribute(headers, caller, session="body" if body else None))
    of_project = [text for text, on in [("pinned", pinned), ("header", header)] if on]
    of_project += ["default"] if default and not pinned else []
    of_session = [
        text for text, on in [("header", header), ("body", body), ("client", client)] if on
    ]
    assert attribution.text(Dimension.PROJECT) == next(iter(of_project), None)
    assert attribution.text(Dimension.SESSION) == next(iter(of_session), None)


def test_a_pinned_header_is_told() -> None:
    caller = _caller(pins={"department": "retail"})
    attribution = _accepted(_attribute([(b"x-cost-department", b"legal")], caller))
    assert attribution.text(Dimension.DEPARTMENT) == "retail"
    assert _codes(attribution) == ["department_pinned"]
    same = _accepted(_attribute([(b"x-cost-department", b"retail")], caller))
    assert same.warnings == ()


@given(
    st.dictionaries(
        st.sampled_from(sorted(KEY_DIMENSIONS)),
        st.text(string.ascii_letters, min_size=1, max_size=9),
    )
)
def test_pins_always_win(pins: dict[Dimension, str]) -> None:
    headers = [(HEADERS[d].lower().encode(), b"sent") for d in Dimension]
    caller = _caller(pins={d.value: text for d, text in pins.items()})
    attribution = _accepted(_attribute(headers, caller))
    for dimension in Dimension:
        assert attribution.text(dimension) == pins.get(dimension, "sent")


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"n" * 257, "257 bytes, the limit is 256"),
        (b"a\x00b", "U+0000"),
        ("a\u202eb".encode(), "U+202E"),
        (b"\xff\xfe", "not valid UTF-8"),
    ],
)
def test_a_bad_header_is_refused_with_its_name_and_limit(value: bytes, said: str) -> None:
    refused = _refused(_attribute([(b"x-cost-feature", value)]))
    assert refused.field == "X-Cost-Feature"
    assert "X-Cost-Feature" in refused.message
    assert said in refused.message


@pytest.mark.parametrize("second", [b"chat", b"other", b""])
def test_the_same_header_twice_is_refused(second: bytes) -> None:
    """Which of the two a proxy in between keeps is anybody's guess."""
    refused = _refused(_attribute([(b"x-cost-user", b"chat"), (b"x-cost-user", second)]))
    assert refused.field == "X-Cost-User"
    assert "limit is one" in refused.message


def test_a_pinned_dimension_does_not_excuse_a_bad_header() -> None:
    caller = _caller(pins={"feature": "chat"})
    _refused(_attribute([(b"x-cost-feature", b"\x01")], caller))


@pytest.mark.parametrize("name", ["feature", "user", "session"])
def test_a_required_dimension_must_be_there(name: str) -> None:
    caller = _caller(required=frozenset({name}))
    refused = _refused(_attribute([], caller), "missing_header")
    assert refused.field == HEADERS[Dimension(name)]
    assert "checkout" in refused.message
    header = HEADERS[Dimension(name)].lower().encode()
    _accepted(_attribute([(header, b"v")], caller))


def test_a_fall_back_satisfies_a_requirement() -> None:
    caller = _caller(required=frozenset({"user"}))
    assert _accepted(_attribute([], caller, user="u-1")).text(Dimension.USER) == "u-1"


@pytest.mark.parametrize("body", [True, False])
def test_a_value_outside_the_allow_list_is_refused(*, body: bool) -> None:
    caller = _caller(allowed={"user": frozenset({"ada", "ben"})})
    headers = [] if body else [(b"x-cost-user", b"dov")]
    refused = _refused(_attribute(headers, caller, user="dov" if body else None))
    assert "'ada', 'ben'" in refused.message
    assert refused.field == "X-Cost-User"
    assert _accepted(_attribute([(b"x-cost-user", b"ben")], caller)).text(Dimension.USER) == "ben"
    assert _accepted(_attribute([], caller)).values == {}


def test_a_long_allow_list_is_not_told_whole() -> None:
    caller = _caller(allowed={"feature": frozenset(f"f{n:03}" for n in range(200))})
    refused = _refused(_attribute([(b"x-cost-feature", b"other")], caller))
    assert "and 190 more" in refused.message
    assert len(refused.message) < 400


def test_a_credential_is_not_echoed_by_any_refusal() -> None:
    secret = b"sk-ant-api03-" + b"c" * 300
    for headers in (
        [(b"x-cost-run-budget", secret)],
        [(b"x-cost-feature", secret)],
        [(b"x-cost-user", secret[:80])],
    ):
        caller = _caller(allowed={"user": frozenset({"ada"})})
        assert "cccc" not in repr(_attribute(headers, caller))


# --- run budget ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "nanos"), [
    (b"2.50", 2_500_000_000), (b" 0.000000001 ", 1), (b"100", 100_000_000_000), (b"", None),
])  # fmt: skip
def test_a_run_budget_is_exact(text: bytes, nanos: int | None) -> None:
    headers = [(b"x-cost-run-id", b"run-1"), (b"x-cost-run-budget", text)]
    attribution = _accepted(_attribute(headers))
    assert nanos == attribution.run_budget_nanos
    assert attribution.warnings == ()


@pytest.mark.parametrize("text", [
    b"0", b"-1", b"0.0", b"$5", b"1e3", b"1,50", b"NaN", b"inf", b"0.0000000001", b"\xff",
    b"9999999999999", "٣".encode(),
])  # fmt: skip
def test_a_run_budget_that_is_no_positive_usd_is_refused(text: bytes) -> None:
    refused = _refused(_attribute([(b"x-cost-run-budget", text)]))
    assert refused.field == "X-Cost-Run-Budget"
    assert "2.50" in refused.message


def test_a_run_budget_without_a_run_is_told() -> None:
    assert _codes(_accepted(_attribute([(b"x-cost-run-budget", b"1")]))) == ["run_budget_unused"]


# --- fall-backs ---------------------------------------------------------------------------------


def test_codex_sessions_count_from_codex_only() -> None:
    """Elsewhere prompt_cache_key often marks a prefix that many conversations share."""
    other = _accepted(_attribute([(b"session_id", b"s-1")], codex="s-2"))
    assert other.values == {}
    header = _accepted(_attribute([_CODEX, (b"session_id", b"s-1")], codex="s-2"))
    assert header.text(Dimension.SESSION) == "s-1"
    assert header.values[Dimension.SESSION].source is Source.CLIENT_HEADER
    body = _accepted(_attribute([_CODEX], codex="s-2"))
    assert body.text(Dimension.SESSION) == "s-2"
    assert body.values[Dimension.SESSION].source is Source.BODY


def test_codex_is_known_by_its_originator_too() -> None:
    headers = [(b"originator", b"codex_vscode"), (b"session-id", b"s-1")]
    assert _accepted(_attribute(headers)).text(Dimension.SESSION) == "s-1"


def test_a_bad_fall_back_is_left_out_and_told() -> None:
    """The field belongs to the provider's format; the call worked before we were in its way."""
    attribution = _accepted(_attribute([], user="a\nb", session="s" * 9_000))
    assert attribution.values == {}
    assert _codes(attribution) == ["user_dropped", "session_dropped"]


def test_the_next_fall_back_counts_when_the_first_is_bad() -> None:
    headers = [(b"x-claude-code-session-id", b"good")]
    attribution = _accepted(_attribute(headers, session="\u200b"))
    assert attribution.text(Dimension.SESSION) == "good"


def test_a_long_fall_back_is_hashed_and_flagged() -> None:
    attribution = _accepted(_attribute([], user="u" * 2_000))
    assert attribution.values[Dimension.USER].hashed
    assert _codes(attribution) == ["user_hashed"]


# --- anything at all ----------------------------------------------------------------------------


@given(
    st.lists(st.tuples(
        st.sampled_from([HEADERS[d].lower().encode() for d in Dimension] + [b"x-cost-run-budget",
                        b"x-cost-nonsense", b"session_id", b"user-agent"]),
        st.binary(max_size=60),
    ), max_size=8),
    st.none() | st.text(max_size=40),
)  # fmt: skip
def test_any_headers_give_an_attribution_or_a_refusal(headers: Headers, user: str | None) -> None:
    answer = _attribute(headers, user=user)
    if isinstance(answer, Refused):
        assert answer.field
        assert answer.message
    else:
        assert all(hint.isascii() and hint.isprintable() for hint in answer.warnings)
        assert len(answer.warnings) <= 8
