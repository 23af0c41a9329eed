"""The only place where cost is made: quantities times unit prices.

Tokens are rounded once, to a nano-USD and half to even, over all passes and meters of a call; so
are tool fees. The cost of a call is the sum of the two.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from outlay.kernel.unit_price import round_to_nanos
from outlay.pricing.cost import Cost, CostBasis
from outlay.pricing.model_price import Brackets, ModelPrice
from outlay.pricing.units import CALL_FEE
from outlay.usage.meters import INPUT_METERS, TOOL_METERS, Meter
from outlay.usage.usage import Pass

Priced = tuple[ModelPrice, Pass]
"""A pass and the price of the model that ran it."""


class _Sum(msgspec.Struct, gc=False):
    """Token and tool cost in attos, and the meters that could not be added for want of a price."""

    tokens: int = 0
    tools: int = 0
    unpriced_tokens: list[str] = msgspec.field(default_factory=list)
    unpriced_tools: list[str] = msgspec.field(default_factory=list)

    def rounded(self) -> "_Rounded":
        tokens = None if self.unpriced_tokens else round_to_nanos(self.tokens)
        tools = None if self.unpriced_tools else round_to_nanos(self.tools)
        unpriced = (*self.unpriced_tokens, *self.unpriced_tools)
        return _Rounded(tokens, tools, unpriced)


class _Rounded(NamedTuple):
    """Token and tool cost in nanos, None for what has no price."""

    tokens: int | None
    tools: int | None
    unpriced: tuple[str, ...]

    @property
    def total(self) -> int | None:
        """The cost is the sum of its two rounded parts, so that the parts shown add up to it."""
        return None if self.tokens is None or self.tools is None else self.tokens + self.tools


def calculate_cost(revision: str, passes: Sequence[Priced], stated_nanos: int | None) -> Cost:
    """Work out what a call cost, every way that is known.

    What the provider states it billed counts, else the operator's contract price, else the list
    price. A call with any quantity without a price has no cost: it is unpriced, not free.

    Args:
        revision: of the price book that the prices come from.
        passes: each billed pass with its model's price.
        stated_nanos: what the provider itself says it billed.
    """
    unit_prices: dict[str, int] = {}
    listed = _listed(passes, unit_prices)
    contracted = _contracted(passes, unit_prices)
    counted = listed if contracted is None else contracted
    basis, cost_nanos = _choose(stated_nanos, contracted, listed)
    return Cost(
        cost_nanos=cost_nanos,
        basis=basis,
        list_token_cost_nanos=listed.tokens,
        contract_cost_nanos=None if contracted is None else contracted.total,
        stated_cost_nanos=stated_nanos,
        tool_cost_nanos=counted.tools,
        price_revision=revision,
        unit_prices=unit_prices,
        unpriced=() if cost_nanos is not None else counted.unpriced,
    )


def _choose(
    stated_nanos: int | None, contracted: _Rounded | None, listed: _Rounded
) -> tuple[CostBasis, int | None]:
    if stated_nanos is not None:
        return CostBasis.STATED, stated_nanos
    basis, counted = CostBasis.LIST, listed
    if contracted is not None:
        basis, counted = CostBasis.CONTRACT, contracted
    nanos = counted.total
    return (CostBasis.NONE, None) if nanos is None else (basis, nanos)


def _listed(passes: Sequence[Priced], unit_prices: dict[str, int]) -> _Rounded:
    total = _Sum()
    for price, one in passes:
        _add(total, price, price.listed, one, unit_prices)
    return total.rounded()


def _contracted(passes: Sequence[Priced], unit_prices: dict[str, int]) -> _Rounded | None:
    if not [price for price, _ in passes if price.contracted is not None]:
        return None
    total = _Sum()
    contract_prices: dict[str, int] = {}
    for price, one in passes:
        _add(total, price, price.contracted or price.listed, one, contract_prices)
    for key, attos in contract_prices.items():
        if unit_prices.get(key) != attos:
            unit_prices[f"{key}#contract"] = attos
    return total.rounded()


def _add(
    total: _Sum, price: ModelPrice, brackets: Brackets, one: Pass, unit_prices: dict[str, int]
) -> None:
    quantities = one.quantities
    rates, prefix = brackets[_bracket(price, quantities)], price.key("")
    for meter, quantity in quantities.items():
        attos, key, is_tool = rates.get(meter), prefix + meter, meter in TOOL_METERS
        if attos is None:
            (total.unpriced_tools if is_tool else total.unpriced_tokens).append(key)
            continue
        unit_prices[key] = attos
        if is_tool:
            total.tools += quantity * attos
        else:
            total.tokens += quantity * attos
    if quantities and CALL_FEE in rates:
        unit_prices[price.key(CALL_FEE)] = rates[CALL_FEE]
        total.tools += rates[CALL_FEE]


def _bracket(price: ModelPrice, quantities: Mapping[Meter, int]) -> int:
    if not price.thresholds:
        return 0
    return price.bracket(sum(n for meter, n in quantities.items() if meter in INPUT_METERS))
