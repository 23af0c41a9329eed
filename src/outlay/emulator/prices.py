"""What the emulator charges: its own table and its own arithmetic, in exact decimals.

Nothing here is shared with the product's price book: two wrongs may not agree by construction.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from pathlib import Path
from typing import Any

_TABLE = Path(__file__).with_name("prices.toml")
_MILLION = Decimal(1_000_000)
_THOUSAND = Decimal(1_000)
_NANO = Decimal("1e-9")
_DATED = re.compile(r"(.+?)-(?:\d{4}-\d{2}-\d{2}|\d{8}|latest|\d{3})")

_CHARGED_AS = {
    "reasoning": "output",
    "output_audio": "output",
    "output_image": "output",
    "input_audio": "input",
    "input_image": "input",
    "input_video": "input",
    "cache_read_audio": "cache_read",
    "cache_read_image": "cache_read",
    "cache_read_video": "cache_read",
    "cache_write": "input",
}
"""What a quantity is charged as when the model has no price of its own for it."""


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model of the table.

    Attributes:
        rates: USD per million tokens, by tier (`standard`, `flex_long`, …) and quantity.
        long_context_above: input tokens beyond which `<tier>_long` holds for the whole call.
        snapshot: the dated name that answers carry.
    """

    name: str
    provider: str
    snapshot: str
    reasoning: bool
    long_context_above: int | None
    rates: Mapping[str, Mapping[str, Decimal]]


@dataclass(frozen=True, slots=True)
class Charge:
    """What a call is charged, in exact USD: for its tokens, and for tool calls beside them."""

    token_usd: Decimal
    tool_usd: Decimal

    @property
    def usd(self) -> Decimal:
        """All of it."""
        return self.token_usd + self.tool_usd


@dataclass(frozen=True, slots=True)
class PriceTable:
    """All models by name, and the fees."""

    models: Mapping[str, ModelEntry]
    fees: Mapping[str, Decimal]

    def find_model(self, name: str) -> ModelEntry | None:
        """Find a model by its name, its snapshot, or the name with another date behind it."""
        bare = name.removeprefix("models/")
        if bare in self.models:
            return self.models[bare]
        dated = _DATED.fullmatch(bare)
        return self.models.get(dated[1]) if dated else None

    def charge(
        self, passes: Iterable[tuple[str, Mapping[str, int]]], *, tier: str = "standard"
    ) -> Charge | None:
        """Charge (model, disjoint quantities) of each pass; None: a quantity has no price."""
        token_usd = tool_usd = Decimal(0)
        for model, quantities in passes:
            entry = self.find_model(model)
            tokens = {name: n for name, n in quantities.items() if n and name not in self.fees}
            if entry is None and tokens:
                return None
            tool_usd += sum(
                self.fees[name] * n / _THOUSAND
                for name, n in quantities.items()
                if name in self.fees
            )
            if entry is not None and tokens:
                cost = _charge_tokens(entry, tier, tokens)
                if cost is None:
                    return None
                token_usd += cost
        return Charge(token_usd, tool_usd)


def _charge_tokens(entry: ModelEntry, tier: str, tokens: Mapping[str, int]) -> Decimal | None:
    input_total = sum(n for name, n in tokens.items() if name.startswith(("input", "cache_")))
    is_long = entry.long_context_above is not None and input_total > entry.long_context_above
    rates = entry.rates.get(tier + "_long" if is_long else tier)
    if rates is None:
        return None
    cost = Decimal(0)
    for name, count in tokens.items():
        rate = rates.get(name, rates.get(_CHARGED_AS.get(name, "")))
        if rate is None:
            return None
        cost += rate * count / _MILLION
    return cost


def plain_text(usd: Decimal) -> str:
    """Write USD as decimal text, exactly, without exponent or trailing zeros."""
    text = format(usd, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def to_nanos(usd: Decimal) -> int:
    """Round USD to nano-USD once, half to even."""
    return int(usd.quantize(_NANO, rounding=ROUND_HALF_EVEN) / _NANO)


@cache
def price_table() -> PriceTable:
    """Read the table that comes with the emulator."""
    with _TABLE.open("rb") as file:
        table = tomllib.load(file)
    models: dict[str, ModelEntry] = {}
    for row in table["model"]:
        entry = _read_entry(row)
        models[entry.name] = models[entry.snapshot] = entry
    fees = {name: Decimal(usd) for name, usd in table["fees_per_thousand"].items()}
    return PriceTable(models, fees)


def _read_entry(row: dict[str, Any]) -> ModelEntry:
    rates = {
        tier: {name: Decimal(usd) for name, usd in prices.items()}
        for tier, prices in row.items()
        if isinstance(prices, dict)
    }
    return ModelEntry(
        name=row["name"],
        provider=row["provider"],
        snapshot=row.get("snapshot", row["name"]),
        reasoning=row.get("reasoning", False),
        long_context_above=row.get("long_context_above"),
        rates=rates,
    )
