"""What a connection can know of its socket before it writes, and what it cannot."""

import asyncio
import socket
import struct
from typing import Any

import pytest

from outlay.transport.connection import ClosedBeforeWrite, Connection
from outlay.transport.dial import Dialler
from outlay.transport.proxy import ProxyRules
from outlay.transport.upstream import AnswerBroken, Limits, UpstreamRequest

REQUEST = UpstreamRequest("POST", "http", "h", 80, "/", [], b"", Limits())
HEAD = b"POST / HTTP/1.1\r\nHost: h\r\n\r\n"


class Peer:
    """The provider's end as a blocking socket: things happen between two turns of the loop."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))

    async def connect(self) -> Connection:
        """Let a connection be made."""
        port = self._listening.getsockname()[1]
        connection = await Dialler(None, ProxyRules()).dial("http", "127.0.0.1", port)
        self._socket, _ = self._listening.accept()
        self._listening.close()
        return connection

    def send(self, sent: bytes) -> None:
        self._socket.sendall(sent)

    def close(self) -> None:
        self._socket.close()

    def reset(self) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()


def _start(connection: Connection) -> None:
    connection.start(REQUEST, HEAD, asyncio.get_running_loop().time() + 60)


async def _until_lost(connection: Connection) -> None:
    while not connection.is_lost:  # noqa: ASYNC110 the loop has it to do already
        await asyncio.sleep(0)


async def test_an_idle_connection_can_carry_another_request() -> None:
    peer = Peer()
    connection = await peer.connect()
    assert connection.can_carry_another()
    assert repr(connection).endswith(", idle>")
    connection.drop()
    await _until_lost(connection)
    assert not connection.can_carry_another()
    assert repr(connection).endswith(", closed>")
    peer.close()


async def test_a_close_that_the_loop_has_not_seen_yet_is_seen_before_reuse() -> None:
    peer = Peer()
    connection = await peer.connect()
    peer.close()
    assert not connection.can_carry_another()
    connection.drop()
    await _until_lost(connection)


async def test_unasked_for_bytes_that_the_loop_has_not_seen_yet_are_seen_before_reuse() -> None:
    peer = Peer()
    connection = await peer.connect()
    peer.send(b"HTTP/1.1 408 Too slow\r\n\r\n")
    assert not connection.can_carry_another()
    await _until_lost(connection)
    peer.close()


async def test_nothing_is_written_to_a_closed_connection() -> None:
    peer = Peer()
    connection = await peer.connect()
    peer.close()
    await _until_lost(connection)
    with pytest.raises(ClosedBeforeWrite):
        _start(connection)


async def test_a_first_write_that_fails_has_sent_nothing() -> None:
    peer = Peer()
    connection = await peer.connect()
    peer.reset()
    with pytest.raises(ClosedBeforeWrite):
        _start(connection)
    await _until_lost(connection)


class _FailingTransport(asyncio.Transport):
    """Takes one write; the next one finds the socket broken."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__({"socket": sock})
        self.taken: list[bytes] = []
        self.is_broken = False

    def write(self, data: Any) -> None:
        if self.taken:
            self.is_broken = True
        else:
            self.taken.append(data)

    def is_closing(self) -> bool:
        return self.is_broken

    def abort(self) -> None:
        self.is_broken = True


async def test_a_second_write_that_fails_has_sent_something() -> None:
    """A large body follows its head in a write of its own; by then the head may have been read."""
    sock, _ = socket.socketpair()
    with sock, _:
        transport = _FailingTransport(sock)
        connection = Connection("test", asyncio.get_running_loop())
        connection.connection_made(transport)
        request = UpstreamRequest("POST", "http", "h", 80, "/", [], bytes(1_000_000), Limits())
        answer = connection.start(request, HEAD, asyncio.get_running_loop().time() + 60)
        assert transport.taken == [HEAD]
        connection.connection_lost(BrokenPipeError())
        with pytest.raises(AnswerBroken, match="BrokenPipe"):
            await answer.wait_for_head()


async def test_bytes_given_to_the_kernel_count_as_sent() -> None:
    """The provider closed before it could read them; from here that cannot be told."""
    peer = Peer()
    connection = await peer.connect()
    peer.close()
    answer = connection.start(REQUEST, HEAD, asyncio.get_running_loop().time() + 60)
    with pytest.raises(AnswerBroken):
        await answer.wait_for_head()
    await _until_lost(connection)
