"""A real server behind the guard, an application that notes what it gets, a client in bytes."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn

from outlay.gateway.guard import GuardedProtocol

LARGE = 3_000_000


class Application:
    """Notes what reaches it and answers with it.

    `/early…` is answered without reading the body; at `/late…` that waits for the gate. `/large…`
    is answered with more than any buffer holds.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what was seen."""
        self.heads: list[bytes] = []
        self.complete: list[tuple[bytes, bytes, list[tuple[bytes, bytes]]]] = []
        self.disconnects = 0
        self.reached = asyncio.Event()
        self.completed = asyncio.Event()
        self.gate: asyncio.Event | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path: bytes = scope["raw_path"]
        self.heads.append(path)
        self.reached.set()
        if path.startswith(b"/late") and self.gate is not None:
            await self.gate.wait()
        if not path.startswith(b"/early"):
            body = await self._read_body(receive)
            if body is None:
                self.disconnects += 1
                return
            if self.gate is not None:
                await self.gate.wait()
            self.complete.append((path, body, list(scope["headers"])))
            self.completed.set()
        answer = path * LARGE if path.startswith(b"/large") else path
        await send({
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-length", b"%d" % len(answer))],
        })  # fmt: skip
        await send({"type": "http.response.body", "body": answer})

    async def _read_body(self, receive: Any) -> bytes | None:
        body = b""
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return None
            body += bytes(message["body"])
            if not message["more_body"]:
                return body


class _Server(uvicorn.Server):
    """uvicorn's server; leaves the test run's signals alone and stops without a tick's delay."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.stopping.wait()


class Gateway:
    """A running server and the means to talk to it in bytes."""

    def __init__(self, application: Application, port: int, server: uvicorn.Server) -> None:
        self.application = application
        self.port = port
        self._server = server

    @property
    def open_connections(self) -> int:
        """How many connections the server holds."""
        return len(self._server.server_state.connections)

    async def exchange(self, *sent: bytes) -> bytes:
        """Send bytes and return all that comes until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        received = asyncio.create_task(reader.read())
        with contextlib.suppress(ConnectionError):
            for piece in sent:
                writer.write(piece)
                await writer.drain()
        try:
            return await asyncio.wait_for(received, 20)
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def running(application: Application) -> AsyncIterator[Gateway]:
    config = uvicorn.Config(
        application,
        http=GuardedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
    )
    listening = socket.create_server(("127.0.0.1", 0))
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield Gateway(application, listening.getsockname()[1], server)
    finally:
        server.stopping.set()
        await serving
        listening.close()


def read_refusal(answer: bytes) -> tuple[int, dict[str, Any]]:
    """Take the one and only answer apart."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert b"connection: close" in lines
    assert b"content-type: application/json" in lines
    assert b"content-length: %d" % len(body) in lines
    error: dict[str, Any] = json.loads(body)["error"]
    assert error["request_id"].startswith("req_")
    assert b"x-cost-request-id: " + error["request_id"].encode() in lines
    return int(head.split(b" ")[1]), error
