"""Framing of a JSON array that comes as a stream: its elements, one by one, as they complete.

Gemini streams this way when the caller does not ask for `alt=sse`.
"""

import re

MAX_ELEMENT_BYTES = 16 * 1024 * 1024

_STRUCTURE = re.compile(rb'["\[\]{}]')
_STRING_END = re.compile(rb'["\\]')


class ElementSplitter:
    """Cuts the top-level array of a stream into its elements that are objects or arrays.

    It never raises: bytes that are no JSON array yield nothing, and an element above the limit
    makes it `broken`, after which it yields nothing more.
    """

    __slots__ = ("_depth", "_held", "_in_string", "_position", "broken")

    def __init__(self) -> None:
        self._held = bytearray()
        self._position = 0
        self._depth = 0
        self._in_string = False
        self.broken = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next piece of the stream and return the elements that it completes."""
        if self.broken:
            return []
        self._held += chunk
        elements: list[bytes] = []
        while self._step(elements):
            pass
        if self._depth <= 1 and not self._in_string:
            self._drop(len(self._held))
        if len(self._held) > MAX_ELEMENT_BYTES:
            self.broken = True
            self._held = bytearray()
        return elements

    def _step(self, elements: list[bytes]) -> bool:
        """Go on to the next byte that matters; false when more of the stream is needed."""
        pattern = _STRING_END if self._in_string else _STRUCTURE
        match = pattern.search(self._held, self._position)
        if match is None:
            self._position = max(self._position, len(self._held))
            return False
        self._position = match.end()
        self._take(match[0], elements)
        return True

    def _take(self, mark: bytes, elements: list[bytes]) -> None:
        if mark == b"\\":
            self._position += 1  # whatever it escapes, in this piece or the next
        elif mark == b'"':
            self._in_string = not self._in_string
        elif mark in b"[{":
            self._depth += 1
            if self._depth == 2:  # noqa: PLR2004  # within the array, at the start of an element
                self._drop(self._position - 1)
        else:
            self._depth -= 1
            if self._depth == 1:
                elements.append(bytes(self._held[: self._position]))
                self._drop(self._position)

    def _drop(self, count: int) -> None:
        """Forget what was read of the stream up to here."""
        del self._held[:count]
        self._position = max(0, self._position - count)
