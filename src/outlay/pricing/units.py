"""How the units of price lists map to our meters, and when one rate stands in for another.

A price list names few units ("input", "cached input", "audio input"). A meter that the list does
not name takes its parent's rate only where the provider itself bills it so: reasoning is billed as
output, an image's tokens as input. It never does where a rate is really missing: audio at the text
rate would be a confident wrong number (metering pitfall 19: 7.6 times too low).
"""

import re
from collections.abc import Mapping, Set

from outlay.usage.meters import TOKEN_METERS, Meter

CALL_FEE = "call"
"""A fee for each call whatever its size (Perplexity's request fee); counted with the tool fees."""

METER_OF_UNIT: Mapping[str, str] = {
    "input_mtok": Meter.INPUT,
    "output_mtok": Meter.OUTPUT,
    "output_reasoning_mtok": Meter.REASONING,
    "cache_read_mtok": Meter.CACHE_READ,
    "cache_write_mtok": Meter.CACHE_WRITE,
    "cache_write_1h_mtok": Meter.CACHE_WRITE_1H,
    "input_audio_mtok": Meter.INPUT_AUDIO,
    "input_image_mtok": Meter.INPUT_IMAGE,
    "input_video_mtok": Meter.INPUT_VIDEO,
    "cache_audio_read_mtok": Meter.CACHE_READ_AUDIO,
    "cache_image_read_mtok": Meter.CACHE_READ_IMAGE,
    "output_audio_mtok": Meter.OUTPUT_AUDIO,
    "output_image_mtok": Meter.OUTPUT_IMAGE,
    "web_searches_kcount": Meter.WEB_SEARCH,
    "storage_searches_kcount": Meter.FILE_SEARCH,
    "code_executions_kcount": Meter.CODE_EXECUTION,
    "requests_kcount": CALL_FEE,
}
"""The units of the seed that we meter; others price things that no wire of ours reports."""

_UNITS_IN = {"mtok": 1_000_000, "kcount": 1_000}
_PROMPT_GROUNDED = re.compile(r"gemini-[12]\b|gemini-live-2|gemini-.*-1\.5")

FREE_RATES: Mapping[str, int] = dict.fromkeys(sorted(TOKEN_METERS), 0)
"""What a model that is stated to be free costs: zero for every token, said and not assumed."""


def units_in(unit: str) -> int:
    """Return how many single units a price of `unit` is for: 1,000,000 for `…_mtok`."""
    return _UNITS_IN[unit.rpartition("_")[2]]


def meter_of(provider: str, model: str, unit: str) -> str | None:
    """Return the meter that `unit` prices for a model of `provider`, or None if we do not meter it.

    Google's "web search" price is per grounded prompt up to Gemini 2.x (35 USD per 1,000), per
    search query after (14 USD per 1,000). Source: https://ai.google.dev/gemini-api/docs/pricing
    """
    meter = METER_OF_UNIT.get(unit)
    if meter is Meter.WEB_SEARCH and provider == "google" and model.startswith("gemini"):
        grounded_by_prompt = _PROMPT_GROUNDED.match(model)
        return Meter.GROUNDED_PROMPT if grounded_by_prompt else Meter.GROUNDED_QUERY
    return meter


def stand_ins(provider: str, model: str, own: Set[str]) -> dict[str, str]:
    """Say which rate stands in for which, for a model whose price list names the meters `own`.

    The order matters: a stand-in may itself have one (`cache_read_image` → `cache_read` → `input`).
    """
    found: dict[str, str] = {Meter.REASONING: Meter.OUTPUT, Meter.CACHE_READ: Meter.INPUT}
    found[Meter.INPUT_IMAGE] = Meter.INPUT
    found |= _cache_write_stand_ins(provider)
    if provider == "google" and Meter.INPUT_AUDIO not in own:
        found[Meter.INPUT_AUDIO] = Meter.INPUT
    if provider == "google" and Meter.INPUT_VIDEO not in own:
        found[Meter.INPUT_VIDEO] = Meter.INPUT
    found |= _cached_media_stand_ins(found, own)
    found |= _output_stand_ins(provider, model)
    return {meter: parent for meter, parent in found.items() if meter not in own}


def _cache_write_stand_ins(provider: str) -> dict[str, str]:
    # A list's one write rate is that of the default lifetime, five minutes. OpenAI has one rate
    # whatever the lifetime, and none (a write costs plain input) before gpt-5.6.
    found: dict[str, str] = {Meter.CACHE_WRITE_5M: Meter.CACHE_WRITE}
    if provider == "openai":
        found = {Meter.CACHE_WRITE: Meter.INPUT, **found, Meter.CACHE_WRITE_1H: Meter.CACHE_WRITE}
    return found


def _cached_media_stand_ins(found: Mapping[str, str], own: Set[str]) -> dict[str, str]:
    media = (
        (Meter.CACHE_READ_AUDIO, Meter.INPUT_AUDIO),
        (Meter.CACHE_READ_IMAGE, Meter.INPUT_IMAGE),
        (Meter.CACHE_READ_VIDEO, Meter.INPUT_VIDEO),
    )
    stand: dict[str, str] = {}
    for cached, fresh in media:
        if fresh in own and Meter.CACHE_READ not in own:
            stand[cached] = fresh
        elif fresh in found and fresh not in own:
            stand[cached] = Meter.CACHE_READ
    return stand


def _output_stand_ins(provider: str, model: str) -> dict[str, str]:
    # A speech or image model has one output price, and it is the price of its speech or images.
    if provider == "google" and "-tts" in model:
        return {Meter.OUTPUT_AUDIO: Meter.OUTPUT}
    if provider == "openai" and model.startswith("gpt-image"):
        return {Meter.OUTPUT_IMAGE: Meter.OUTPUT}
    return {}
