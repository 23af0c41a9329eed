"""The framing guard: refuses whatever two HTTP parsers could read differently.

llhttp in its strict mode (through httptools and uvicorn) already refuses most tricks with lengths,
line ends and control bytes. This subclass adds what uvicorn leaves open: one Host, an origin-form
target, single-valued headers, bounds on the head, on trailers and chunk extensions, and on the
time that a request may take. Refusals are told in the format of the path's callers, as far as the
path was read, under a request id of their own, and end the connection. What must hold of uvicorn is
tested in tests/gateway/test_guard.py. Source: RFC 9112; docs/adr/0012-framing-guard.md.
"""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from outlay.gateway.site_map import envelope_of
from outlay.kernel.clock import SystemClock
from outlay.kernel.ids import new_request_id
from outlay.wire.errors import write_error

MAX_HEAD_BYTES = 32 * 1024
"""Of a request's head; also of trailers and chunk extensions that bring no body."""
MAX_FIELDS = 128
MAX_PIPELINED = 8
"""Requests that may wait for the answers before theirs; clients of today send one at a time."""
HEAD_TIMEOUT_S = 10
BODY_WINDOW_S = 30
MIN_WINDOW_BYTES = 30 * 1024
"""A body must bring this much in each window: 1 KiB/s."""
LINGER_S = 5
"""How long the rest of a body is taken and dropped after its answer: a client that is cut off while
it writes does not read the answer."""

READ_WINDOW_S = 60
"""A client that takes nothing of its answer for so long has left, whatever its socket says."""

SINGLE_VALUED = frozenset((
    b"authorization",
    b"content-encoding",
    b"content-length",
    b"content-type",
    b"expect",
    b"host",
    b"transfer-encoding",
    b"x-api-key",
    b"x-goog-api-key",
))  # fmt: skip
"""Given twice, one server takes the first and another the last. X-Cost-* the application judges."""

_NO_REQUEST = bytes(1)
"""Stands where uvicorn keeps the target; it puts one of its own there when a request begins."""
_HOST_CHARACTERS = b"-.:[]_%~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a request is refused; `message` names nothing that the client sent."""

    status: HTTPStatus
    code: str
    message: str


class _RefusedHead(Exception):
    """Stops the parser; the fault is kept beside it."""


_BROKEN = Fault(
    HTTPStatus.BAD_REQUEST, "malformed_request", "The bytes are not a HTTP/1.1 request."
)
_LARGE_HEAD = Fault(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "headers_too_large",
    f"The request's head is larger than {MAX_HEAD_BYTES} bytes or {MAX_FIELDS} fields.",
)
_LARGE_FRAMING = Fault(
    HTTPStatus.BAD_REQUEST, "malformed_request", "Chunk extensions or trailers go on without end."
)
_SLOW_HEAD = Fault(
    HTTPStatus.REQUEST_TIMEOUT,
    "request_timeout",
    f"The request's head was not complete within {HEAD_TIMEOUT_S} s.",
)
_SLOW_BODY = Fault(
    HTTPStatus.REQUEST_TIMEOUT,
    "request_timeout",
    f"The request's body came slower than {MIN_WINDOW_BYTES} bytes in {BODY_WINDOW_S} s.",
)

_UPGRADE = Fault(
    HTTPStatus.NOT_FOUND,
    "not_found",
    "WebSockets are not served here: send the call as a plain POST.",
)
# The parser takes a request that offers an upgrade to have no body, so it cannot just be ignored.
_H2C = Fault(
    HTTPStatus.BAD_REQUEST,
    "http2_not_served",
    "This gateway speaks HTTP/1.1. Tell the client not to offer HTTP/2 over plain http "
    "(Java: HttpClient.Version.HTTP_1_1), or put TLS in front.",
)


_EXPECTATION = Fault(
    HTTPStatus.EXPECTATION_FAILED, "invalid_header", "The only Expect understood is 100-continue."
)


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol behind the guard; pass it to `uvicorn.Config(http=…)`."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Guard one connection."""
        super().__init__(config, server_state, app_state, _loop)
        self._fault: Fault | None = None
        self.url = _NO_REQUEST
        self._is_in_head = True
        self._made_progress = False
        self._began_midway = False
        self._quiet_bytes = 0
        self._window_bytes = 0
        self._answers_due = 0
        self._timer: asyncio.TimerHandle | None = None
        self._reading_watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._set_timer(HEAD_TIMEOUT_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_timer()
        self._stop_reading_watch()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Watch whether the client goes on reading; it may be slow."""
        super().pause_writing()
        self._watch_reading(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Note that it has caught up."""
        self._stop_reading_watch()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Parse what came, but never more of a head than it may have."""
        while self._is_in_head and self._quiet_bytes + len(data) > MAX_HEAD_BYTES:
            room = MAX_HEAD_BYTES - self._quiet_bytes
            if self._is_refused():
                return
            if not room:
                self._refuse(_LARGE_HEAD)
                return
            self._feed(data[:room])
            data = data[room:]
        self._feed(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a field; the whole head is judged at once."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Refuse a head at fault before the application hears of it."""
        self._fault = self._find_fault()
        if self._fault is not None:
            raise _RefusedHead
        super().on_headers_complete()
        self.headers = []  # trailers would be appended to what the application has been given
        self._answers_due += 1
        self._is_in_head = False
        self._made_progress = True
        if self._timer is not None:
            self._stop_timer()

    def on_body(self, body: bytes) -> None:
        """Note that the body grows."""
        self._made_progress = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect the next head; after an answer that came before its request's end, none."""
        self.url = _NO_REQUEST
        self._is_in_head = True
        self._made_progress = True
        if self._timer is not None:
            self._stop_timer()
        super().on_message_complete()
        if self.cycle.response_complete:
            self.transport.close()

    def on_response_complete(self) -> None:
        """Refuse what was held back until the answers before it were written."""
        self._answers_due -= 1
        super().on_response_complete()
        if self._fault is not None:
            if not self._answers_due:
                self._write_refusal(self._fault)
        elif not self._is_in_head and self.cycle.response_complete:
            self._set_timer(LINGER_S)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 uvicorn's signature
        """Refuse what the parser stopped at."""
        self._refuse(self._fault or _BROKEN)

    def _feed(self, received: bytes) -> None:
        if self._is_refused() or self.transport.is_closing():
            return
        self._quiet_bytes += len(received)
        self._window_bytes += len(received)
        super().data_received(received)
        if self._made_progress:
            self._made_progress = False
            self._quiet_bytes = 0
            self._began_midway = self._is_in_head and self.url is not _NO_REQUEST
        if self._is_refused():
            return
        if not self._is_in_head and self._quiet_bytes > MAX_HEAD_BYTES:
            self._refuse(_LARGE_FRAMING)
        elif (self.url is not _NO_REQUEST or self._quiet_bytes) and self._timer is None:
            self._watch()

    def _is_refused(self) -> bool:
        return self._fault is not None

    def _find_fault(self) -> Fault | None:
        """Check the head that is complete now; None if nothing is wrong with it."""
        headers = self.headers
        if len(headers) > MAX_FIELDS or (self._began_midway and self._is_head_large()):
            return _LARGE_HEAD
        if not self.url.startswith(b"/") or b"#" in self.url:
            return _bad("The request's target must be a path: /v1/…")
        fields = dict(headers)
        host = fields.get(b"host", b"")
        if not host or host.translate(None, _HOST_CHARACTERS):
            return _bad("The request needs one valid Host header.")
        if len(fields) != len(headers) and self._has_double_field():
            return _bad("A header that may be given once was given twice.")
        if len(self.pipeline) >= MAX_PIPELINED:
            return _bad("Too many requests were sent without waiting for their answers.")
        return self._find_protocol_fault(fields)

    def _is_head_large(self) -> bool:
        """Measure a head whose first bytes came with the request before it and were not counted."""
        fields_bytes = sum(len(name) + len(value) + len(": \r\n") for name, value in self.headers)
        return len(self.url) + fields_bytes > MAX_HEAD_BYTES

    def _has_double_field(self) -> bool:
        names = [name for name, _ in self.headers]
        return any(names.count(name) > 1 for name in SINGLE_VALUED)

    def _find_protocol_fault(self, fields: dict[bytes, bytes]) -> Fault | None:
        version = self.parser.get_http_version()
        if version not in {"1.1", "1.0"}:
            return _bad("The request must be HTTP/1.1.")
        coding = fields.get(b"transfer-encoding")
        if coding is not None and (coding.lower() != b"chunked" or version == "1.0"):
            return _bad("The only Transfer-Encoding understood is chunked, in HTTP/1.1.")
        if b"expect" in fields:
            self.expect_100_continue = fields[b"expect"].lower() == b"100-continue"
            if not self.expect_100_continue:
                return _EXPECTATION
        if self.parser.should_upgrade():
            return _H2C if fields[b"upgrade"].lower() == b"h2c" else _UPGRADE
        return None

    def _refuse(self, fault: Fault) -> None:
        """Stop reading; answer with the fault when the answers before it are written."""
        self._fault = fault
        self._stop_timer()
        if not self._is_in_head and not self._withdraw(self.cycle):
            self.transport.close()
        elif not self._answers_due:
            self._write_refusal(fault)

    def _withdraw(self, cycle: Any) -> bool:
        """Take back a request whose body broke; False if its answer has begun already."""
        cycle.disconnected = True
        cycle.message_event.set()
        if cycle.response_started:
            return False
        self._answers_due -= 1
        if self.pipeline and self.pipeline[0][0] is cycle:
            self.pipeline.popleft()
        return True

    def _write_refusal(self, fault: Fault) -> None:
        request_id = new_request_id(SystemClock().now_us())
        content_type, body = write_error(
            envelope_of(self.url.partition(b"?")[0].decode("latin-1")),
            status=fault.status,
            code=fault.code,
            message=fault.message,
            request_id=request_id,
        )
        lines = [f"HTTP/1.1 {fault.status.value} {fault.status.phrase}".encode()]
        lines += [name + b": " + value for name, value in self.server_state.default_headers]
        lines += [
            b"content-type: " + content_type.encode(),
            b"content-length: %d" % len(body),
            b"x-cost-request-id: " + request_id.encode(),
            b"x-should-retry: false",
            b"connection: close\r\n",
            body,
        ]
        self.transport.write(b"\r\n".join(lines))
        self._close_gently()

    def _close_gently(self) -> None:
        """Close our side and drop what still comes: to close at once could cut off the answer."""
        if not self.transport.can_write_eof():  # TLS has no half-closed state
            self.transport.close()
            return
        self.transport.write_eof()
        self.flow.resume_reading()
        self._set_timer(LINGER_S)

    def _watch(self) -> None:
        self._window_bytes = 0
        self._set_timer(HEAD_TIMEOUT_S if self._is_in_head else BODY_WINDOW_S)

    def _set_timer(self, timeout_s: float) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(timeout_s, self._ring)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _watch_reading(self, unsent_bytes: int) -> None:
        def look() -> None:
            left_bytes = self.transport.get_write_buffer_size()
            if left_bytes < unsent_bytes:
                self._watch_reading(left_bytes)
            else:
                self.transport.abort()

        self._reading_watch = self.loop.call_later(READ_WINDOW_S, look)

    def _stop_reading_watch(self) -> None:
        if self._reading_watch is not None:
            self._reading_watch.cancel()
            self._reading_watch = None

    def _ring(self) -> None:
        self._timer = None
        if self._fault is not None:
            self.transport.close()
        elif self._is_in_head:
            if self.url is not _NO_REQUEST:
                self._refuse(_SLOW_HEAD)
            elif not self._answers_due:
                self.transport.close()  # nothing was asked, so there is nothing to answer
        elif self.cycle.response_complete:
            self.transport.close()
        elif self._window_bytes >= MIN_WINDOW_BYTES or self.flow.read_paused:
            self._watch()
        else:
            self._refuse(_SLOW_BODY)


def _bad(message: str) -> Fault:
    return Fault(HTTPStatus.BAD_REQUEST, "malformed_request", message)
