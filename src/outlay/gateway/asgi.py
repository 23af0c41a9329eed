"""The ASGI entry of a gateway worker: our own few pages, then the flow of a call."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from outlay.gateway.caller_socket import CallerGone, CallerSocket, Receive, Scope, Send
from outlay.gateway.rooms import Rooms
from outlay.gateway.serve import serve
from outlay.gateway.visit import Visit
from outlay.kernel.errors import Category, Refused

_log = structlog.get_logger("outlay.gateway")

Page = Callable[[], Awaitable[tuple[int, bytes, bytes]]]
"""One of our own pages: gives status, content type and body."""

_OVERLOADED = Refused(
    "overloaded",
    Category.UNAVAILABLE,
    "This gateway has as many calls open as it may. Try again in a moment, or ask its operator to "
    "raise OUTLAY_MAX_IN_FLIGHT_CALLS or the number of workers.",
    retry_after_s=1,
)
_INTERNAL = Refused(
    "internal",
    Category.INTERNAL,
    "The gateway failed inside while it served this call; its log says where.",
)


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
            await _decline(Visit(socket, self._rooms))
        else:
            await self._serve_call(Visit(socket, self._rooms))

    async def _serve_call(self, visit: Visit) -> None:
        self._in_flight += 1
        try:
            await serve(visit)
        except CallerGone:
            pass
        except asyncio.CancelledError:
            raise
        except Exception:  # noqa: BLE001 the outermost boundary of a call: logged, answered
            _log.exception("a call failed inside the gateway", request_id=visit.request_id)
            if not visit.socket.started:
                await visit.fail(_INTERNAL)
        finally:
            self._in_flight -= 1

    @property
    def in_flight(self) -> int:
        """How many calls are being served now."""
        return self._in_flight


async def _decline(visit: Visit) -> None:
    """Turn a call away before anything is done for it."""
    place = visit.find_place()
    await visit.turn_away(place if isinstance(place, Refused) else _OVERLOADED)


async def _serve_page(page: Page, socket: CallerSocket) -> None:
    status, content_type, body = await page()
    await _answer(socket, status, content_type, body)


async def _answer(socket: CallerSocket, status: int, content_type: bytes, body: bytes) -> None:
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
    await socket.start(status, headers)
    await socket.end(b"" if socket.method == "HEAD" else body)
