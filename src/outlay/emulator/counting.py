"""What a prompt counts for: disjoint input quantities after caching and steering."""

from outlay.emulator.ask import Ask, Format, Modality
from outlay.emulator.prices import ModelEntry
from outlay.emulator.prompt_cache import PromptCache, Split
from outlay.emulator.steering import Steering

Quantities = dict[str, int]
"""Disjoint quantities by name (`input`, `cache_read`, `output`, `web_search`, …)."""

_AUTOMATIC = (Format.CHAT, Format.RESPONSES, Format.GENERATE)


def count_input(
    ask: Ask, steering: Steering, cache: PromptCache, entry: ModelEntry | None
) -> Quantities:
    """Count the prompt: plain, read from and written to the cache, by modality."""
    sizes = _size_by_modality(ask, steering)
    split = _steer_split(_consult_cache(ask, cache, entry), steering)
    cached = _cached_by_modality(ask, sizes, split.read)
    quantities = {_name("input", m): size - cached.get(m, 0) for m, size in sizes.items()}
    quantities |= {_name("cache_read", m): size for m, size in cached.items()}
    for name, written in _name_writes(ask, split).items():
        quantities[name] = min(written, quantities["input"])
        quantities["input"] -= quantities[name]
    return quantities


def input_total(quantities: Quantities) -> int:
    """Add up all input, what was read from or written to the cache included."""
    return sum(n for name, n in quantities.items() if name.startswith(("input", "cache_")))


def without_zeros(quantities: Quantities) -> Quantities:
    """Leave out what was not consumed."""
    return {name: n for name, n in quantities.items() if n}


def _name_writes(ask: Ask, split: Split) -> Quantities:
    """Name what is written as the provider states it: by time to live, without, or not at all."""
    if ask.format is Format.MESSAGES:
        return {"cache_write_1h": split.write_1h, "cache_write_5m": split.write_5m}
    states_none = ask.format.startswith("gemini")
    return {"cache_write": 0 if states_none else split.write}


def _name(kind: str, modality: Modality) -> str:
    return kind if modality == "text" else f"{kind}_{modality}"


def _counted_as(ask: Ask, modality: Modality) -> Modality:
    # OpenAI and Anthropic charge pictures as text; documents are text everywhere.
    if modality == "document" or (modality == "image" and ask.format is not Format.GENERATE):
        return "text"
    return modality


def _size_by_modality(ask: Ask, steering: Steering) -> dict[Modality, int]:
    sizes: dict[Modality, int] = {"text": ask.framing_tokens}
    for segment in ask.segments:
        modality = _counted_as(ask, segment.modality)
        sizes[modality] = sizes.get(modality, 0) + segment.tokens
    if steering.input_tokens is not None:
        sizes["text"] = steering.input_tokens
    if steering.input_audio_tokens is not None:
        sizes["audio"] = steering.input_audio_tokens
    return sizes


def _consult_cache(ask: Ask, cache: PromptCache, entry: ModelEntry | None) -> Split:
    rates = entry.rates["standard"] if entry else {"cache_read": 0}
    if "cache_read" not in rates:
        return Split()
    if ask.format is Format.MESSAGES:
        return cache.split_at_breakpoints(ask.model, ask.segments)
    if ask.format not in _AUTOMATIC:
        return Split()
    split = cache.split_automatically(ask.model, ask.segments)
    return split if "cache_write" in rates else Split(split.read)


def _steer_split(split: Split, steering: Steering) -> Split:
    if steering.cached_tokens is None and steering.cache_write_tokens is None:
        return split
    written = steering.cache_write_tokens or 0
    return Split(steering.cached_tokens or 0, write_5m=written, write=written)


def _cached_by_modality(ask: Ask, sizes: dict[Modality, int], read: int) -> dict[Modality, int]:
    cached: dict[Modality, int] = {"text": 0}
    position = 0
    for segment in ask.segments if ask.format is Format.GENERATE else ():
        position += segment.tokens
        modality = _counted_as(ask, segment.modality)
        if modality != "text" and position <= read:
            cached[modality] = cached.get(modality, 0) + segment.tokens
    cached["text"] = min(read - sum(cached.values()), sizes["text"])
    return cached
