"""The pitfalls of metering that are about price, each by its name (see docs/guide/prices.md)."""

import pytest

from outlay.pricing.cost import CostBasis
from outlay.usage.meters import Meter
from outlay.usage.usage import Pass, Usage
from tests.pricing.books import at, cost_of, own_price, seed_book, used


def test_silent_zero_an_unknown_model_is_unpriced_and_never_free() -> None:
    cost = cost_of(used(input=10), "gpt-99-unheard-of")
    assert (cost.cost_nanos, cost.basis) == (None, CostBasis.NONE)
    assert cost.unpriced == ("gpt-99-unheard-of/input",)


def test_silent_zero_an_unknown_provider_is_unpriced() -> None:
    assert cost_of(used(input=10), "gpt-4o", provider="my-own-cluster").cost_nanos is None


def test_silent_zero_a_model_listed_without_any_price_is_unpriced() -> None:
    """The data lists it with an empty price: not free, only no longer listed."""
    cost = cost_of(used(input=10), "qwen-3-coder-480b", provider="cerebras")
    assert cost.cost_nanos is None


def test_free_of_charge_is_zero_where_the_provider_says_so() -> None:
    cost = cost_of(used(input=10, output=5), "gemma-3-27b-it", provider="google")
    assert (cost.cost_nanos, cost.basis, cost.unpriced) == (0, CostBasis.LIST, ())


@pytest.mark.parametrize(
    ("provider", "model", "nanos"),
    [
        ("anthropic", "claude-sonnet-4-20250514", 3_000_000 + 15_000_000),
        ("anthropic", "claude-3-opus-20240229", 15_000_000 + 75_000_000),
        ("google", "gemini-2.0-flash", 100_000 + 400_000),
        ("google", "gemini-3-pro-preview", 2_000_000 + 12_000_000),
        ("openai", "gpt-4-32k", 60_000_000 + 120_000_000),
    ],
)
def test_retired_models_keep_their_prices(provider: str, model: str, nanos: int) -> None:
    cost = cost_of(used(input=1_000, output=1_000), model, provider=provider)
    assert cost.cost_nanos == nanos


def test_a_moving_alias_is_priced_by_the_model_that_the_answer_names() -> None:
    usage = used(output=1_000_000)
    old = cost_of(
        usage, "gemini-flash-latest", provider="google", model_returned="gemini-2.5-flash"
    )
    new = cost_of(
        usage, "gemini-flash-latest", provider="google", model_returned="gemini-3.8-flash"
    )
    assert (old.cost_nanos, new.cost_nanos) == (2_500_000_000, 3_750_000_000)


def test_another_model_than_requested_is_priced_as_itself() -> None:
    """deepseek-reasoner comes back as deepseek-v4-flash, and is billed as that."""
    cost = cost_of(
        used(output=1_000_000),
        "deepseek-reasoner",
        provider="deepseek",
        model_returned="deepseek-v4-flash",
    )
    assert cost.cost_nanos == 600_000_000


def test_an_unknown_snapshot_falls_back_to_the_requested_model_of_its_family() -> None:
    cost = cost_of(used(input=1_000_000), "gpt-4o", model_returned="gpt-4o-2031-01-01")
    assert cost.cost_nanos == 2_500_000_000


def test_an_unknown_model_of_another_family_does_not_fall_back() -> None:
    cost = cost_of(used(input=1_000_000), "gpt-4o", model_returned="gpt-4o-maxi-2031-01-01")
    assert cost.cost_nanos is None


def test_an_answer_that_names_no_model_is_priced_as_the_one_that_was_asked() -> None:
    cost = cost_of(
        used(input=1_000_000), "gemini-embedding-001", provider="google", model_returned=None
    )
    assert cost.cost_nanos == 150_000_000


def test_the_tier_of_the_answer_decides() -> None:
    usage = used(input=1_000_000, cache_read=1_000_000, output=1_000_000)
    costs = {tier: cost_of(usage, "gpt-5", tier=tier).cost_nanos for tier in _TIERS}
    assert costs == _TIERS


_TIERS = {
    None: 11_375_000_000,
    "default": 11_375_000_000,
    "auto": 11_375_000_000,
    "flex": 5_687_500_000,
    "priority": 22_750_000_000,
    "fast": 22_750_000_000,
    "batch": 5_687_500_000,
}


def test_a_tier_without_a_price_is_unpriced() -> None:
    cost = cost_of(used(input=10), "gpt-5", tier="turbo")
    assert (cost.cost_nanos, cost.unpriced) == (None, ("gpt-5@turbo/input",))


def test_a_tier_before_its_first_known_price_is_unpriced() -> None:
    """The data starts flex prices on 2026-10-12 and says that earlier ones are not modelled."""
    assert (
        cost_of(used(input=10), "gpt-5", tier="flex", when="2026-10-11T23:59:59Z").cost_nanos
        is None
    )


def test_anthropic_priority_and_fast_tiers() -> None:
    usage = used(input=1_000_000)
    costs = [
        cost_of(usage, "claude-opus-4-8", provider="anthropic", tier=tier).cost_nanos
        for tier in ("standard", "priority", "fast", "batch")
    ]
    assert costs == [5_000_000_000, 5_000_000_000, 10_000_000_000, 2_500_000_000]


@pytest.mark.parametrize(
    ("provider", "model", "threshold", "below", "above"),
    [
        ("google", "gemini-2.5-pro", 200_000, 1_250, 2_500),
        ("openai", "gpt-5.5", 272_000, 5_000, 10_000),
        ("anthropic", "claude-haiku-5-5", 100_000, 100, 500),
        ("x-ai", "grok-4.3", 199_999, 1_250, 2_500),
    ],
)
def test_the_prompt_length_cliff_bills_the_whole_call_at_the_higher_rate(
    provider: str, model: str, threshold: int, below: int, above: int
) -> None:
    costs = [
        cost_of(used(input=tokens), model, provider=provider).cost_nanos
        for tokens in (threshold, threshold + 1)
    ]
    assert costs == [threshold * below, (threshold + 1) * above]


def test_the_cliff_counts_cached_input_and_raises_the_output_too() -> None:
    usage = used(input=1, cache_read=200_000, output=10)
    cost = cost_of(usage, "gemini-2.5-pro", provider="google")
    assert cost.cost_nanos == 2_500 + 200_000 * 250 + 10 * 15_000


def test_gpt_4o_audio_preview_has_its_audio_rate() -> None:
    """44 audio tokens at 40 USD a million, not at the text rate (7.6 times too low)."""
    cost = cost_of(used(input=20, input_audio=44, output=9), "gpt-4o-audio-preview-2024-12-17")
    assert cost.list_token_cost_nanos == 1_900_000


def test_audio_at_a_model_without_an_audio_rate_is_unpriced() -> None:
    cost = cost_of(used(input=20, input_audio=44), "gpt-4o")
    assert (cost.cost_nanos, cost.unpriced) == (None, ("gpt-4o/input_audio",))


def test_cached_audio_has_its_own_rate() -> None:
    usage = used(cache_read=1_000_000, cache_read_audio=1_000_000)
    cost = cost_of(usage, "gemini-2.5-flash", provider="google")
    assert cost.cost_nanos == 30_000_000 + 100_000_000


def test_image_output_has_its_own_rate() -> None:
    cost = cost_of(used(output_image=1_290), "gemini-2.5-flash-image", provider="google")
    assert cost.cost_nanos == 38_700_000


def test_advisor_passes_are_priced_at_the_model_that_ran_them() -> None:
    """Pitfall 4: sonnet-5 with an opus-4-8 advisor is 0.01913, not 0.00599 or 0.011246."""
    usage = Usage(
        (
            Pass(None, {Meter.INPUT: 1_128, Meter.OUTPUT: 82, Meter.REASONING: 28}),
            Pass("claude-opus-4-8", {Meter.INPUT: 2_518, Meter.OUTPUT: 22}),
            Pass(None, {Meter.INPUT: 1_262, Meter.OUTPUT: 11}),
        )
    )
    cost = cost_of(usage, "claude-sonnet-5", provider="anthropic")
    assert cost.cost_nanos == 19_130_000
    assert cost.unit_prices["claude-opus-4-8/output"] == 25 * 10**12


def test_cache_writes_of_an_hour_cost_more_than_those_of_five_minutes() -> None:
    costs = [
        cost_of(used(**{meter: 1_000_000}), "claude-sonnet-4-5", provider="anthropic").cost_nanos
        for meter in ("input", "cache_read", "cache_write", "cache_write_5m", "cache_write_1h")
    ]
    assert costs == [6_000_000_000, 600_000_000, 7_500_000_000, 7_500_000_000, 12_000_000_000]


def test_an_hour_long_write_without_its_rate_is_unpriced() -> None:
    cost = cost_of(used(cache_write_1h=1), "claude-3-5-haiku", provider="google")
    assert cost.cost_nanos is None


def test_reasoning_is_billed_as_output() -> None:
    assert cost_of(used(reasoning=1_000_000), "gpt-5").cost_nanos == 10_000_000_000


def test_tool_fees_are_beside_the_tokens() -> None:
    cost = cost_of(used(input=1_000_000, web_search=4), "gpt-5")
    assert (cost.list_token_cost_nanos, cost.tool_cost_nanos) == (1_250_000_000, 40_000_000)
    assert cost.cost_nanos == 1_290_000_000


@pytest.mark.parametrize(
    ("provider", "model", "meter", "nanos"),
    [
        ("openai", "o4-mini", "web_search", 10_000_000),
        ("openai", "gpt-4o", "file_search", 2_500_000),
        ("openai", "gpt-5", "code_execution", 30_000_000),
        ("anthropic", "claude-sonnet-4-5", "web_search", 10_000_000),
        ("anthropic", "claude-3-haiku-20240307", "web_search", 10_000_000),
        ("anthropic", "claude-sonnet-4-6", "code_execution", 0),
        ("google", "gemini-2.5-pro", "grounded_prompt", 35_000_000),
        ("google", "gemini-3-flash-preview", "grounded_query", 14_000_000),
        ("google", "gemini-3-flash-preview", "code_execution", 0),
        ("google", "gemini-3-flash-preview", "file_search", 0),
    ],
)
def test_every_known_tool_has_a_fee_or_a_stated_zero(
    provider: str, model: str, meter: str, nanos: int
) -> None:
    assert cost_of(used(**{meter: 1}), model, provider=provider).tool_cost_nanos == nanos


def test_a_tool_without_a_fee_is_unpriced() -> None:
    cost = cost_of(used(input=1, other_tool=1), "gpt-5")
    assert (cost.cost_nanos, cost.unpriced) == (None, ("gpt-5/other_tool",))


@pytest.mark.parametrize(
    ("when", "nanos"),
    [
        ("2025-06-09T23:59:59.999999Z", 10_000_000_000),
        ("2025-06-10T00:00:00Z", 2_000_000_000),
        ("2026-11-20T12:00:00Z", 2_000_000_000),
    ],
)
def test_prices_change_at_their_date(when: str, nanos: int) -> None:
    assert cost_of(used(input=1_000_000), "o3", when=when).cost_nanos == nanos


@pytest.mark.parametrize(
    ("when", "nanos"),
    [
        ("2026-11-20T00:59:59.999999Z", 600_000_000),
        ("2026-11-20T01:00:00Z", 1_200_000_000),
        ("2026-11-20T03:59:59.999999Z", 1_200_000_000),
        ("2026-11-20T04:00:00Z", 600_000_000),
        ("2026-11-20T06:00:00Z", 1_200_000_000),
        ("2026-11-20T10:00:00Z", 600_000_000),
        ("2026-08-20T02:00:00Z", 1_200_000_000),
    ],
)
def test_prices_change_by_the_hour(when: str, nanos: int) -> None:
    """DeepSeek's peak hours; the last one shows that the data's windows know no date."""
    cost = cost_of(used(output=1_000_000), "deepseek-v4-flash", provider="deepseek", when=when)
    assert cost.cost_nanos == nanos


def test_a_host_is_not_priced_as_its_maker() -> None:
    """The same model name at another provider is that provider's price or none."""
    direct = cost_of(used(input=1_000_000), "claude-sonnet-4-5", provider="anthropic")
    elsewhere = cost_of(used(input=1_000_000), "claude-sonnet-4-5", provider="openai")
    assert (direct.cost_nanos is None, elsewhere.cost_nanos) == (False, None)


def test_azure_sells_the_models_of_openai_at_their_price() -> None:
    assert cost_of(used(input=1_000_000), "gpt-4.1", provider="azure").cost_nanos == 2_000_000_000


def test_what_the_operator_sets_prices_an_unknown_model() -> None:
    own = [
        own_price("mine", "llama", "input", 10**12),
        own_price("mine", "llama", "output", 10**12),
    ]
    book = seed_book().with_overlays(own, 1)
    cost = cost_of(used(input=5, output=5, reasoning=5), "llama", provider="mine", book=book)
    assert cost.cost_nanos == 15_000
    assert book.find_price("mine", "llama", at_us=at()).is_known
