"""What passes through, and what does not, in either direction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.providers.headers import answer_headers, request_headers
from outlay.transport.upstream import Headers

IDENTITY = (b"accept-encoding", b"identity")


def test_unknown_headers_pass_in_order_and_as_they_came() -> None:
    sent: Headers = [
        (b"anthropic-version", b"2023-06-01"),
        (b"Anthropic-Beta", b"one"),
        (b"anthropic-beta", b"two"),
        (b"openai-beta", b"assistants=v2"),
        (b"x-stainless-lang", b"python"),
        (b"content-type", b"application/json"),
        (b"user-agent", b"OpenAI/Python 3"),
        (b"x-odd", b"\xc3\xa9"),
    ]
    assert request_headers(sent) == [*sent, IDENTITY]


@pytest.mark.parametrize(
    "name",
    [
        b"Authorization", b"x-api-key", b"X_Api_Key", b"x-goog-api-key", b"api-key", b"Cookie",
        b"Proxy-Authorization", b"OpenAI-Organization", b"openai-project", b"x-goog-user-project",
        b"X-Cost-User", b"x-cost-anything", b"x_cost_user", b"Host", b"Content-Length",
        b"Accept-Encoding", b"Expect", b"Transfer-Encoding", b"TE", b"Trailer", b"Upgrade",
        b"Keep-Alive", b"Connection", b"HTTP2-Settings", b"X-Forwarded-For", b"X-Forwarded-Host",
        b"Forwarded", b"X-HTTP-Method-Override", b"X-Original-URL", b"Via",
    ],
)  # fmt: skip
def test_what_is_ours_or_the_callers_own_does_not_reach_the_provider(name: bytes) -> None:
    assert request_headers([(name, b"value"), (b"x-kept", b"1")]) == [(b"x-kept", b"1"), IDENTITY]


def test_what_connection_names_is_dropped() -> None:
    sent = [(b"connection", b"keep-alive, X-Hop , x-other"), (b"x-hop", b"1"), (b"X-Other", b"2")]
    assert request_headers([*sent, (b"x-kept", b"3")]) == [(b"x-kept", b"3"), IDENTITY]


def test_connection_cannot_take_the_bodys_description_away() -> None:
    sent = [(b"connection", b"content-type"), (b"content-type", b"application/json")]
    assert request_headers(sent) == [(b"content-type", b"application/json"), IDENTITY]


def test_answer_headers_pass_in_order_and_as_they_came() -> None:
    answered = [
        (b"Content-Type", b"text/event-stream"),
        (b"x-ratelimit-remaining-tokens", b"7"),
        (b"X-Request-Id", b"req_1"),
        (b"Content-Length", b"12"),
        (b"retry-after", b"3"),
    ]
    assert answer_headers(answered, body_changes=False) == answered


def test_content_length_goes_when_the_body_changes() -> None:
    answered = [(b"Content-Length", b"12"), (b"x-kept", b"1")]
    assert answer_headers(answered, body_changes=True) == [(b"x-kept", b"1")]


@pytest.mark.parametrize(
    "name",
    [
        b"X-Cost-Usd", b"x-cost-budget-remaining", b"X_Cost_Usd", b"Transfer-Encoding",
        b"Connection", b"Keep-Alive", b"Proxy-Authenticate", b"Trailer", b"Upgrade",
        b"Set-Cookie", b"Alt-Svc", b"Strict-Transport-Security",
    ],
)  # fmt: skip
def test_what_is_ours_to_say_does_not_come_from_the_provider(name: bytes) -> None:
    answered = [(name, b"value"), (b"x-kept", b"1")]
    assert answer_headers(answered, body_changes=False) == [(b"x-kept", b"1")]


def test_what_an_answers_connection_names_is_dropped() -> None:
    answered = [(b"Connection", b"close, X-Hop"), (b"x-hop", b"1"), (b"x-kept", b"2")]
    assert answer_headers(answered, body_changes=False) == [(b"x-kept", b"2")]


_NAMES = st.text("abcdefghijklmnopqrstuvwxyzABCDXCOST-_", min_size=1, max_size=20)


@given(st.lists(st.tuples(_NAMES.map(str.encode), st.binary(max_size=8)), max_size=20))
def test_whatever_passes_is_a_part_of_what_came_in_its_order(headers: Headers) -> None:
    remaining = iter(headers)
    for pair in request_headers(headers)[:-1]:
        assert pair in remaining, "invented, or out of order"
        assert not pair[0].lower().replace(b"_", b"-").startswith(b"x-cost-")
