"""Estimating the input of a call from its body, for when a provider does not say what it read."""

from collections.abc import Iterator

import msgspec

from outlay.usage.shape import CallShape
from outlay.usage.tokens import estimate_tokens
from outlay.wire.answer_format import UNREADABLE, member
from outlay.wire.call import Call, Wire

FRAMING_TOKENS = 4
"""What a message or tool costs besides its text. Source: OpenAI cookbook, counting tokens."""
IMAGE_TOKENS = {Wire.ANTHROPIC_MESSAGES: 1600, Wire.GEMINI: 1120}
"""A picture of common size: Anthropic's largest after scaling; Gemini 3's default resolution."""
OPENAI_IMAGE_TOKENS = 765
"""A picture of 1024 by 1024 pixels in high detail. Source: OpenAI guide, vision."""
AUDIO_BYTES_PER_TOKEN = 500
"""16 kB of compressed speech a second, 32 tokens a second (Gemini; OpenAI counts fewer)."""
VIDEO_BYTES_PER_TOKEN = 800
"""A quarter of a megabyte a second, some 300 tokens a second (Gemini)."""
DOCUMENT_BYTES_PER_TOKEN = 20
"""30 kB a page, 1,500 tokens a page (Anthropic; Gemini counts fewer)."""

_NO_TEXT = frozenset(
    {"data", "image_url", "file_data", "file_url", "inlineData", "inline_data", "fileData"}
    | {"model", "metadata", "user", "id", "type", "role", "encrypted_content", "signature"}
)
"""Members that are no text for the model, or media that have a rule of their own."""
_MAX_DEPTH = 256


def estimate_input_tokens(call: Call) -> int:
    """Estimate the input tokens of a call; text by its size, media by rule.

    It reads the whole body again (some 2 us a kilobyte), so it is for calls that ended without
    usage, not for each call.
    """
    shape = call.shape
    framing = shape.message_count * FRAMING_TOKENS
    body = _decode(call.body)
    text = "\n".join(_strings(body, 0))
    return (
        estimate_tokens(text) + _token_ids(body) + framing + _media_tokens(call.route.wire, shape)
    )


def _media_tokens(wire: Wire, shape: CallShape) -> int:
    return (
        shape.image_count * IMAGE_TOKENS.get(wire, OPENAI_IMAGE_TOKENS)
        + shape.audio_bytes // AUDIO_BYTES_PER_TOKEN
        + shape.video_bytes // VIDEO_BYTES_PER_TOKEN
        + shape.document_bytes // DOCUMENT_BYTES_PER_TOKEN
    )


def _decode(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except UNREADABLE:
        return None


def _token_ids(body: object) -> int:
    """Count input that is given as token ids rather than text (embeddings, legacy completions)."""
    given = member(body, "input") or member(body, "prompt")
    rows = given if isinstance(given, list) else []
    return sum(len(row) if isinstance(row, list) else isinstance(row, int) for row in rows)


def _strings(value: object, depth: int) -> Iterator[str]:
    """Yield every text in a body; of schemas the names of members too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth < _MAX_DEPTH:
        for one in value:
            yield from _strings(one, depth + 1)
    elif isinstance(value, dict) and depth < _MAX_DEPTH:
        for name, one in value.items():
            if name == "properties" and isinstance(one, dict):
                yield from one
            if name not in _NO_TEXT or (name == "data" and value.get("type") == "text"):
                yield from _strings(one, depth + 1)
