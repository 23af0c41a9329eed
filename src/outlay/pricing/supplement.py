"""Prices and facts that the bundled price data lacks, each with its source and the day it was read.

A gap only fills what the data does not say; it never replaces one of its prices. Prices that cannot
be told from an answer, and so stay unpriced, are listed in docs/guide/prices.md.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from outlay.usage.meters import Meter

SUPPLEMENT_VERSION = "2026-11-21"
"""The day this page was last read against its sources; a change makes a new book."""

_OPENAI_PRICES = "https://developers.openai.com/api/docs/pricing"
_CLAUDE_PRICES = "https://platform.claude.com/docs/en/about-claude/pricing"
_GEMINI_PRICES = "https://ai.google.dev/gemini-api/docs/pricing"
_AUDIO_CUT = ("2024-12-17", "https://openai.com/index/o1-and-new-tools-for-developers/")


@dataclass(frozen=True, slots=True)
class Gap:
    """A rate that the data lacks: `price` USD for `units` of `meter`, from a day on (UTC).

    `models` is a regular expression that a lower-case model id must match in full.
    """

    provider: str
    models: str
    meter: Meter
    price: Decimal
    units: int
    start_on: date
    source: str


def gaps_of(provider: str, model: str) -> list[Gap]:
    """Return the gaps that may be filled for a model, in the order of their start."""
    return [
        gap
        for gap in _GAPS
        if gap.provider == provider and re.fullmatch(gap.models, model) is not None
    ]


def is_free(provider: str, model: str) -> bool:
    """Say whether a model for which the data states no price is published as free of charge."""
    if model.endswith(":free"):
        return True
    models = FREE_MODELS.get(provider)
    return models is not None and re.fullmatch(models, model) is not None


_CHAT_MODELS = r"(gpt-[45678].*|o\d.*|chatgpt-4o.*|computer-use.*|codex.*)"
_GAPS = tuple(
    Gap(provider, models, meter, Decimal(price), units, date.fromisoformat(start_on), source)
    for provider, models, meter, price, units, start_on, source in (
        # Audio has rates of its own; the data has the text rates only (metering pitfall 19).
        ("openai", "gpt-4o-audio-preview", Meter.INPUT_AUDIO, "40", 10**6, *_AUDIO_CUT),
        ("openai", "gpt-4o-audio-preview", Meter.OUTPUT_AUDIO, "80", 10**6, *_AUDIO_CUT),
        ("openai", "gpt-4o-mini-audio-preview", Meter.INPUT_AUDIO, "10", 10**6, *_AUDIO_CUT),
        ("openai", "gpt-4o-mini-audio-preview", Meter.OUTPUT_AUDIO, "20", 10**6, *_AUDIO_CUT),
        # Tools that OpenAI bills by call whatever the model.
        ("openai", _CHAT_MODELS, Meter.WEB_SEARCH, "10", 1_000, "2026-10-12", _OPENAI_PRICES),
        ("openai", _CHAT_MODELS, Meter.FILE_SEARCH, "2.5", 1_000, "2025-03-11", _OPENAI_PRICES),
        # A container of the default size for a whole session of 20 minutes: the most that one
        # costs a call. Billed by the minute since 2026-06-02; no answer states the minutes.
        ("openai", _CHAT_MODELS, Meter.CODE_EXECUTION, "0.03", 1, "2025-03-11", _OPENAI_PRICES),
        ("anthropic", "claude.*", Meter.WEB_SEARCH, "10", 1_000, "2025-05-07", _CLAUDE_PRICES),
        # Billed by the hour of a container beyond 1,550 free hours a month, never by execution.
        ("anthropic", "claude.*", Meter.CODE_EXECUTION, "0", 1, "2025-05-22", _CLAUDE_PRICES),
        # Only the tokens that these bring into the prompt are billed.
        ("google", "gem.*", Meter.CODE_EXECUTION, "0", 1, "2024-06-27", _GEMINI_PRICES),
        ("google", "gem.*", Meter.FILE_SEARCH, "0", 1, "2025-11-06", _GEMINI_PRICES),
    )
)

FREE_MODELS: Mapping[str, str] = {
    # Free of charge on the Gemini API, no paid tier. Source: https://ai.google.dev/gemini-api/docs/pricing
    "google": r"gemma-3|gemma-3n|gemma-4-(26b-a4b|31b)-it",
    # Source: https://developers.openai.com/api/docs/pricing (moderation models are free)
    "openai": r"moderation",
    # Included in the subscription. Source: the data's own note on these models, 2026-09-03.
    "github-copilot": r"gpt-3\.5-turbo|gpt-4\.1|gpt-4o|gpt-4o-mini",
}
"""Models that the data lists without a price and that are free; others of its kind are unpriced."""

STANDARD_TIERS: Mapping[str, tuple[str, ...]] = {
    # `scale` is prepaid capacity: its tokens have no other list price.
    "openai": ("default", "auto", "scale"),
    "azure": ("default", "auto", "scale"),
    # Priority capacity is committed and paid for apart; its tokens have no other list price.
    # Source: https://platform.claude.com/docs/en/api/service-tiers
    "anthropic": ("auto", "standard_only", "priority"),
    "groq": ("default", "on_demand", "auto", "flex"),
    "google": ("default", "auto", "on_demand", "unspecified"),
    "*": ("default", "auto", "on_demand"),
}
"""Service tiers, by provider, billed at the standard price. Any other tier needs its own price."""
