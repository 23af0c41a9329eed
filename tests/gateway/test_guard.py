"""Hostile bytes against a real server behind the guard: what is refused, and that nothing gets by.

Each case of the corpus is also sent behind a good request in the same write.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import uvicorn

from outlay.gateway import guard
from outlay.gateway.guard import GuardedProtocol
from tests.gateway.guarded_server import Application, Gateway, read_refusal, running
from tests.gateway.hostile_bytes import (
    ACCEPTED,
    EVIL,
    GOOD,
    HEARD_OF,
    HOST,
    REFUSED,
    STATUS,
    chunked,
    post,
)

# uvicorn takes a tenth of a second to stop, so one server serves the file.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[Gateway]:
    async with running(Application()) as gateway:
        yield gateway


@pytest.fixture
def gateway(server: Gateway) -> Gateway:
    server.application.reset()
    return server


@pytest.mark.parametrize("name", REFUSED)
async def test_refused(gateway: Gateway, name: str) -> None:
    status, error = read_refusal(await gateway.exchange(REFUSED[name]))
    assert status == STATUS[name]
    assert set(error) == {"message", "type", "param", "code", "request_id"}
    assert gateway.application.complete == []
    if name not in HEARD_OF:
        assert gateway.application.heads == []


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (b"/v1/messages", "anthropic"),
        (b"/v1/messages?beta=true", "anthropic"),
        (b"/v1beta/models/m:generateContent", "google"),
        (b"/v1/models/m:streamGenerateContent?alt=sse", "google"),
        (b"/api/v1/events", "problem"),
        (b"/v1/chat/completions", "openai"),
        (b"/\xff\xfe", "openai"),
    ],
)
@pytest.mark.parametrize(
    "rest",
    [b"Host: a\r\nHost: b\r\n\r\n", b"Host: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
    ids=["head", "body"],
)
async def test_a_refusal_is_told_in_the_format_of_its_path(
    gateway: Gateway, path: bytes, kind: str, rest: bytes
) -> None:
    answer = await gateway.exchange(b"POST " + path + b" HTTP/1.1\r\n" + rest)
    head, _, body = answer.partition(b"\r\n\r\n")
    told = json.loads(body)
    ids = {
        "openai": lambda: told["error"]["request_id"],
        "anthropic": lambda: told["type"] == "error" and told["request_id"],
        "google": lambda: told["error"]["details"][0]["metadata"]["request_id"],
        "problem": lambda: told["status"] == 400 and told["request_id"],
    }
    assert f"x-cost-request-id: {ids[kind]()}".encode() in head.split(b"\r\n")
    media = b"application/problem+json" if kind == "problem" else b"application/json"
    assert b"content-type: " + media in head.split(b"\r\n")


@pytest.mark.parametrize("name", REFUSED)
async def test_refused_after_a_good_request_that_is_answered(gateway: Gateway, name: str) -> None:
    """One write holds both: the good one is answered in full, with nothing woven into it."""
    answer = await gateway.exchange(GOOD + REFUSED[name])
    first, _, rest = answer.partition(b"/good")
    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert read_refusal(rest)[0] == STATUS[name]
    assert [path for path, _, _ in gateway.application.complete] == [b"/good"]


async def test_refused_while_a_good_request_is_being_answered() -> None:
    application = Application()
    application.gate = asyncio.Event()
    async with running(application) as gateway:
        exchange = asyncio.create_task(gateway.exchange(GOOD + GOOD + EVIL[:-2] + b"\x01"))
        await application.reached.wait()
        application.gate.set()
        answer = await exchange
    good, good_again, refusal = re.split(rb"(?<=/good)", answer)
    assert good.startswith(b"HTTP/1.1 200 OK\r\n")
    assert good_again.startswith(b"HTTP/1.1 200 OK\r\n")
    assert read_refusal(refusal)[0] == 400
    assert len(application.complete) == 2


async def test_a_broken_body_behind_a_request_being_answered_never_reaches_the_application() -> (
    None
):
    application = Application()
    application.gate = asyncio.Event()
    async with running(application) as gateway:
        exchange = asyncio.create_task(gateway.exchange(GOOD + chunked(b"zz\r\n")))
        await application.reached.wait()
        application.gate.set()
        good, refusal = re.split(rb"(?<=/good)", await exchange)
    assert good.startswith(b"HTTP/1.1 200 OK\r\n")
    assert read_refusal(refusal)[0] == 400
    assert application.heads == [b"/good"]


@pytest.mark.parametrize("name", ACCEPTED)
async def test_accepted(gateway: Gateway, name: str) -> None:
    sent, body = ACCEPTED[name]
    answer = await gateway.exchange(sent, b"EHLO\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    [(_, seen_body, headers)] = gateway.application.complete
    assert seen_body == body
    assert b"evil" not in [value for _, value in headers], "a trailer became a header"


async def test_what_follows_a_closing_request_is_not_a_request(gateway: Gateway) -> None:
    closing = post(b"Connection: close\r\nContent-Length: 1", b"a")
    answer = await gateway.exchange(closing + EVIL)
    assert answer.endswith(b"/v1/x")
    assert gateway.application.heads == [b"/v1/x"]


async def test_a_body_that_looks_like_a_request_is_a_body(gateway: Gateway) -> None:
    sent = post(b"Content-Length: %d" % len(EVIL), EVIL)
    await gateway.exchange(sent + b"EHLO\r\n")
    [(path, body, _)] = gateway.application.complete
    assert (path, body) == (b"/v1/x", EVIL)


async def test_pipelined_requests_are_answered_in_order(gateway: Gateway) -> None:
    requests = b"".join(GOOD.replace(b"/good", b"/n%d" % n) for n in range(5))
    answer = await gateway.exchange(requests + b"EHLO\r\n")
    assert re.findall(rb"/n\d", answer) == [b"/n%d" % n for n in range(5)]


async def test_a_flood_of_pipelined_requests_is_refused() -> None:
    application = Application()
    application.gate = asyncio.Event()
    async with running(application) as gateway:
        exchange = asyncio.create_task(gateway.exchange(GOOD * 1_000))
        await application.reached.wait()
        application.gate.set()
        answer = await exchange
    assert answer.count(b"/good") == 1 + guard.MAX_PIPELINED
    assert answer.count(b" 400 ") == 1


async def test_continue_is_said_when_the_body_is_wanted(gateway: Gateway) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(post(b"Expect: 100-Continue\r\nContent-Length: 3"))
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"abc")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.close()


async def test_an_application_waiting_for_a_broken_body_hears_of_a_disconnect(
    gateway: Gateway,
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(chunked(b"3\r\nabc\r\n"))
    await gateway.application.reached.wait()
    writer.write(b"zz\r\n")
    assert read_refusal(await reader.read())[0] == 400
    assert gateway.application.disconnects == 1
    writer.close()


async def test_a_slow_head_is_refused(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "HEAD_TIMEOUT_S", 0.05)
    assert read_refusal(await gateway.exchange(GOOD[:10]))[0] == 408


async def test_a_slow_second_head_is_refused(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "HEAD_TIMEOUT_S", 0.05)
    answer = await gateway.exchange(GOOD + GOOD[:10])
    assert read_refusal(answer.partition(b"/good")[2])[0] == 408


async def test_silence_on_a_new_connection_ends_it(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "HEAD_TIMEOUT_S", 0.05)
    assert await gateway.exchange() == b""


async def test_blank_lines_do_not_keep_a_connection(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "HEAD_TIMEOUT_S", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(GOOD)
    await reader.readuntil(b"/good")
    writer.write(b"\r\n")
    async with asyncio.timeout(4):  # uvicorn itself would close after 5 s of keeping it alive
        assert await reader.read() == b""
    writer.close()


async def test_a_slow_body_is_refused(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_WINDOW_S", 0.05)
    answer = await gateway.exchange(post(b"Content-Length: 100000"), b"a" * 1000)
    assert read_refusal(answer)[0] == 408
    assert gateway.application.complete == []


async def test_a_body_has_more_time_than_a_head(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "HEAD_TIMEOUT_S", 0.05)
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(post(b"Content-Length: 2", b"a"))
    await _pass(0.15)
    writer.write(b"b")
    async with asyncio.timeout(5):
        await gateway.application.completed.wait()
    writer.close()


async def test_a_body_that_the_application_does_not_take_yet_is_not_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard, "BODY_WINDOW_S", 0.05)
    application = Application()
    application.gate = asyncio.Event()
    body = bytes(10_000_000)
    async with running(application) as gateway:
        sent = b"POST /late HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(body)
        exchange = asyncio.create_task(gateway.exchange(sent, body, b"EHLO\r\n"))
        await application.reached.wait()
        await _pass(0.2)
        application.gate.set()
        answer = await exchange
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert len(application.complete[0][1]) == len(body)


async def test_a_body_at_a_fair_pace_is_taken(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is on speed: a large upload may take longer than any one window."""
    monkeypatch.setattr(guard, "BODY_WINDOW_S", 0.05)
    monkeypatch.setattr(guard, "MIN_WINDOW_BYTES", 1)
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(post(b"Content-Length: 40"))
    for _ in range(40):
        await _pass(0.005)
        writer.write(b"a")
    async with asyncio.timeout(5):
        await gateway.application.completed.wait()
    writer.close()


async def test_the_rest_of_a_body_answered_early_is_dropped_for_a_while(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that is cut off while it writes would never read why it was refused."""
    monkeypatch.setattr(guard, "LINGER_S", 0.05)
    sent = b"POST /early HTTP/1.1\r\n" + HOST + b"Content-Length: 10000000\r\n\r\n"
    answer = await gateway.exchange(sent, b"a" * 1_000_000)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


async def test_after_an_early_answer_the_connection_ends_with_the_body(gateway: Gateway) -> None:
    sent = b"POST /early HTTP/1.1\r\n" + HOST + b"Content-Length: 2000000\r\n\r\n"
    answer = await gateway.exchange(sent, b"a" * 2_000_000, EVIL)
    assert answer.count(b"HTTP/1.1 200 OK") == 1


async def _pass(seconds: float) -> None:
    """Let some time pass: what is tested is a limit on time."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), seconds)


async def test_uvicorn_is_as_the_guard_expects() -> None:
    """The guard leans on these; a release that changes one must be read before it is used."""
    config = uvicorn.Config(Application(), ws="none", lifespan="off", log_config=None)
    protocol = GuardedProtocol(config, uvicorn.Server(config).server_state, {})
    for attribute in (
        "parser", "pipeline", "transport", "flow", "cycle", "headers", "loop",
        "expect_100_continue", "server_state",
    ):  # fmt: skip
        assert hasattr(protocol, attribute), attribute
    protocol.on_message_begin()
    assert protocol.url == b"", "how the guard knows that a request has begun"
    assert hasattr(protocol.server_state, "default_headers")
    overridden = (
        "connection_made", "connection_lost", "data_received", "on_header",
        "on_headers_complete", "on_body", "on_message_complete", "on_response_complete",
        "send_400_response",
    )  # fmt: skip
    parent = GuardedProtocol.__mro__[1]
    for method in overridden:
        assert method in vars(parent), f"uvicorn no longer has {method}"
