"""A provider made of bytes: a server whose every connection follows a script."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from outlay.transport.upstream import Headers, Limits, UpstreamAnswer, UpstreamRequest

OK_JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Line:
    """The provider's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read_request(self) -> bytes:
        """Read one request, body included; its bytes as they came."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        body_bytes = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                body_bytes = int(line.partition(b":")[2])
        return head + await self._reader.readexactly(body_bytes)

    async def read_head(self) -> bytes:
        """Read the head of a request and leave its body in the socket."""
        return await self._reader.readuntil(b"\r\n\r\n")

    async def send(self, *pieces: bytes) -> None:
        """Send pieces, one write each."""
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()
            await asyncio.sleep(0)  # a script that always sends must not keep the loop to itself

    def write(self, piece: bytes) -> None:
        """Queue bytes without waiting for the client to read."""
        self._writer.write(piece)

    def unsent_bytes(self) -> int:
        """Tell how much the client has not taken."""
        return self._writer.transport.get_write_buffer_size()

    def stop_reading(self) -> None:
        """Take nothing more from the client."""
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]  # it reads, too

    async def send_end(self) -> None:
        """Close our side only."""
        self._writer.write_eof()

    def reset(self) -> None:
        """Cut the connection with a TCP reset."""
        self._writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self._writer.transport.abort()

    async def wait_until_left(self) -> bytes:
        """Wait until the client closes; return what it had still sent."""
        try:
            return await self._reader.read()
        except ConnectionError:
            return b""


Script = Callable[[Line], Awaitable[None]]


class FakeProvider:
    """Serves `script` on a free port of the loopback interface while it is entered."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._server: asyncio.Server
        self._tasks: set[asyncio.Task[None]] = set()
        self.connection_count = 0
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=self._tls, limit=2**20
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def request(
        self,
        body: bytes = b"{}",
        *,
        method: str = "POST",
        headers: Headers | None = None,
        limits: Limits | None = None,
        scheme: str = "http",
        host: str = "127.0.0.1",
    ) -> UpstreamRequest:
        """Make a request to this provider."""
        return UpstreamRequest(
            method=method,
            scheme=scheme,
            host=host,
            port=self.port,
            target="/v1/chat/completions",
            headers=headers or [],
            body=body,
            limits=limits or Limits(),
        )

    async def wait_until_all_left(self) -> None:
        """Wait until every script has ended."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connection_count += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        # The client leaves, the script cuts the line, or the test is over.
        is_no_matter = (OSError, asyncio.IncompleteReadError, asyncio.CancelledError)
        try:
            with contextlib.suppress(*is_no_matter):
                await self._script(Line(reader, writer))
            writer.close()
            with contextlib.suppress(*is_no_matter):
                await writer.wait_closed()
        finally:
            self._tasks.discard(task)


async def read_all(answer: UpstreamAnswer) -> bytes:
    """Read the whole body of an answer."""
    return b"".join([piece async for piece in answer.chunks()])


async def answer_each(line: Line, answer: bytes = OK_JSON) -> None:
    """Answer request after request until the client leaves."""
    while True:
        await line.read_request()
        await line.send(answer)
