"""Framing of server-sent events: cutting a stream into events without altering a byte of it.

Lines end with LF or CR LF and with nothing else: U+2028 and U+0085 are text, and a lone CR is not
used by any provider. Pieces may be cut anywhere, within a character or between CR and LF too.

Source: WHATWG HTML, server-sent events (read 2026-11).
"""

import re

MAX_EVENT_BYTES = 1024 * 1024
"""The largest event that is kept to be read, unless a wire says otherwise (reliability S-24)."""

_EVENT_END = re.compile(rb"\n\r?\n")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Torn(bytes):
    """A piece of an event that is larger than the limit: to be forwarded, not to be read."""

    __slots__ = ()


class EventSplitter:
    """Cuts a stream into whole events, each with the blank line that ends it.

    Joined, all that `feed` and `rest` return is exactly what was fed. Only the event that is still
    incomplete is held, and of it no more than the limit: a larger one comes in `Torn` pieces.
    """

    __slots__ = ("_held", "_limit", "_scanned", "_torn", "torn_events")

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        self._held = bytearray()
        self._scanned = 0
        self._torn = False
        self.torn_events = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next piece of the stream and return the events that it completes."""
        if not self._held:
            events, end = self._cut(chunk, 0)
            self._held += chunk[end:]
        else:
            self._held += chunk
            events, end = self._cut(self._held, self._scanned)
            del self._held[:end]
        if len(self._held) > self._limit:
            self._tear(events)
        self._scanned = max(0, len(self._held) - 2)
        return events

    def rest(self) -> bytes:
        """Return what is held at the end of the stream: an event without its blank line."""
        held = Torn(self._held) if self._torn else bytes(self._held)
        self._held, self._scanned, self._torn = bytearray(), 0, False
        return held

    def _cut(self, held: bytes | bytearray, scanned: int) -> tuple[list[bytes], int]:
        """Return the whole events in what is held, and where the last of them ends."""
        events: list[bytes] = []
        start = 0
        for match in _EVENT_END.finditer(held, scanned):
            events.append(self._event(bytes(held[start : match.end()])))
            start = match.end()
        return events, start

    def _event(self, piece: bytes) -> bytes:
        if not self._torn and len(piece) <= self._limit:
            return piece
        self.torn_events += not self._torn
        self._torn = False
        return Torn(piece)

    def _tear(self, events: list[bytes]) -> None:
        """Let go of an event that is too large, but for what may belong to its end."""
        self.torn_events += not self._torn
        self._torn = True
        events.append(Torn(self._held[:-2]))
        del self._held[:-2]


def read_data(event: bytes) -> bytes:
    """Return the payload of an event: its `data` lines joined by LF; empty without any."""
    if event.startswith(b"data: ") and event.find(b"\n") >= len(event) - 3:
        return event[6:].rstrip(b"\r\n")
    lines = event.removeprefix(_BYTE_ORDER_MARK).split(b"\n")
    return b"\n".join(_payload(line) for line in lines if line.startswith(b"data:"))


def _payload(line: bytes) -> bytes:
    value = line[5:].removesuffix(b"\r")
    return value.removeprefix(b" ")
