"""Gemini's usage: thoughts and tool prompts stand *beside* the other counts, cached tokens within.

`promptTokenCount` is what is billed, also where `promptTokensDetails` adds up to less. Each list of
details divides a count by modality; what it leaves over is text.
"""

from collections.abc import Mapping
from typing import Any

from outlay.usage.meters import Meter
from outlay.usage.reading import Reading, Tally

_FRESH = {
    "AUDIO": Meter.INPUT_AUDIO,
    "IMAGE": Meter.INPUT_IMAGE,
    "VIDEO": Meter.INPUT_VIDEO,
    "DOCUMENT": Meter.INPUT_IMAGE,
}
"""A document is billed by its pages as images."""
_CACHED = {
    Meter.INPUT_AUDIO: Meter.CACHE_READ_AUDIO,
    Meter.INPUT_IMAGE: Meter.CACHE_READ_IMAGE,
    Meter.INPUT_VIDEO: Meter.CACHE_READ_VIDEO,
}
_PRODUCED = {"AUDIO": Meter.OUTPUT_AUDIO, "IMAGE": Meter.OUTPUT_IMAGE}


def read_gemini_usage(usage: Mapping[str, Any]) -> Reading:
    """Read a usage metadata object of generated content.

    One without any count is the answer to a prompt that was blocked: nothing was consumed.
    """
    tally = Tally("gemini")
    _divide_prompt(tally, usage)
    used_by_tools = tally.count(usage, "toolUsePromptTokenCount")
    tally.divide(
        used_by_tools,
        Meter.INPUT,
        _by_modality(tally, usage.get("toolUsePromptTokensDetails"), _FRESH).items(),
    )
    tally.divide(
        tally.count(usage, "candidatesTokenCount"),
        Meter.OUTPUT,
        _by_modality(tally, usage.get("candidatesTokensDetails"), _PRODUCED).items(),
    )
    tally.add(Meter.REASONING, tally.count(usage, "thoughtsTokenCount"))
    return tally.reading()


def read_gemini_embeddings_usage(usage: Mapping[str, Any]) -> Reading | None:
    """Read a usage metadata object of embeddings, whose details are spelled in the singular."""
    tally = Tally("gemini_embeddings")
    prompt = tally.find(usage, "promptTokenCount")
    if prompt is None:
        return None
    parts = _by_modality(tally, usage.get("promptTokenDetails"), _FRESH)
    tally.divide(prompt, Meter.INPUT, parts.items())
    return tally.reading()


def is_billed_by_query(model: str | None) -> bool:
    """Tell whether Google Search is billed for each query (from Gemini 3 on) or for the prompt."""
    name = (model or "").rpartition("/")[2]
    return not name.startswith(("gemini-1", "gemini-2"))


def _divide_prompt(tally: Tally, usage: Mapping[str, Any]) -> None:
    """Divide the prompt into cached and fresh tokens, and each of these by modality."""
    prompt = tally.count(usage, "promptTokenCount")
    cached = tally.count(usage, "cachedContentTokenCount")
    media = _by_modality(tally, usage.get("promptTokensDetails"), _FRESH)
    cached_media = _by_modality(tally, usage.get("cacheTokensDetails"), _FRESH)
    if cached > prompt:
        tally.note("usage.parts_exceed_total", f"{cached} cached of {prompt} prompt tokens")
        cached = prompt
    tally.divide(
        cached, Meter.CACHE_READ, ((_CACHED[meter], n) for meter, n in cached_media.items())
    )
    fresh = {meter: max(0, n - cached_media.get(meter, 0)) for meter, n in media.items()}
    tally.divide(prompt - cached, Meter.INPUT, fresh.items())


def _by_modality(tally: Tally, details: object, meters: Mapping[str, Meter]) -> dict[Meter, int]:
    """Add up a list of details by meter; modalities without a meter of their own are text."""
    counts: dict[Meter, int] = {}
    for detail in details if isinstance(details, list) else ():
        modality = detail.get("modality") if isinstance(detail, dict) else None
        meter = meters.get(modality) if isinstance(modality, str) else None
        if meter is not None:
            counts[meter] = counts.get(meter, 0) + tally.count(detail, "tokenCount")
    return counts
