"""Where an answer begins and ends in the bytes of a connection.

The grammar of RFC 9112 is llhttp's (through httptools, in its strict mode). Decided here is what it
leaves open: which codings we take, what ends a body without a length, how large a head may be.
"""

from http import HTTPStatus

import httptools

from outlay.transport.answer import Answer
from outlay.transport.upstream import Headers

MAX_QUIET_BYTES = 64 * 1024
"""Bytes that may come without bringing the final head or a byte of body.

Bounds heads, informational heads, chunk extensions and trailers; vendors' heads are below 8 KiB.
"""

_CONTENT_LENGTH_SIZE = len("content-length")
_TRANSFER_ENCODING_SIZE = len("transfer-encoding")


class BadFraming(Exception):
    """The bytes are not an answer that we can follow; the text says why."""


class AnswerReader:
    """Parses the answers of one connection, one after the other, into `Answer`s."""

    __slots__ = (
        "_answer",
        "_headers",
        "_is_bodiless",
        "_is_sized",
        "_parser",
        "_quiet_bytes",
        "is_complete",
        "keep_alive",
    )

    def __init__(self) -> None:
        """Stand before the first answer."""
        self._parser = httptools.HttpResponseParser(self)
        self._answer: Answer | None = None
        self._headers: Headers = []
        self._is_bodiless = False
        self._is_sized = False
        self._quiet_bytes = 0
        self.is_complete = True
        self.keep_alive = True

    def expect(self, answer: Answer, *, method: str) -> None:
        """Parse what comes next into `answer`, which answers a request of this method."""
        self._answer = answer
        self._headers = []
        self._is_bodiless = method == "HEAD"
        self._is_sized = False
        self._quiet_bytes = 0
        self.is_complete = False

    def feed(self, received: bytes) -> None:
        """Parse bytes; `is_complete` says afterwards whether the answer has ended.

        Raises:
            BadFraming: they are no answer, or one that goes on without end or content.
        """
        self._quiet_bytes += len(received)
        try:
            self._parser.feed_data(received)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.keep_alive = False
            if not self.is_complete:
                raise BadFraming(str(error.__context__ or error)) from error
        if self._quiet_bytes > MAX_QUIET_BYTES and not self.is_complete:
            raise BadFraming(f"{MAX_QUIET_BYTES} bytes brought no complete head and no body")

    def feed_end(self) -> None:
        """Note that the provider has closed its side: that completes a body of unstated length.

        Raises:
            BadFraming: the answer was not complete.
        """
        if self._answer is None or not self._answer.status or self._is_sized:
            raise BadFraming("the connection was closed before the answer was complete")
        self.keep_alive = False
        self.is_complete = True

    def close(self) -> None:
        """Let go of the parser, which refers back to us."""
        self.keep_alive = False
        self._answer = None
        del self._parser

    def on_message_begin(self) -> None:
        """Refuse a second answer to one request: it would be taken for the next request's."""
        if self.is_complete:
            raise BadFraming("bytes after the end of the answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a field of the head; trailers are ignored."""
        self._headers.append((name, value))
        if len(name) == _CONTENT_LENGTH_SIZE and name.lower() == b"content-length":
            self._is_sized = True
        elif len(name) == _TRANSFER_ENCODING_SIZE and name.lower() == b"transfer-encoding":
            self._is_sized = True
            if value.lower() != b"chunked":
                raise BadFraming("a transfer coding other than chunked")

    def on_headers_complete(self) -> None:
        """Hand over a final head; skip an informational one."""
        status = self._parser.get_status_code()
        self._check_head(status)
        if status < HTTPStatus.OK:
            self._headers = []
            self._is_sized = False
            return
        self._quiet_bytes = 0
        answer = self._answer
        if answer is not None:
            answer.take_head(status, self._headers)
        self._headers = []
        if self._is_bodiless:
            self.keep_alive = False
            self.is_complete = True

    def on_body(self, piece: bytes) -> None:
        """Hand over a piece of the body."""
        self._quiet_bytes = 0
        if self._answer is not None and not self._is_bodiless:
            self._answer.take_piece(piece)

    def on_message_complete(self) -> None:
        """Note the end of the answer, unless it was an informational one."""
        if self._answer is not None and self._answer.status and not self.is_complete:
            self.keep_alive = self._parser.should_keep_alive()
            self.is_complete = True

    def _check_head(self, status: int) -> None:
        if self._parser.get_http_version() not in ("1.1", "1.0"):
            raise BadFraming("an answer that is not HTTP/1.1 or 1.0")
        if status == HTTPStatus.SWITCHING_PROTOCOLS:
            raise BadFraming("a change of protocol that nobody asked for")
        if self._quiet_bytes > MAX_QUIET_BYTES:
            head_bytes = sum(len(name) + len(value) + 4 for name, value in self._headers)
            if head_bytes > MAX_QUIET_BYTES:
                raise BadFraming(f"a head of more than {MAX_QUIET_BYTES} bytes")
