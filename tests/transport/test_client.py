"""The upstream client against a provider made of bytes."""

import asyncio
import gc
from typing import Any

import pytest

from outlay.transport.answer import Answer
from outlay.transport.client import HttpTransport, SocketCounts
from outlay.transport.connection import ClosedBeforeWrite, Connection
from outlay.transport.pool import PoolLimits
from outlay.transport.upstream import (
    AnswerBroken,
    AnswerUnreadable,
    NotSent,
    Transport,
    UpstreamAnswer,
)
from tests.transport.fake_provider import OK_JSON, FakeProvider, Line, answer_each, read_all

STREAM_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_answer_is_read_and_its_connection_is_used_again() -> None:
    async with FakeProvider(answer_each) as provider:
        transport = HttpTransport()
        for _ in range(3):
            answer = await transport.send(provider.request())
            assert answer.status == 200
            assert answer.headers == [
                (b"Content-Type", b"application/json"),
                (b"Content-Length", b"2"),
            ]
            assert await read_all(answer) == b"{}"
        assert provider.connection_count == 1
        assert transport.count_sockets() == SocketCounts(open=1, idle=1)
        await transport.close()
        await provider.wait_until_all_left()
        assert transport.count_sockets() == SocketCounts(open=0, idle=0)


async def test_request_arrives_byte_for_byte() -> None:
    seen: list[bytes] = []

    async def script(line: Line) -> None:
        seen.append(await line.read_request())
        await line.send(OK_JSON)
        await line.wait_until_left()

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        headers = [(b"X-One", b"1"), (b"x-two", b"\xc3\xa9"), (b"X-One", b"again")]
        await transport.send(provider.request(b'{"a":1}', headers=headers))
        await transport.close()
        expected = (
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-One: 1\r\n"
            b"x-two: \xc3\xa9\r\nX-One: again\r\nContent-Length: 7\r\n\r\n"
            b'{"a":1}'
        )
        assert [expected % provider.port] == seen


async def test_large_body_arrives_whole() -> None:
    seen: list[bytes] = []

    async def script(line: Line) -> None:
        seen.append(await line.read_request())
        await line.send(OK_JSON)
        await line.wait_until_left()

    body = bytes(range(256)) * 16 * 1024
    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        assert await read_all(await transport.send(provider.request(body))) == b"{}"
        await transport.close()
    assert seen[0].endswith(b"\r\n\r\n" + body)


async def test_pieces_come_one_by_one_as_they_are_sent() -> None:
    """A stream is forwarded as it arrives: a piece must not wait for the one after it."""
    taken = asyncio.Event()

    async def script(line: Line) -> None:
        await line.read_request()
        await line.send(STREAM_HEAD)
        for number in range(3):
            await line.send(b"2\r\np%d\r\n" % number)
            await taken.wait()
            taken.clear()
        await line.send(b"0\r\n\r\n")
        await line.wait_until_left()

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        answer = await transport.send(provider.request())
        pieces = []
        async for piece in answer.chunks():
            pieces.append(piece)
            taken.set()
        assert pieces == [b"p0", b"p1", b"p2"]
        await transport.close()


async def test_head_is_given_before_any_body() -> None:
    head_taken = asyncio.Event()

    async def script(line: Line) -> None:
        await line.read_request()
        await line.send(STREAM_HEAD)
        await head_taken.wait()
        await line.send(b"1\r\nx\r\n0\r\n\r\n")
        await line.wait_until_left()

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        answer = await transport.send(provider.request())
        head_taken.set()
        assert await read_all(answer) == b"x"
        await transport.close()


async def test_answer_without_length_ends_with_the_connection() -> None:
    async def script(line: Line) -> None:
        await line.read_request()
        await line.send(b"HTTP/1.1 200 OK\r\n\r\nall ", b"of it")

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        assert await read_all(await transport.send(provider.request())) == b"all of it"
        await provider.wait_until_all_left()
        assert transport.count_sockets().idle == 0


async def test_connection_close_is_obeyed() -> None:
    async def script(line: Line) -> None:
        await line.read_request()
        await line.send(OK_JSON.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        await line.wait_until_left()

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        for _ in range(2):
            await read_all(await transport.send(provider.request()))
        await provider.wait_until_all_left()
        assert provider.connection_count == 2
        assert transport.count_sockets() == SocketCounts(open=0, idle=0)


async def test_bytes_after_the_answer_cost_the_connection() -> None:
    """They would be taken for the answer to somebody else's request."""

    async def script(line: Line) -> None:
        await line.read_request()
        await line.send(OK_JSON + OK_JSON.replace(b"{}", b"[]"))
        await line.wait_until_left()

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        for _ in range(2):
            assert await read_all(await transport.send(provider.request())) == b"{}"
        await provider.wait_until_all_left()
        assert provider.connection_count == 2


async def test_bytes_on_an_idle_connection_cost_it() -> None:
    first = asyncio.Event()

    async def script(line: Line) -> None:
        await line.read_request()
        await line.send(OK_JSON)
        await first.wait()
        await line.send(OK_JSON)
        await line.wait_until_left()

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        await read_all(await transport.send(provider.request()))
        first.set()
        await provider.wait_until_all_left()
        assert transport.count_sockets() == SocketCounts(open=0, idle=0)


async def test_redirect_is_an_answer() -> None:
    redirect = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    async with FakeProvider(lambda line: answer_each(line, redirect)) as provider:
        transport = HttpTransport()
        assert (await transport.send(provider.request())).status == 302
        await transport.close()


async def test_refused_connection_was_not_sent() -> None:
    async with FakeProvider(answer_each) as provider:
        request = provider.request()
    transport = HttpTransport()
    with pytest.raises(NotSent, match=r"no connection to 127\.0\.0\.1"):
        await transport.send(request)
    assert transport.count_sockets() == SocketCounts(open=0, idle=0)


async def test_unknown_host_was_not_sent() -> None:
    async with FakeProvider(answer_each) as provider:
        request = provider.request(host="provider.invalid")
    with pytest.raises(NotSent, match=r"provider\.invalid"):
        await HttpTransport().send(request)


async def test_reset_before_an_answer_is_broken() -> None:
    async def script(line: Line) -> None:
        await line.read_request()
        line.reset()

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        with pytest.raises(AnswerBroken, match="ConnectionResetError") as caught:
            await transport.send(provider.request())
        assert isinstance(caught.value.__cause__, ConnectionResetError), "the cause is kept"
        assert provider.connection_count == 1
        assert transport.count_sockets().in_use == 0


async def test_close_before_an_answer_is_broken() -> None:
    async def script(line: Line) -> None:
        await line.read_request()

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        with pytest.raises(AnswerBroken, match="closed before the answer was complete"):
            await transport.send(provider.request())
        assert provider.connection_count == 1


async def test_half_close_before_an_answer_is_broken() -> None:
    async def script(line: Line) -> None:
        await line.read_request()
        await line.send_end()
        await line.wait_until_left()

    async with FakeProvider(script) as provider:
        with pytest.raises(AnswerBroken):
            await HttpTransport().send(provider.request())


@pytest.mark.parametrize("ending", ["reset", "close"])
async def test_pooled_connection_that_dies_after_our_request_is_never_retried(ending: str) -> None:
    """Whether the provider read the request cannot be known: a second one might be billed twice."""
    seen: list[bytes] = []

    async def script(line: Line) -> None:
        seen.append(await line.read_request())
        await line.send(OK_JSON)
        seen.append(await line.read_request())
        if ending == "reset":
            line.reset()

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        await read_all(await transport.send(provider.request()))
        with pytest.raises(AnswerBroken):
            await transport.send(provider.request())
        assert len(seen) == 2
        assert provider.connection_count == 1


async def test_pooled_connection_closed_meanwhile_is_replaced() -> None:
    async def script(line: Line) -> None:
        await line.read_request()
        await line.send(OK_JSON)

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        for _ in range(3):
            assert await read_all(await transport.send(provider.request())) == b"{}"
            await provider.wait_until_all_left()
        assert provider.connection_count == 3


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        STREAM_HEAD + b"3\r\nabc\r\n",
        STREAM_HEAD + b"3\r\nabc\r\n0\r\n",
    ],
)
async def test_cut_body_yields_what_came_and_then_breaks(sent: bytes) -> None:
    async def script(line: Line) -> None:
        await line.read_request()
        await line.send(sent)

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        answer = await transport.send(provider.request())
        pieces = []
        with pytest.raises(AnswerBroken):  # noqa: PT012 - what came before the failure counts
            async for piece in answer.chunks():
                pieces.append(piece)  # noqa: PERF401
        assert b"".join(pieces) == b"abc"
        assert transport.count_sockets().in_use == 0


async def test_garbage_is_broken() -> None:
    async def script(line: Line) -> None:
        await line.read_request()
        await line.send(b"220 smtp.example.com ESMTP\r\n")
        await line.wait_until_left()

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        with pytest.raises(AnswerUnreadable, match="broken answer"):
            await transport.send(provider.request())
        await provider.wait_until_all_left()
        assert transport.count_sockets() == SocketCounts(open=0, idle=0)


async def test_endless_head_is_broken() -> None:
    async def script(line: Line) -> None:
        await line.read_request()
        await line.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while True:
            await line.send(b"x" * 4096)

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        with pytest.raises(AnswerBroken, match="65536 bytes"):
            await transport.send(provider.request())
        await provider.wait_until_all_left()


async def test_close_before_the_end_cancels_upstream() -> None:
    async def script(line: Line) -> None:
        await line.read_request()
        await line.send(STREAM_HEAD + b"1\r\nx\r\n")
        await line.wait_until_left()

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        answer = await transport.send(provider.request())
        await answer.close()
        await answer.close()
        await provider.wait_until_all_left()
        assert transport.count_sockets() == SocketCounts(open=0, idle=0)


async def test_close_after_leaving_the_iteration_cancels_upstream() -> None:
    async def script(line: Line) -> None:
        await line.read_request()
        await line.send(STREAM_HEAD + b"1\r\nx\r\n")
        await line.wait_until_left()

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        answer = await transport.send(provider.request())
        async for piece in answer.chunks():
            assert piece == b"x"
            break
        await answer.close()
        await provider.wait_until_all_left()
        assert transport.count_sockets() == SocketCounts(open=0, idle=0)


@pytest.mark.parametrize("begins", [True, False])
async def test_cancelled_call_closes_its_socket(begins: bool) -> None:
    got_request = asyncio.Event()

    async def script(line: Line) -> None:
        await line.read_request()
        if begins:
            await line.send(STREAM_HEAD + b"1\r\nx\r\n")
        got_request.set()
        await line.wait_until_left()

    async def call(transport: HttpTransport, provider: FakeProvider) -> None:
        await read_all(await transport.send(provider.request()))

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        task = asyncio.create_task(call(transport, provider))
        await got_request.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await provider.wait_until_all_left()
        assert transport.count_sockets() == SocketCounts(open=0, idle=0)


async def test_answer_before_the_request_was_read_is_delivered_and_costs_the_connection() -> None:
    """A refusal by size comes while the body is still on its way."""
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"

    async def script(line: Line) -> None:
        await line.read_head()
        await line.send(refusal)
        await line.wait_until_left()

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        answer = await transport.send(provider.request(bytes(32 * 1024 * 1024)))
        assert answer.status == 413
        assert transport.count_sockets().idle == 0
        await provider.wait_until_all_left()
        assert transport.count_sockets() == SocketCounts(open=0, idle=0)


async def test_a_half_closed_provider_that_reads_no_more_is_broken_at_once() -> None:
    """The request can never be written whole, so waiting for that would take until the limits."""

    async def script(line: Line) -> None:
        await line.read_head()
        line.stop_reading()
        await line.send_end()
        await over.wait()

    over = asyncio.Event()
    async with FakeProvider(script) as provider:
        with pytest.raises(AnswerBroken):
            await HttpTransport().send(provider.request(bytes(32 * 1024 * 1024)))
        over.set()


async def test_a_connection_found_closed_at_the_first_write_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = Connection.start
    failures = [True]

    def start_or_fail(*args: Any) -> Answer:
        if failures.pop():
            raise ClosedBeforeWrite
        return start(*args)

    async with FakeProvider(answer_each) as provider:
        transport = HttpTransport()
        await read_all(await transport.send(provider.request()))
        monkeypatch.setattr(Connection, "start", start_or_fail)
        failures[:] = [False, True]
        assert await read_all(await transport.send(provider.request())) == b"{}"
        assert provider.connection_count == 2
        failures[:] = [True, True]
        with pytest.raises(NotSent, match="before it was used"):
            await transport.send(provider.request())
        await transport.close()


async def test_calls_in_parallel_get_their_own_answers() -> None:
    async def script(line: Line) -> None:
        while True:
            body = (await line.read_request()).partition(b"\r\n\r\n")[2]
            await line.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    async def call(transport: HttpTransport, provider: FakeProvider, number: int) -> bool:
        body = b"%d" % number
        return await read_all(await transport.send(provider.request(body))) == body

    async with FakeProvider(script) as provider:
        transport = HttpTransport(pool_limits=PoolLimits(max_connections=7))
        outcomes = await asyncio.gather(*(call(transport, provider, n) for n in range(300)))
        assert all(outcomes)
        assert provider.connection_count <= 7
        assert transport.count_sockets() == SocketCounts(open=7, idle=7)
        await transport.close()


async def test_close_lets_calls_end_and_takes_no_more() -> None:
    got_request, closing = asyncio.Event(), asyncio.Event()

    async def script(line: Line) -> None:
        await line.read_request()
        got_request.set()
        await closing.wait()
        await line.send(OK_JSON)
        await line.wait_until_left()

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        call = asyncio.create_task(transport.send(provider.request()))
        await got_request.wait()
        await transport.close()
        closing.set()
        assert await read_all(await call) == b"{}"
        await provider.wait_until_all_left()
        assert transport.count_sockets() == SocketCounts(open=0, idle=0)
        with pytest.raises(NotSent, match="closing"):
            await transport.send(provider.request())


async def test_bad_request_is_not_sent() -> None:
    async with FakeProvider(answer_each) as provider:
        transport = HttpTransport()
        with pytest.raises(NotSent):
            await transport.send(provider.request(headers=[(b"x-a", b"b\r\nx-c: d")]))
        assert provider.connection_count == 0


async def test_the_client_is_a_transport() -> None:
    transport: Transport = HttpTransport()
    async with FakeProvider(answer_each) as provider:
        answer: UpstreamAnswer = await transport.send(provider.request())
        assert answer.status == 200
        await answer.close()
        await transport.close()


async def test_closed_connections_need_no_collector_of_cycles() -> None:
    """Thousands of them come and go: each must be freed by its last reference."""
    async with FakeProvider(answer_each) as provider:
        transport = HttpTransport()
        gc.collect()
        gc.disable()
        try:
            await read_all(await transport.send(provider.request()))
            await transport.close()
            await provider.wait_until_all_left()
            left = [thing for thing in gc.get_objects() if isinstance(thing, Connection)]
        finally:
            gc.enable()
        assert left == []
        assert repr(transport) == "<HttpTransport SocketCounts(open=0, idle=0)>"
