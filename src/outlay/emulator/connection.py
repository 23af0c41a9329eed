"""HTTP/1.1 over a socket, close enough to the wire to break it in every way a provider can.

An `Exchange` is one request and the means to answer it, or to fail it; no provider is known here.
"""

import asyncio
import os
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qsl, unquote

import httptools

MAX_BODY_BYTES = 64 << 20
_PIECES_A_TURN = 8
_LINGER_ZERO = struct.pack("ii", 1, 0)
_PHRASES = {status.value: status.phrase for status in HTTPStatus} | {529: "Overloaded"}

Headers = Mapping[str, str] | list[tuple[str, str]]


class Request:
    """One request: `path` is decoded, `query` its fields, header names are in lower case."""

    def __init__(self) -> None:
        """Start empty; the parser fills it."""
        self.method = ""
        self.target = b""
        self.headers: list[tuple[str, str]] = []
        self.body = b""
        self.keeps_alive = True

    @cached_property
    def path(self) -> str:
        """The path, percent-decoded."""
        return unquote(self.target.partition(b"?")[0].decode("latin-1"))

    @cached_property
    def query(self) -> dict[str, str]:
        """The query's fields; the last of a name wins."""
        text = self.target.partition(b"?")[2].decode("latin-1")
        return dict(parse_qsl(text)) if text else {}

    @cached_property
    def _first_values(self) -> dict[str, str]:
        return dict(reversed(self.headers))

    def header(self, name: str) -> str:
        """Return the first header of that name, or an empty text."""
        return self._first_values.get(name, "")


class Exchange:
    """One request and the ways to answer it. After the caller has left, writing does nothing."""

    def __init__(self, connection: "Connection", request: Request) -> None:
        """Belong to a connection, which carries one exchange at a time."""
        self.request = request
        self._connection = connection
        self._chunked = False
        self._pieces = 0
        self._closes = not request.keeps_alive
        self.is_streaming = False

    def answer(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a complete answer in one write."""
        self._connection.write(
            _head(status, [*_pairs(headers), ("content-length", str(len(body)))]) + body
        )
        self._finish()

    def begin(self, status: int, headers: Headers, *, length: int | None = None) -> None:
        """Send the head of an answer whose body follows: of known length, or in chunks."""
        self.is_streaming = True
        self._chunked = length is None
        framing = (
            ("transfer-encoding", "chunked") if length is None else ("content-length", str(length))
        )
        self._connection.write(_head(status, [*_pairs(headers), framing]))

    def begin_unframed(self, status: int, headers: Headers) -> None:
        """Send the head of an answer whose body ends with the connection."""
        self.is_streaming = self._closes = True
        self._connection.write(_head(status, [*_pairs(headers), ("connection", "close")]))

    async def send(self, content: bytes, *, alone: bool = False) -> None:
        """Send a piece of the body, and wait while the caller reads too slowly.

        Others get their turn after a few pieces, so some may share a segment; a piece that is sent
        `alone` goes out before the next.
        """
        if self._chunked:
            content = b"%x\r\n%b\r\n" % (len(content), content)
        self._connection.write(content)
        self._pieces += 1
        await self._connection.drain(yields=alone or self._pieces % _PIECES_A_TURN == 0)

    def end(self) -> None:
        """End the body as its framing asks."""
        if self._chunked:
            self._connection.write(b"0\r\n\r\n")
        self._finish()

    def break_framing(self) -> None:
        """Send what is no chunk."""
        self._connection.write(b"zz\r\nthis is no chunk\r\n")
        self._connection.close()

    def close(self) -> None:
        """Close the connection, whatever has been sent."""
        self._connection.close()

    def reset(self) -> None:
        """Reset the connection (RST), so that the caller may lose what it has not read yet."""
        self._connection.reset()

    async def until_gone(self) -> None:
        """Wait until the caller leaves; the exchange is cancelled then."""
        await asyncio.Event().wait()

    def _finish(self) -> None:
        self.is_streaming = False
        if self._closes:
            self._connection.close()


Answerer = Callable[[Exchange], Awaitable[None]]


class Connection(asyncio.Protocol):
    """One socket: reads requests, answers one after the other, notices when the caller leaves."""

    def __init__(self, answerer: Answerer, opened: "set[Connection]") -> None:
        """Answer by `answerer`; be in `opened` as long as the socket is open."""
        self._answerer = answerer
        self._opened = opened
        self._parser = httptools.HttpRequestParser(self)
        self._request = Request()
        self._body: list[bytes] = []
        self._size_bytes = 0
        self._waiting: deque[Request] = deque()
        self._task: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()
        self._can_write = asyncio.Event()
        self._can_write.set()
        self.exchange: Exchange | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        self._opened.add(self)
        self._set_option(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.write(_head(400, [("content-length", "0"), ("connection", "close")]))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio passes it
        """End; an answer under way is cancelled, so that it can settle its bill."""
        self._lost.set()
        self._can_write.set()
        self._waiting.clear()
        if self._task is None:
            self._opened.discard(self)
        else:
            # Counted as open until its bill is settled, so that who sees no connection sees it all.
            self._task.add_done_callback(lambda _: self._opened.discard(self))
            self._task.cancel()

    def pause_writing(self) -> None:
        """Wait: the caller reads too slowly."""
        self._can_write.clear()

    def resume_writing(self) -> None:
        """Go on."""
        self._can_write.set()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request target."""
        self._request.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; `expect: 100-continue` is granted."""
        key = name.decode("latin-1").lower()
        self._request.headers.append((key, value.decode("latin-1")))
        if key == "expect" and value.lower() == b"100-continue":
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._size_bytes += len(body)
        if self._size_bytes > MAX_BODY_BYTES:
            self.close()
            return
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Queue the request."""
        request = self._request
        request.method = self._parser.get_method().decode("latin-1")
        request.body = b"".join(self._body)
        request.keeps_alive = self._parser.should_keep_alive()
        self._request, self._body, self._size_bytes = Request(), [], 0
        self._waiting.append(request)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._answer_waiting())

    async def _answer_waiting(self) -> None:
        try:
            while self._waiting:
                self.exchange = Exchange(self, self._waiting.popleft())
                await self._answerer(self.exchange)
        finally:
            self.exchange = self._task = None

    def write(self, content: bytes) -> None:
        """Send bytes as they are."""
        if not self._transport.is_closing():
            self._transport.write(content)

    async def drain(self, *, yields: bool) -> None:
        """Wait while the send buffer is full; let others run if this is the moment."""
        if not self._can_write.is_set():
            await self._can_write.wait()
        elif yields:
            await asyncio.sleep(0)

    def close(self) -> None:
        """Close after what was written."""
        self._transport.close()

    async def shut(self) -> None:
        """Reset the connection and wait until the answer under way has settled its bill."""
        task = self._task
        self.reset()
        await self._lost.wait()
        if task is not None:
            await asyncio.wait([task])

    def reset(self) -> None:
        """Close with a reset."""
        if self._lost.is_set():
            return
        self._set_option(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self._transport.abort()

    def _set_option(self, level: int, option: int, value: int | bytes) -> None:
        # uvloop's own socket object sets no options; a duplicate of the descriptor does.
        known = self._transport.get_extra_info("socket")
        with socket.socket(fileno=os.dup(known.fileno())) as duplicate:
            duplicate.setsockopt(level, option, value)


def _pairs(headers: Headers) -> list[tuple[str, str]]:
    return list(headers.items()) if isinstance(headers, Mapping) else headers


def _head(status: int, headers: list[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {status} {_PHRASES.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
