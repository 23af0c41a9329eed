"""OpenAI's chat usage: cached, audio and reasoning tokens lie *within* prompt and completion.

Source: metering_pitfalls 4; OpenAI API reference, chat completions usage (read 2026-11).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from outlay.usage.meters import Meter
from outlay.usage.reading import Reading, Tally


class ChatDialect(StrEnum):
    """How a provider deviates from OpenAI's chat usage."""

    OPENAI = "openai_chat"
    COMPATIBLE = "openai_chat/compatible"
    XAI = "openai_chat/xai"
    GEMINI = "openai_chat/gemini"


_REASONS_BESIDE = frozenset({ChatDialect.GEMINI, ChatDialect.XAI})
_PROMPT_PARTS = {
    "cached_tokens": Meter.CACHE_READ,
    "cache_write_tokens": Meter.CACHE_WRITE,
    "audio_tokens": Meter.INPUT_AUDIO,
    "image_tokens": Meter.INPUT_IMAGE,
    "video_tokens": Meter.INPUT_VIDEO,
}
_MEDIA_PARTS = {"audio_tokens": Meter.OUTPUT_AUDIO, "image_tokens": Meter.OUTPUT_IMAGE}
_COMPLETION_PARTS = {"reasoning_tokens": Meter.REASONING, **_MEDIA_PARTS}
_CACHED_ELSEWHERE = ("prompt_cache_hit_tokens", "num_cached_tokens", "cached_tokens")
"""DeepSeek, Mistral, Hugging Face: their own names for the part of the prompt that was cached."""


def read_chat_usage(usage: Mapping[str, Any], dialect: ChatDialect) -> Reading | None:
    """Read a chat usage object; None when it states neither prompt nor completion tokens."""
    tally = Tally(dialect.value)
    prompt = tally.find(usage, "prompt_tokens")
    completion = tally.find(usage, "completion_tokens")
    if prompt is None and completion is None:
        return None
    prompt, completion = prompt or 0, completion or 0
    tally.divide(prompt, Meter.INPUT, _prompt_parts(tally, usage, dialect))
    _divide_output(tally, usage, completion, _beside(tally, usage, dialect, prompt + completion))
    return tally.reading()


def _prompt_parts(
    tally: Tally, usage: Mapping[str, Any], dialect: ChatDialect
) -> list[tuple[Meter, int]]:
    parts = tally.parts(usage.get("prompt_tokens_details"), _PROMPT_PARTS)
    if dialect is ChatDialect.COMPATIBLE and Meter.CACHE_READ not in dict(parts):
        elsewhere = (tally.find(usage, name) for name in _CACHED_ELSEWHERE)
        cached = next((count for count in elsewhere if count is not None), 0)
        parts.insert(0, (Meter.CACHE_READ, cached))
    return parts


def _beside(tally: Tally, usage: Mapping[str, Any], dialect: ChatDialect, stated: int) -> int:
    """Count reasoning tokens that are *beside* the completion tokens.

    Google's OpenAI-compatible endpoint shows them in the total only. xAI names them and leaves them
    out of the completion tokens, which its total tells.
    """
    if dialect not in _REASONS_BESIDE:
        return 0
    hidden = max(0, tally.count(usage, "total_tokens") - stated)
    if dialect is ChatDialect.XAI:
        reasoning = tally.count(usage.get("completion_tokens_details"), "reasoning_tokens")
        return reasoning if reasoning <= hidden else 0
    return hidden


def _divide_output(tally: Tally, usage: Mapping[str, Any], completion: int, beside: int) -> None:
    details = usage.get("completion_tokens_details")
    within = _MEDIA_PARTS if beside else _COMPLETION_PARTS
    tally.divide(completion, Meter.OUTPUT, tally.parts(details, within))
    tally.add(Meter.REASONING, beside)


def read_embeddings_usage(usage: Mapping[str, Any]) -> Reading | None:
    """Read an OpenAI embeddings usage object: input tokens only."""
    tally = Tally("openai_embeddings")
    prompt = tally.find(usage, "prompt_tokens")
    if prompt is None:
        prompt = tally.find(usage, "total_tokens")
    if prompt is None:
        return None
    tally.add(Meter.INPUT, prompt)
    return tally.reading()
