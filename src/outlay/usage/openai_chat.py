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
    details = usage.get("prompt_tokens_details")
    tally.divide(
        prompt,
        Meter.INPUT,
        (
            (Meter.CACHE_READ, _cached(tally, usage, dialect)),
            (Meter.CACHE_WRITE, tally.count(details, "cache_write_tokens")),
            (Meter.INPUT_AUDIO, tally.count(details, "audio_tokens")),
            (Meter.INPUT_IMAGE, tally.count(details, "image_tokens")),
            (Meter.INPUT_VIDEO, tally.count(details, "video_tokens")),
        ),
    )
    _divide_output(tally, usage, completion, _beside(tally, usage, dialect, prompt + completion))
    return tally.reading()


def _cached(tally: Tally, usage: Mapping[str, Any], dialect: ChatDialect) -> int:
    cached = tally.find(usage.get("prompt_tokens_details"), "cached_tokens")
    if cached is None and dialect is ChatDialect.COMPATIBLE:
        others = (tally.find(usage, name) for name in _CACHED_ELSEWHERE)
        cached = next((count for count in others if count is not None), None)
    return cached or 0


def _beside(tally: Tally, usage: Mapping[str, Any], dialect: ChatDialect, stated: int) -> int:
    """Count reasoning tokens that are *beside* the completion tokens.

    Google's OpenAI-compatible endpoint shows them in the total only. xAI names them and leaves them
    out of the completion tokens, which its total tells.
    """
    if dialect not in {ChatDialect.GEMINI, ChatDialect.XAI}:
        return 0
    hidden = max(0, tally.count(usage, "total_tokens") - stated)
    if dialect is ChatDialect.XAI:
        reasoning = tally.count(usage.get("completion_tokens_details"), "reasoning_tokens")
        return reasoning if reasoning <= hidden else 0
    return hidden


def _divide_output(tally: Tally, usage: Mapping[str, Any], completion: int, beside: int) -> None:
    details = usage.get("completion_tokens_details")
    reasoning = 0 if beside else tally.count(details, "reasoning_tokens")
    tally.divide(
        completion,
        Meter.OUTPUT,
        (
            (Meter.REASONING, reasoning),
            (Meter.OUTPUT_AUDIO, tally.count(details, "audio_tokens")),
            (Meter.OUTPUT_IMAGE, tally.count(details, "image_tokens")),
        ),
    )
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
