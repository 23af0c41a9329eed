"""The compiled book says what the bundled data says, exactly, and what our supplement adds."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest
from genai_prices.data import providers as bundled
from genai_prices.types import ModelPrice, Usage
from hypothesis import given
from hypothesis import strategies as st

from outlay.kernel.clock import from_us
from outlay.pricing.seed import compile_seed, seed_source
from outlay.pricing.supplement import FREE_MODELS, gaps_of
from tests.pricing.books import REFERENCE_DATE, at, cost_of, seed_book, used

_METERS = {
    "input_mtok": "input",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "input_audio_mtok": "input_audio",
    "cache_audio_read_mtok": "cache_read_audio",
    "output_mtok": "output",
    "output_audio_mtok": "output_audio",
    "output_image_mtok": "output_image",
    "output_reasoning_mtok": "reasoning",
}
_USAGE = {
    "cache_read": "cache_read_tokens",
    "cache_write": "cache_write_tokens",
    "cache_write_1h": "cache_write_1h_tokens",
    "input_audio": "input_audio_tokens",
    "cache_read_audio": "cache_audio_read_tokens",
    "output_audio": "output_audio_tokens",
    "output_image": "output_image_tokens",
    "reasoning": "output_reasoning_tokens",
}
_ALL = [(provider, model) for provider in bundled for model in provider.models]


def _own_entry_ids() -> list[tuple[Any, Any]]:
    """Models that go by their own id and have a price for input, with no noise of a float in it."""
    return [
        (provider, model)
        for provider, model in _ALL
        if (entry := seed_book().find_entry(provider.id, model.id)) is not None
        and entry.id == model.id
        and all(map(_is_plain, _price_sets(model)))
    ]


def _price_sets(model: Any) -> list[ModelPrice]:
    prices = model.prices
    return [one.prices for one in prices] if isinstance(prices, list) else [prices]


def _is_plain(prices: ModelPrice) -> bool:
    values = [price for price in vars(prices).values() if price is not None]
    return prices.input_mtok is not None and all(
        len(str(price)) < 15 or hasattr(price, "tiers") for price in values
    )


def test_compiling_twice_gives_the_same_revision() -> None:
    assert compile_seed().revision == seed_book().revision


def test_the_source_names_the_library_and_its_version() -> None:
    assert seed_book().source == seed_source()
    assert seed_source().startswith("genai-prices 0.2.")


def test_every_model_of_the_data_is_in_the_book() -> None:
    compiled = {(p, entry.id) for p in seed_book().providers for entry in seed_book().entries(p)}
    assert compiled == {(provider.id, model.id) for provider, model in _ALL}


def test_nearly_every_model_can_be_compared() -> None:
    assert len(_own_entry_ids()) > 2_000


@given(
    chosen=st.deferred(lambda: st.sampled_from(_own_entry_ids())),
    counts=st.fixed_dictionaries({m: st.integers(1, 400_000) for m in _METERS.values()}),
    when=st.datetimes(datetime(2025, 1, 1), datetime(2027, 6, 1), timezones=st.just(UTC)),
)
def test_a_call_costs_what_the_library_says(
    chosen: tuple[Any, Any], counts: dict[str, int], when: datetime
) -> None:
    """For every meter that the data itself prices; stand-ins are ours and tested apart."""
    provider, model = chosen
    prices = model.get_prices(when)
    priced = {_METERS[unit] for unit, price in vars(prices).items() if price and unit in _METERS}
    mine = {meter: count for meter, count in counts.items() if meter in priced}
    cost = cost_of(used(**mine), model.id, provider=provider.id, when=when.isoformat())
    expected = prices.calc_price(_library_usage(mine))["total_price"]
    expected -= (prices.requests_kcount or Decimal(0)) / 1000
    nanos = (expected * 10**9).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    assert cost.list_token_cost_nanos == nanos


def _library_usage(mine: dict[str, int]) -> Usage:
    """The library counts inclusively: all input, of which cached, of which audio."""
    inputs = ("input", "cache_read", "cache_write", "cache_write_1h", "input_audio")
    outputs = ("output", "reasoning", "output_audio", "output_image")
    counts = {_USAGE[meter]: count for meter, count in mine.items() if meter in _USAGE}
    counts["input_tokens"] = sum(mine.get(m, 0) for m in (*inputs, "cache_read_audio"))
    counts["output_tokens"] = sum(mine.get(m, 0) for m in outputs)
    cached_audio = mine.get("cache_read_audio", 0)
    if cached_audio:
        counts["cache_read_tokens"] = mine.get("cache_read", 0) + cached_audio
        counts["input_audio_tokens"] = mine.get("input_audio", 0) + cached_audio
    if "cache_write_1h" in mine:
        counts["cache_write_tokens"] = mine.get("cache_write", 0) + mine["cache_write_1h"]
    return Usage(**counts)


def test_prices_that_are_not_whole_attos_are_left_out_and_unpriced() -> None:
    """1/12 USD a million for writes to OpenRouter's Gemini cache: unpriced, not rounded."""
    cost = cost_of(used(cache_write=1), "google/gemini-2.5-flash", provider="openrouter")
    assert cost.cost_nanos is None
    assert (
        cost_of(used(input=1), "google/gemini-2.5-flash", provider="openrouter").cost_nanos == 300
    )


def test_noise_of_a_float_is_no_price() -> None:
    """0.18000000000000002 in the data is 0.18."""
    cost = cost_of(
        used(input=1_000_000), "Qwen/Qwen3-VL-8B-Instruct", provider="huggingface_together"
    )
    assert cost.cost_nanos == 180_000_000


@pytest.mark.parametrize("provider", sorted(FREE_MODELS))
def test_free_models_are_in_the_data_without_a_price(provider: str) -> None:
    """Once the data states a price, a model is no longer ours to call free."""
    free = [e for e in seed_book().entries(provider) if e.periods[-1].rates.get("input") == 0]
    assert free


def test_a_gap_never_replaces_a_price_of_the_data() -> None:
    entry = seed_book().find_entry("openai", "gpt-4o")
    assert entry is not None
    assert "web_search" in entry.periods[0].rates
    assert {str(gap.meter) for gap in gaps_of("openai", "gpt-4o")} >= {"web_search"}
    cost = cost_of(used(web_search=1), "gpt-4o", when="2025-01-01T00:00:00Z")
    assert cost.tool_cost_nanos == 10_000_000


def test_the_reference_date_is_within_the_data() -> None:
    assert from_us(at(REFERENCE_DATE)).year == 2026
