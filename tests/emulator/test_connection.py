"""HTTP as the emulator speaks it: kept connections, pipelines, expectations, nonsense."""

import asyncio

from outlay.emulator.connection import Connection, Request
from outlay.emulator.server import Emulator
from tests.emulator.raw import CHAT, ask, chat
from tests.emulator.waiting import until

HEALTH = b"GET /healthz HTTP/1.1\r\nhost: e\r\n\r\n"


async def converse(emulator: Emulator, *sent: bytes, until: bytes = b"") -> bytes:
    """Send bytes on one connection and return what came before it ended, or up to `until`."""
    host, _, port = emulator.base_url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for piece in sent:
        writer.write(piece)
        await writer.drain()
    answered = b""
    while (not until or until not in answered) and (arrived := await reader.read(1 << 16)):
        answered += arrived
    writer.close()
    await writer.wait_closed()
    return answered


async def test_a_connection_serves_several_requests(emulator: Emulator) -> None:
    last = HEALTH.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    answered = await converse(emulator, HEALTH, HEALTH, last)
    assert answered.count(b"HTTP/1.1 200 OK") == 3


async def test_pipelined_requests_are_answered_in_order(emulator: Emulator) -> None:
    missing = b"GET /nowhere HTTP/1.1\r\nhost: e\r\nconnection: close\r\n\r\n"
    answered = await converse(emulator, HEALTH + missing)
    assert answered.index(b"200 OK") < answered.index(b"404 Not Found")


async def test_old_clients_get_their_connection_closed(emulator: Emulator) -> None:
    answered = await converse(emulator, b"GET /healthz HTTP/1.0\r\n\r\n")
    assert answered.startswith(b"HTTP/1.1 200 OK")


async def test_an_expectation_is_granted(emulator: Emulator) -> None:
    head = b"POST /v1/moderations HTTP/1.1\r\nhost: e\r\nexpect: 100-continue\r\n"
    answered = await converse(emulator, head + b"connection: close\r\ncontent-length: 2\r\n\r\n{}")
    assert answered.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


async def test_nonsense_is_a_400(emulator: Emulator) -> None:
    answered = await converse(emulator, b"\x16\x03\x01 no http\r\n\r\n")
    assert answered.startswith(b"HTTP/1.1 400 Bad Request")


async def test_a_chunked_request_is_read(emulator: Emulator) -> None:
    head = b"POST /v1/moderations HTTP/1.1\r\nhost: e\r\nconnection: close\r\n"
    chunks = b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
    assert (await converse(emulator, head + chunks)).startswith(b"HTTP/1.1 200 OK")


async def test_a_caller_who_reads_slowly_holds_the_stream_back(emulator: Emulator) -> None:
    """What is not read stays unmade: the emulator does not buffer an endless stream."""
    host, _, port = emulator.base_url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    body = b'{"model":"gpt-4o","messages":[{"role":"user","content":"x"}],"stream":true}'
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: e\r\nx-emulate: fault=endless-stream\r\n"
    writer.write(head + b"content-length: %d\r\n\r\n" % len(body) + body)
    connection = await _streaming_connection(emulator)

    await until(lambda: not connection._can_write.is_set())

    writer.close()
    await writer.wait_closed()


async def test_the_first_of_two_headers_counts() -> None:
    request = Request()
    request.headers = [("a", "1"), ("a", "2")]
    assert request.header("a") == "1"
    assert request.header("b") == ""


async def test_path_and_query_are_decoded() -> None:
    request = Request()
    request.target = b"/v1beta/models/a%40b:generateContent?alt=sse&key=x%20y"
    assert request.path == "/v1beta/models/a@b:generateContent"
    assert request.query == {"alt": "sse", "key": "x y"}


async def test_every_head_is_sent_once(emulator: Emulator) -> None:
    raw = await ask(emulator, CHAT, chat())
    names = [name for name, _ in raw.headers]
    assert len(names) == len(set(names))


async def _streaming_connection(emulator: Emulator) -> Connection:
    await until(lambda: emulator.state()["open_streams"])
    (connection,) = emulator._connections
    return connection
