"""Requests that cannot be served are refused in the format of their wire, and go nowhere."""

import http.client

import pytest

from tests.bad_input.conftest import MAX_BODY_BYTES
from tests.bad_input.raw import (
    BODIES,
    CHAT,
    EMBEDDINGS,
    ENVELOPES,
    GENERATE,
    MESSAGES,
    RESPONSES,
    Refuser,
    check,
)

WIRES = pytest.mark.parametrize("path", ENVELOPES)
MAIN_WIRES = pytest.mark.parametrize("path", [CHAT, MESSAGES, GENERATE])

UNKNOWN_PATHS = {
    "/": "openai",
    "/v1": "openai",
    "/v1/nope": "openai",
    "/v1/chat/completions/": "openai",
    "//v1/chat/completions": "openai",
    "/v1/../v1/chat/completions": "openai",
    "/v1/%2e%2e/v1/chat/completions": "openai",
    "/v1/chat%2Fcompletions": "openai",
    "/V1/CHAT/COMPLETIONS": "openai",
    "/v1/messages/nope": "anthropic",
    "/v1beta/nope": "google",
    "/v1beta/models/gemini-2.5-flash:nope": "google",
    "/v1/models/gemini-2.5-flash:nope": "google",
    "/v1beta/models/../models/gemini-2.5-flash:generateContent": "google",
    "/api/nope": "problem",
}

BAD_BODIES = {
    "nothing": b"",
    "no JSON": b"{model: gpt-4o-mini}",
    "cut off": b'{"model": "gpt-4o-mini", "messages": [',
    "a second value behind it": b'{"model": "gpt-4o-mini", "messages": []} {}',
    "an array": b"[]",
    "a number": b"7",
    "null": b"null",
    "100,000 nested arrays": b'{"model": "gpt-4o-mini", "messages": ' + b"[" * 100_000,
    "100,000 nested arrays, closed": b'{"messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "100,000 nested objects": b'{"contents": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
    "NaN": b'{"model": "gpt-4o-mini", "temperature": NaN}',
    "Infinity": b'{"model": "gpt-4o-mini", "max_tokens": Infinity}',
    "invalid UTF-8": b'{"model": "gpt-4o-mini", "messages": "\xff\xfe"}',
    "UTF-16": '{"model": "gpt-4o-mini"}'.encode("utf-16"),
    "a NUL behind it": b'{"model": "gpt-4o-mini", "messages": []}\x00',
}

BAD_HEADERS: dict[str, tuple[list[str | bytes], str]] = {
    "twice": (["x-cost-user: usr_1", "x-cost-user: usr_2"], "X-Cost-User"),
    "twice, the same": (["x-cost-user: usr_1", "x-cost-user: usr_1"], "X-Cost-User"),
    "too long": (["x-cost-feature: " + "a" * 2_000], "X-Cost-Feature"),
    "a bidi override": (["x-cost-feature: check\u202eout"], "X-Cost-Feature"),
    "invalid UTF-8": ([b"x-cost-feature: check\xff\xfeout"], "X-Cost-Feature"),
    "a run budget that is no amount": (["x-cost-run-budget: a lot"], "X-Cost-Run-Budget"),
}


@pytest.mark.parametrize("key", ["", None], ids=["with a key", "without a key"])
@pytest.mark.parametrize(("path", "envelope"), UNKNOWN_PATHS.items(), ids=UNKNOWN_PATHS)
def test_an_unknown_path(refuser: Refuser, path: str, envelope: str, key: str | None) -> None:
    """The path is compared as it came: no two spellings of one path mean the same."""
    check(refuser.post(path, b"{}", key=key), envelope, 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", CHAT),
        ("PUT", MESSAGES),
        ("DELETE", GENERATE),
        ("PATCH", CHAT),
        ("POST", "/v1/models"),
    ],
)
def test_a_wrong_method(refuser: Refuser, method: str, path: str) -> None:
    answer = refuser.send(refuser.request(method, path))
    allowed = "GET" if path == "/v1/models" else "POST"
    check(answer, ENVELOPES.get(path, "openai"), 405, "method_not_allowed", says=allowed)


@WIRES
@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_body_that_cannot_be_read(refuser: Refuser, path: str, name: str) -> None:
    answer = refuser.post(path, BAD_BODIES[name])
    check(answer, ENVELOPES[path], 400, "invalid_request")
    assert "invalid_request" == refuser.recorded(answer)


@MAIN_WIRES
@pytest.mark.parametrize("name", BAD_HEADERS)
def test_a_header_that_cannot_be_accepted(refuser: Refuser, path: str, name: str) -> None:
    fields, header = BAD_HEADERS[name]
    answer = refuser.post(path, BODIES[path], *fields)
    check(answer, ENVELOPES[path], 400, "invalid_header", says=header)
    assert "invalid_header" == refuser.recorded(answer)


@WIRES
def test_a_body_that_declares_to_be_too_large(refuser: Refuser, path: str) -> None:
    """It is refused by what it declares; nobody waits for it."""
    length = f"content-length: {MAX_BODY_BYTES + 1}"
    answer = refuser.send(refuser.request("POST", path, length) + b"{")
    check(answer, ENVELOPES[path], 413, "request_too_large", says=str(MAX_BODY_BYTES))
    assert "request_too_large" == refuser.recorded(answer)


@WIRES
def test_a_body_in_chunks_that_grows_too_large(refuser: Refuser, path: str) -> None:
    head = refuser.request("POST", path, "transfer-encoding: chunked")
    chunk = b"%x\r\n%b\r\n" % (64 * 1024, b"a" * 64 * 1024)
    answer = refuser.send(head + chunk * (MAX_BODY_BYTES // (64 * 1024) + 1) + b"0\r\n\r\n")
    check(answer, ENVELOPES[path], 413, "request_too_large")
    assert "request_too_large" == refuser.recorded(answer)


@MAIN_WIRES
@pytest.mark.parametrize("encoding", ["gzip", "zstd", "br", "identity, gzip", "GZIP"])
def test_a_body_that_is_compressed(refuser: Refuser, path: str, encoding: str) -> None:
    answer = refuser.post(path, b"\x1f\x8b", f"content-encoding: {encoding}")
    check(answer, ENVELOPES[path], 415, "unsupported_encoding", says=encoding)
    assert "unsupported_encoding" == refuser.recorded(answer)


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("model", ["model-of-nobody", "nobody/gpt-4o-mini"])
def test_a_model_that_no_provider_has(refuser: Refuser, path: str, model: str) -> None:
    answer = refuser.post(path, {**BODIES[path], "model": model})
    check(answer, ENVELOPES[path], 404, "model_not_found", says=ascii(model))
    assert "model_not_found" == refuser.recorded(answer)


@pytest.mark.parametrize(
    ("path", "model"),
    [
        (MESSAGES, "gpt-4o-mini"),
        (CHAT, "claude-sonnet-4-5"),
        ("/v1beta/models/gpt-4o-mini:generateContent", None),
    ],
)
def test_a_model_whose_provider_speaks_another_format(
    refuser: Refuser, path: str, model: str | None
) -> None:
    """Formats are not translated (docs/adr/0007): the message says where the model is served."""
    body = BODIES.get(path, BODIES[GENERATE])
    answer = refuser.post(path, body | ({} if model is None else {"model": model}))
    check(answer, ENVELOPES.get(path, "google"), 404, "model_not_found", says="/v1/")
    assert "model_not_found" == refuser.recorded(answer)


@pytest.mark.parametrize("path", [CHAT, RESPONSES, EMBEDDINGS, MESSAGES])
@pytest.mark.parametrize("model", [None, "", 7, ["gpt-4o-mini"], "\u202egpt-4o-mini"], ids=ascii)
def test_a_call_whose_model_cannot_be_read(refuser: Refuser, path: str, model: object) -> None:
    answer = refuser.post(path, {**BODIES[path], "model": model})
    check(answer, ENVELOPES[path], 400, "invalid_request", says="model")


@WIRES
def test_what_is_good_is_accepted(refuser: Refuser, path: str) -> None:
    """The requests above fail for what was put into them, and not for anything else."""
    answer = refuser.post(path, BODIES[path])
    assert http.client.OK == answer.status
    refuser.expect_at_provider(1)
