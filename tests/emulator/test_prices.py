"""The emulator's charges, by hand, against a price library, and against recorded exchanges."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import genai_prices
import pytest

from outlay.emulator.prices import ModelEntry, plain_text, price_table, to_nanos

AS_OF = datetime(2026, 11, 20, 12, tzinfo=UTC)
TABLE = price_table()
LISTED = sorted(
    {entry.name: entry for entry in TABLE.models.values() if entry.provider != "emulator"}.values(),
    key=lambda entry: (entry.provider, entry.name),
)
CONTEXTS = {
    "standard": {},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"speed": "fast"},
}
LIBRARY_FIELDS = {
    "input": "input_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write_5m": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "output": "output_mtok",
    "input_audio": "input_audio_mtok",
    "cache_read_audio": "cache_audio_read_mtok",
    "output_audio": "output_audio_mtok",
    "input_image": "input_image_mtok",
    "input_video": "input_video_mtok",
}
NOT_IN_LIBRARY = {("gpt-4o-audio-preview", "input_audio"), ("gpt-4o-audio-preview", "output_audio")}
OPENAI_WRITE = ("openai", "cache_write_5m")
RECORDED = {
    "input_tokens": "input",
    "output_tokens": "output",
    "cache_read_tokens": "cache_read",
    "cache_write_tokens": "cache_write",
    "input_audio_tokens": "input_audio",
}


def charge(model: str, tier: str = "standard", /, **quantities: int) -> str | None:
    charged = TABLE.charge([(model, quantities)], tier=tier)
    return None if charged is None else plain_text(charged.usd)


@pytest.mark.parametrize(
    ("model", "quantities", "usd"),
    [
        # 48 x 2.50/M + 14 x 10/M
        ("gpt-4o-2024-08-06", {"input": 48, "output": 14}, "0.00026"),
        # 100 x 0.15/M + 1,920 x 0.075/M + 30 x 0.60/M
        ("gpt-4o-mini", {"input": 100, "cache_read": 1_920, "output": 30}, "0.000177"),
        # 1 x 0.05/M: one token of the cheapest model is 50 nano-dollars
        ("gpt-5-nano", {"input": 1}, "0.00000005"),
        # reasoning at the price of output: 10 x 2/M + 90 x 2/M
        ("gpt-5-mini", {"output": 10, "reasoning": 90}, "0.0002"),
        # 10 x 3 + 1,000 x 0.30 + 2,000 x 3.75 + 400 x 6 + 50 x 15, all /M
        (
            "claude-sonnet-4-6",
            {
                "input": 10,
                "cache_read": 1_000,
                "cache_write_5m": 2_000,
                "cache_write_1h": 400,
                "output": 50,
            },
            "0.01098",
        ),
        # 7,744 x 3/M + 353 x 15/M + one search at 10/1,000
        ("claude-sonnet-4-5", {"input": 7_744, "output": 353, "web_search": 1}, "0.038527"),
        # 2.x: one grounded prompt at 35/1,000, however many queries
        ("gemini-2.5-flash", {"input": 10, "grounded_prompt": 1}, "0.035003"),
        # 3.x: three queries at 14/1,000
        ("gemini-3-flash-preview", {"input": 10, "grounded_query": 3}, "0.042005"),
        # no price for writing: 512 x 0.15/M, as input
        ("gpt-4o-mini", {"cache_write": 512}, "0.0000768"),
        # 44 audio tokens at 40/M, as recorded in px-c51320c5f068's kind of call
        ("gpt-4o-audio-preview", {"input_audio": 44}, "0.00176"),
    ],
)
def test_a_charge_worked_out_by_hand(model: str, quantities: dict[str, int], usd: str) -> None:
    assert charge(model, **quantities) == usd


def test_long_context_changes_the_price_of_the_whole_call() -> None:
    """The cliff: 200,000 tokens at 1.25/M, one more token and all are at 2.50/M."""
    assert charge("gemini-2.5-pro", input=200_000, output=100) == "0.251"
    assert charge("gemini-2.5-pro", input=200_001, output=100) == "0.5015025"


def test_cached_input_counts_towards_long_context() -> None:
    assert charge("gemini-2.5-pro", input=1, cache_read=200_000) == "0.0500025"


def test_a_tier_has_its_own_price() -> None:
    assert charge("gpt-5", "flex", input=1_000) == "0.000625"
    assert charge("gpt-5", "priority", input=1_000) == "0.0025"


def test_what_has_no_price_is_not_free() -> None:
    assert charge("some-unknown-model", input=1) is None
    assert charge("gpt-4o", "flex", input=1) is None
    assert charge("text-embedding-3-small", output=1) is None


def test_a_call_that_consumed_nothing_costs_nothing() -> None:
    assert charge("some-unknown-model") == "0"


def test_passes_are_charged_each_at_its_own_model() -> None:
    """px-36aee1252182 by hand: two passes of sonnet-5 (2/10) and one of opus-4-8 (5/25)."""
    passes = [
        ("claude-sonnet-5", {"input": 1_128, "output": 110}),
        ("claude-opus-4-8", {"input": 2_518, "output": 22}),
        ("claude-sonnet-5", {"input": 1_262, "output": 11}),
    ]

    charged = TABLE.charge(passes)

    assert charged is not None
    assert plain_text(charged.usd) == "0.01913"


@pytest.mark.parametrize(
    ("usd", "nanos"),
    [("0.0000000005", 0), ("0.0000000015", 2), ("0.0000000025", 2), ("1", 1_000_000_000)],
)
def test_nanos_are_rounded_half_to_even(usd: str, nanos: int) -> None:
    assert to_nanos(Decimal(usd)) == nanos


@pytest.mark.parametrize("name", ["claude-haiku-4-5-20251001", "claude-haiku-4-5-20270101"])
def test_a_model_is_found_by_any_date_behind_its_name(name: str) -> None:
    entry = TABLE.find_model(name)
    assert entry is not None
    assert entry.name == "claude-haiku-4-5"


@pytest.mark.parametrize("entry", LISTED, ids=lambda entry: entry.name)
@pytest.mark.parametrize("tier", CONTEXTS)
def test_the_table_agrees_with_the_library(entry: ModelEntry, tier: str) -> None:
    """Maintained apart, equal at the reference date: every rate, and no rate that is missing."""
    library = _library_rates(entry, tier)
    ours = dict(entry.rates.get(tier, {}))
    for model, quantity in NOT_IN_LIBRARY:
        if entry.name == model:
            ours.pop(quantity, None)
    if library is None:
        assert tier not in entry.rates
    else:
        assert ours == library[0]
        assert entry.rates.get(tier + "_long", {}) == (library[1] or {})


@pytest.mark.real
def test_recorded_bills_are_reproduced(real_dir: Path) -> None:
    """Every line of every agreed bill of our providers whose model is in the table."""
    with (real_dir / "exchanges.jsonl").open() as file:
        exchanges = [json.loads(line) for line in file]
    comparable = [exchange for exchange in exchanges if _is_comparable(exchange)]
    assert [x["id"] for x in comparable if _rebill(x) != _expected_usd(x)] == []
    assert len(comparable) > 500


def _library_rates(
    entry: ModelEntry, tier: str
) -> tuple[dict[str, Decimal], dict[str, Decimal] | None] | None:
    """Return what the library charges in a tier: (usual rates, rates of long context)."""
    provider = next(p for p in _providers() if p.id == entry.provider)
    model = next(m for m in provider.models if m.id == entry.name)
    context = CONTEXTS[tier]
    if context and not any(v.when == context for v in model.price_variants or ()):
        return None
    prices = model.get_prices(AS_OF, context or None)
    usual: dict[str, Decimal] = {}
    long: dict[str, Decimal] = {}
    is_tiered = False
    for named, field in LIBRARY_FIELDS.items():
        price = getattr(prices, field)
        if price is None:
            continue
        is_tiered = is_tiered or hasattr(price, "tiers")
        # OpenAI's cache writes name no time to live.
        quantity = "cache_write" if (entry.provider, named) == OPENAI_WRITE else named
        usual[quantity] = getattr(price, "base", price)
        long[quantity] = price.tiers[0].price if hasattr(price, "tiers") else price
    return usual, long if is_tiered else None


def _providers() -> list[Any]:
    return genai_prices.data_snapshot.get_snapshot().providers


def _is_comparable(exchange: dict[str, Any]) -> bool:
    expected = exchange["expected"] or {}
    model = exchange["model_returned"] or exchange["model_requested"]
    return (
        exchange["provider"] in {"openai", "anthropic", "google"}
        and expected.get("basis") in {"both_oracles", "adjudicated"}
        and bool(expected.get("lines"))
        and TABLE.find_model(model) is not None
    )


def _rebill(exchange: dict[str, Any]) -> Decimal:
    returned = exchange["model_returned"] or exchange["model_requested"]
    tier = "flex" if exchange["service_tier"] == "flex" else "standard"
    total = Decimal(0)
    for line in exchange["expected"]["lines"]:
        model = line["model"] if TABLE.find_model(line["model"]) else returned
        named = RECORDED[line["unit"]]
        if exchange["provider"] == "anthropic" and named == "cache_write":
            named = "cache_write_5m"
        charged = TABLE.charge([(model, {named: line["count"]})], tier=tier)
        assert charged is not None, line
        total += charged.usd
    return total


def _expected_usd(exchange: dict[str, Any]) -> Decimal:
    lines = exchange["expected"]["lines"]
    return sum((Decimal(str(x["usd_per"])) * x["count"] / x["per"] for x in lines), Decimal(0))
