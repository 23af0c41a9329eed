"""The ASGI entry of a gateway worker: our own few pages, then the flow of a call."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import structlog

from outlay.gateway.caller_socket import CallerGone, CallerSocket, Receive, Scope, Send
from outlay.gateway.rooms import Rooms
from outlay.gateway.serve import serve

_log = structlog.get_logger("outlay.gateway")

Page = Callable[[], Awaitable[tuple[int, bytes, bytes]]]
"""One of our own pages: gives status, content type and body."""


class Gateway:
    """A worker's application: our pages, a bound on calls in flight, a net for what escapes."""

    def __init__(self, rooms: Rooms, pages: dict[str, Page]) -> None:
        """Serve `pages` by path (`/healthz`, …) and everything else as a call."""
        self._rooms = rooms
        self._pages = pages
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] != "http":
            return
        socket = CallerSocket(scope, receive, send)
        page = self._pages.get(socket.path)
        if page is not None and socket.method in {"GET", "HEAD"}:
            await _serve_page(page, socket)
        elif self._in_flight >= self._rooms.limits.in_flight_calls:
            await _answer(socket, 503, b"text/plain", b"too many calls in flight; try again\n")
        else:
            await self._serve_call(socket)

    async def _serve_call(self, socket: CallerSocket) -> None:
        self._in_flight += 1
        try:
            await serve(socket, self._rooms)
        except CallerGone:
            pass
        except asyncio.CancelledError:
            raise
        except Exception:  # noqa: BLE001 the outermost boundary of a call: logged, answered
            _log.exception("a call failed inside the gateway")
            if not socket.started:
                await _answer(socket, 500, b"text/plain", b"internal error of the gateway\n")
        finally:
            self._in_flight -= 1

    @property
    def in_flight(self) -> int:
        """How many calls are being served now."""
        return self._in_flight


async def _serve_page(page: Page, socket: CallerSocket) -> None:
    status, content_type, body = await page()
    await _answer(socket, status, content_type, body)


async def _answer(socket: CallerSocket, status: int, content_type: bytes, body: bytes) -> None:
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append((b"retry-after", b"1"))
    await socket.start(status, headers)
    await socket.end(b"" if socket.method == "HEAD" else body)
