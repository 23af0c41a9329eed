"""The framing guard stands in front of the running gateway (its own tests: tests/gateway)."""

import json

import pytest

from tests.bad_input.raw import BODIES, CHAT, ENVELOPES, MESSAGES, Refuser, check
from tests.gateway.hostile_bytes import REFUSED

WIRES = pytest.mark.parametrize("path", ENVELOPES)
TRICKS = [
    "length and chunked",
    "two lengths",
    "chunked twice",
    "chunked in HTTP/1.0",
    "one bare line feed",
    "a folded header",
    "a NUL in a value",
    "no Host",
    "two Hosts",
    "two authorizations",
]
"""One of each kind."""


@pytest.mark.parametrize("name", TRICKS)
def test_a_request_that_two_parsers_read_differently(refuser: Refuser, name: str) -> None:
    answer = refuser.send(REFUSED[name])
    check(answer, "openai", 400, "malformed_request")
    assert "close" == answer.headers["connection"]


def test_what_is_smuggled_behind_a_call_is_not_served(refuser: Refuser) -> None:
    """A second call hidden in the body of the first one is never made: neither of them is."""
    hidden = refuser.request("POST", MESSAGES, body=json.dumps(BODIES[MESSAGES]).encode())
    both = ("content-length: 4", "transfer-encoding: chunked")
    answer = refuser.send(refuser.request("POST", CHAT, *both) + b"0\r\n\r\n" + hidden)
    check(answer, "openai", 400, "malformed_request")


@WIRES
def test_a_head_that_is_too_large(refuser: Refuser, path: str) -> None:
    for fields in (["x-note: " + "a" * 40_000], [f"x-note-{n}: a" for n in range(200)]):
        answer = refuser.post(path, BODIES[path], *fields)
        check(answer, ENVELOPES[path], 431, "headers_too_large")


@pytest.mark.parametrize("path", [CHAT, "/v1/realtime?model=gpt-realtime", "/"])
def test_a_web_socket(refuser: Refuser, path: str) -> None:
    upgrade = (
        "connection: Upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    check(refuser.send(refuser.request("GET", path, *upgrade)), "openai", 404, "not_found")


@WIRES
def test_an_upgrade_to_http2(refuser: Refuser, path: str) -> None:
    offer = ("connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAMAAABkAAQ")
    answer = refuser.post(path, BODIES[path], *offer)
    check(answer, ENVELOPES[path], 400, "http2_not_served")
