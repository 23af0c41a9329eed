"""Asking for usage on an OpenAI stream that the caller did not ask it on, and hiding it again.

OpenAI-compatible providers state the usage of a stream in one more chunk, and only when asked
(`stream_options.include_usage`). LangChain's client, for one, does not ask, and is not prepared for
a chunk without choices. So we ask, read, and take that one event out again. What else asking
changes stays: OpenAI adds `"usage": null` to every other chunk, which each client accepts, and
removing it would mean rewriting every event (docs/adr/0004-ask-for-usage.md).
"""

from json import JSONDecoder
from typing import Any

import msgspec

from outlay.wire.answer_format import decode_as
from outlay.wire.call import Call
from outlay.wire.sse import EventSplitter, Torn, read_data

MAX_HELD_BYTES = 64 * 1024
"""An event larger than this is not a usage chunk and passes piece by piece."""

_FLAG = '"include_usage":true'
_OPTIONS = f'"stream_options":{{{_FLAG}}}'
_BLANKS = " \t\n\r"


def ask_for_usage(call: Call) -> bytes:
    """Return the body of a chat or completion call with usage asked for.

    All bytes but those of `stream_options` stay as they are. A call that asks itself, or whose
    `stream_options` are no object (the provider will say so), comes back unchanged.
    """
    if call.asks_usage:
        return call.body
    if b"stream_options" not in call.body and b"\\u" not in call.body:
        return call.body.replace(b"{", b"{" + _OPTIONS.encode() + b",", 1)
    return _splice(call.body.decode()).encode()


def _splice(body: str) -> str:
    """Put the request into a body that may have `stream_options` of its own."""
    spans = member_spans(body, body.index("{"))
    if "stream_options" not in spans:
        return body.replace("{", f"{{{_OPTIONS},", 1)
    start, end = spans["stream_options"]
    options = body[start:end]
    if options == "null":
        return f"{body[:start]}{{{_FLAG}}}{body[end:]}"
    if not options.startswith("{"):
        return body
    return body[:start] + _with_flag(options) + body[end:]


def _with_flag(options: str) -> str:
    spans = member_spans(options, 0)
    if "include_usage" in spans:
        start, end = spans["include_usage"]
        return f"{options[:start]}true{options[end:]}"
    comma = "," if spans else ""
    return f"{{{_FLAG}{comma}{options[1:]}"


def member_spans(text: str, start: int) -> dict[str, tuple[int, int]]:
    """Find where the value of each member of the JSON object at `start` begins and ends.

    The text is JSON that was read before, so it is known to be well formed.
    """
    spans: dict[str, tuple[int, int]] = {}
    position = _skip_blanks(text, start + 1)
    decoder = JSONDecoder(parse_int=str, parse_float=str)  # numbers of any length
    while text[position] != "}":
        name, position = decoder.raw_decode(text, position)
        begin = _skip_blanks(text, _skip_blanks(text, position) + 1)
        _, end = decoder.raw_decode(text, begin)
        spans[name] = (begin, end)
        position = _skip_blanks(text, end)
        if text[position] == ",":
            position = _skip_blanks(text, position + 1)
    return spans


def _skip_blanks(text: str, position: int) -> int:
    while text[position] in _BLANKS:
        position += 1
    return position


class _Chunk(msgspec.Struct, gc=False):
    choices: list[Any] | None = None
    usage: Any = None


_CHUNK = msgspec.json.Decoder(_Chunk)


class UsageHider:
    """Takes the usage chunk out of a stream whose caller did not ask for it.

    An event goes out as soon as it is complete; all that is ever held back is the event that is
    still coming in. Chunks that carry choices and usage both are not touched.
    """

    def __init__(self) -> None:
        self._splitter = EventSplitter(MAX_HELD_BYTES)

    def feed(self, chunk: bytes) -> bytes:
        """Take the next piece of the stream and return what the caller gets of it now."""
        events = self._splitter.feed(chunk)
        return b"".join([self._show(event) for event in events])

    def flush(self) -> bytes:
        """Return what is still held at the end of the stream."""
        return self._show(self._splitter.rest())

    def _show(self, event: bytes) -> bytes:
        if isinstance(event, Torn) or b'"usage"' not in event or not self._is_usage(event):
            return event
        lines = event.split(b"\n")
        return b"".join(line + b"\n" for line in lines if line.startswith(b":"))

    def _is_usage(self, event: bytes) -> bool:
        chunk = decode_as(_CHUNK, read_data(event))
        return chunk is not None and chunk.choices == [] and isinstance(chunk.usage, dict)
