"""How long an exchange may take, and how much of it may lie unread."""

import asyncio

import pytest

from outlay.transport.answer import MAX_UNREAD_BYTES
from outlay.transport.client import HttpTransport, SocketCounts
from outlay.transport.pool import PoolLimits
from outlay.transport.upstream import AnswerTimedOut, Limits, NotSent
from tests.transport.fake_provider import OK_JSON, FakeProvider, Line, answer_each, read_all

STREAM_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SHORT = 0.05


async def test_silence_before_the_head_times_out() -> None:
    async def script(line: Line) -> None:
        await line.read_request()
        await line.wait_until_left()

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        with pytest.raises(AnswerTimedOut, match="did not begin"):
            await transport.send(provider.request(limits=Limits(first_byte_timeout_s=SHORT)))
        await provider.wait_until_all_left()
        assert transport.count_sockets() == SocketCounts(open=0, idle=0)


async def test_head_that_trickles_times_out() -> None:
    async def script(line: Line) -> None:
        await line.read_request()
        await line.send(b"HTTP/1.1 200 OK\r\nX-")
        await line.wait_until_left()

    async with FakeProvider(script) as provider:
        with pytest.raises(AnswerTimedOut, match="did not begin"):
            await HttpTransport().send(provider.request(limits=Limits(first_byte_timeout_s=SHORT)))


async def test_silence_within_a_stream_times_out() -> None:
    async def script(line: Line) -> None:
        await line.read_request()
        await line.send(STREAM_HEAD + b"1\r\nx\r\n")
        await line.wait_until_left()

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        answer = await transport.send(provider.request(limits=Limits(idle_timeout_s=SHORT)))
        with pytest.raises(AnswerTimedOut, match=r"sent nothing for 0\.05 s"):
            await read_all(answer)
        await provider.wait_until_all_left()


async def test_endless_stream_ends_at_the_total_limit() -> None:
    async def script(line: Line) -> None:
        await line.read_request()
        await line.send(STREAM_HEAD)
        while True:
            await line.send(b"1\r\nx\r\n")

    async with FakeProvider(script) as provider:
        answer = await HttpTransport().send(provider.request(limits=Limits(total_timeout_s=SHORT)))
        with pytest.raises(AnswerTimedOut, match="total time limit"):
            await read_all(answer)
        await provider.wait_until_all_left()


async def test_no_connection_in_time_was_not_sent() -> None:
    """The only connection allowed is in use, so the second call never reaches a socket."""
    got_request = asyncio.Event()

    async def script(line: Line) -> None:
        await line.read_request()
        got_request.set()
        await line.wait_until_left()

    async with FakeProvider(script) as provider:
        transport = HttpTransport(pool_limits=PoolLimits(max_connections=1))
        first = asyncio.create_task(transport.send(provider.request()))
        await got_request.wait()
        with pytest.raises(NotSent, match="in time"):
            await transport.send(provider.request(limits=Limits(connect_timeout_s=SHORT)))
        first.cancel()
        await provider.wait_until_all_left()


async def test_unread_body_holds_the_provider_back() -> None:
    """Bytes that nobody reads must not pile up here: the provider waits instead."""
    body_bytes = 64 * 1024 * 1024
    was_held_back = asyncio.Event()

    async def script(line: Line) -> None:
        await line.read_request()
        await line.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % body_bytes)
        line.write(bytes(body_bytes))
        before = -1
        while before != line.unsent_bytes():
            before = line.unsent_bytes()
            for _ in range(100):
                await asyncio.sleep(0)
        was_held_back.set()
        await line.wait_until_left()

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        answer = await transport.send(provider.request(limits=Limits(idle_timeout_s=5)))
        await was_held_back.wait()
        received = 0
        largest = 0
        async for piece in answer.chunks():
            received += len(piece)
            largest = max(largest, len(piece))
        assert received == body_bytes
        assert largest < 3 * MAX_UNREAD_BYTES
        assert transport.count_sockets() == SocketCounts(open=1, idle=1)
        await transport.close()


async def test_a_connection_paused_by_the_last_byte_of_an_answer_is_read_again() -> None:
    body = bytes(MAX_UNREAD_BYTES + 1)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    async with FakeProvider(lambda line: answer_each(line, answer)) as provider:
        transport = HttpTransport()
        for _ in range(2):
            unread = await transport.send(provider.request(limits=Limits(total_timeout_s=5)))
            while not transport.count_sockets().idle:  # noqa: ASYNC110 it is on its way
                await asyncio.sleep(0)
            assert await read_all(unread) == body
        assert provider.connection_count == 1
        await transport.close()


async def test_silence_while_we_do_not_read_is_not_the_providers() -> None:
    body_bytes = 16 * 1024 * 1024

    async def script(line: Line) -> None:
        await line.read_request()
        await line.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % body_bytes)
        line.write(bytes(body_bytes))
        await line.wait_until_left()

    async with FakeProvider(script) as provider:
        transport = HttpTransport()
        answer = await transport.send(provider.request(limits=Limits(idle_timeout_s=SHORT)))
        resumed = asyncio.Event()
        asyncio.get_running_loop().call_later(3 * SHORT, resumed.set)
        await resumed.wait()
        assert len(await read_all(answer)) == body_bytes
        await transport.close()


async def test_idle_connection_expires() -> None:
    async def script(line: Line) -> None:
        await line.read_request()
        await line.send(OK_JSON)
        await line.wait_until_left()

    async with FakeProvider(script) as provider:
        transport = HttpTransport(pool_limits=PoolLimits(idle_expiry_s=SHORT))
        await read_all(await transport.send(provider.request()))
        await provider.wait_until_all_left()
        assert transport.count_sockets() == SocketCounts(open=0, idle=0)
