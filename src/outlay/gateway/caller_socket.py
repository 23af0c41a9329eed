"""The caller's end of a call: its request, its body within a limit, whether it is still there."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from outlay.kernel.errors import Category, Refused

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class CallerGone(Exception):
    """The caller closed its connection before its request was complete: nothing was sent."""


class CallerSocket:
    """One request of a caller and the answer to it, over ASGI."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap an ASGI http exchange."""
        self.method: str = scope["method"]
        self.path: str = scope["raw_path"].decode("latin-1")
        self.query: str = scope["query_string"].decode("latin-1")
        self.headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.started = False
        self.gone = False
        self._fields = dict(reversed(self.headers))
        self._receive = receive
        self._send = send
        self._watch: asyncio.Task[None] | None = None

    def header(self, name: bytes) -> str | None:
        """Return the first header field of that lower-case name."""
        value = self._fields.get(name)
        return None if value is None else value.decode("latin-1")

    async def read_body(self, limit_bytes: int) -> bytes | Refused:
        """Read the whole body, or say why it is not taken.

        Raises:
            CallerGone: the connection closed before the body was complete.
        """
        declared = self.header(b"content-length")
        if declared is not None and int(declared) > limit_bytes:
            return _too_large(limit_bytes)
        message = await self._receive()
        body: bytes = message.get("body", b"")
        if message["type"] == "http.request" and not message.get("more_body"):
            return body if len(body) <= limit_bytes else _too_large(limit_bytes)
        return await self._read_rest(message, limit_bytes)

    async def _read_rest(self, message: Message, limit_bytes: int) -> bytes | Refused:
        body = bytearray()
        while True:
            if message["type"] != "http.request":
                raise CallerGone
            body += message.get("body", b"")
            if len(body) > limit_bytes:
                return _too_large(limit_bytes)
            if not message.get("more_body"):
                return bytes(body)
            message = await self._receive()

    def watch(self, on_gone: Callable[[], None]) -> None:
        """Call `on_gone` once when the caller hangs up. Only after the body was read."""
        if self._watch is None:
            self._watch = asyncio.create_task(self._wait_until_gone(on_gone))

    async def _wait_until_gone(self, on_gone: Callable[[], None]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        on_gone()

    def unwatch(self) -> None:
        """Stop watching."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    async def start(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Send the head of the answer."""
        self.started = True
        await self._send(
            {"type": "http.response.start", "status": status, "headers": list(headers)}
        )

    async def send(self, chunk: bytes) -> None:
        """Send a piece of the answer; more will come."""
        await self._send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def end(self, chunk: bytes = b"") -> None:
        """Send the last piece of the answer."""
        await self._send({"type": "http.response.body", "body": chunk})


def _too_large(limit_bytes: int) -> Refused:
    return Refused(
        "request_too_large",
        Category.TOO_LARGE,
        f"The request body is larger than {limit_bytes} bytes, the limit of this gateway. "
        "Send less, or ask its operator to raise OUTLAY_MAX_BODY_BYTES.",
    )
