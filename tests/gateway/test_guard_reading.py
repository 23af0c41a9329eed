"""A client may read its answer slowly, but it must read: else it holds a call for ever."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from outlay.gateway import guard
from tests.gateway.guarded_server import LARGE, Application, Gateway, running

GET_LARGE = b"GET /large HTTP/1.1\r\nHost: gateway\r\n\r\n"


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """A server behind the guard."""
    async with running(Application()) as started:
        yield started


async def test_a_client_that_reads_nothing_is_cut_off(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "READ_WINDOW_S", 0.05)
    with socket.create_connection(("127.0.0.1", gateway.port)) as client:
        client.sendall(GET_LARGE)
        await asyncio.wait_for(gateway.application.completed.wait(), 20)
        assert 1 == gateway.open_connections
        async with asyncio.timeout(20):
            while gateway.open_connections:  # noqa: ASYNC110 nobody tells
                await asyncio.sleep(0.01)


async def test_a_client_that_reads_slowly_gets_everything(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes much longer than the window, but takes something in each."""
    monkeypatch.setattr(guard, "READ_WINDOW_S", 0.25)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(GET_LARGE)
    await reader.readuntil(b"\r\n\r\n")
    missing_bytes = len(b"/large") * LARGE
    while missing_bytes:
        received = await reader.read(missing_bytes)
        assert received
        missing_bytes -= len(received)
        await asyncio.sleep(0.005)
    writer.close()
