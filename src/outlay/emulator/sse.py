"""Server-sent events as the providers frame them."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode
DONE = b"data: [DONE]\n\n"
PING = b": ping\n\n"


def data_frame(content: Any) -> bytes:
    """Write an event without a name."""
    return b"data: " + _encode(content) + b"\n\n"


def event_frame(name: str, content: Any, padding: int = 0) -> bytes:
    """Write a named event; Anthropic pads the JSON with blanks before its last brace."""
    text = _encode(content)
    return b"event: %b\ndata: %b%b}\n\n" % (name.encode(), text[:-1], b" " * padding)


def chunked(tokens: Sequence[str], size: int) -> Iterator[tuple[str, int]]:
    """Group tokens: (text, number of tokens) of each chunk."""
    size = max(1, size)
    for start in range(0, len(tokens), size):
        group = tokens[start : start + size]
        yield "".join(group), len(group)
