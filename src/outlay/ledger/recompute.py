"""Explains a recorded cost from what is recorded with it: usage times unit prices, rounded once.

It needs no price book of today, and it is not the code that made the cost.
"""

import itertools
from collections.abc import Iterator, Mapping

from outlay.kernel.unit_price import cost_nanos
from outlay.pricing.cost import Cost
from outlay.pricing.units import CALL_FEE
from outlay.usage.meters import TOKEN_METERS, TOOL_METERS, Meter
from outlay.usage.usage import Usage

CONTRACT = "#contract"
"""Ends the key of a unit price of the operator's contract where it differs from the list price."""
MOST_READINGS = 256
"""Ways to tell which model a pass was priced as that are tried; nearly always there is one."""

Lines = list[tuple[int, int]]
"""Quantities and attos per unit."""


def list_token_costs(usage: Usage, cost: Cost) -> set[int]:
    """Return what the tokens of a call can have cost by list prices, in nanos.

    One figure, but for calls with passes of several models: their records do not say which of the
    prices were whose. Empty when a meter has no recorded price.
    """
    return set(_sums(usage, _listed(cost), frozenset(TOKEN_METERS), fee=False))


def contract_token_costs(usage: Usage, cost: Cost) -> set[int]:
    """Return the same by contract prices, list prices where the contract has none."""
    return set(_sums(usage, _contracted(cost), frozenset(TOKEN_METERS), fee=False))


def tool_costs(usage: Usage, cost: Cost) -> set[int]:
    """Return what tools and call fees can have cost, by list or by contract prices."""
    tools = frozenset(TOOL_METERS)
    listed = _sums(usage, _listed(cost), tools, fee=True)
    return {*listed, *_sums(usage, _contracted(cost), tools, fee=True)}


def _listed(cost: Cost) -> dict[str, int]:
    return {key: attos for key, attos in cost.unit_prices.items() if not key.endswith(CONTRACT)}


def _contracted(cost: Cost) -> dict[str, int]:
    ours = {
        key.removesuffix(CONTRACT): attos
        for key, attos in cost.unit_prices.items()
        if key.endswith(CONTRACT)
    }
    return _listed(cost) | ours


def _sums(
    usage: Usage, prices: Mapping[str, int], meters: frozenset[Meter], *, fee: bool
) -> Iterator[int]:
    labels = sorted({key.rpartition("/")[0] for key in prices})
    readings = itertools.product(labels, repeat=len(usage.passes))
    for reading in itertools.islice(readings, MOST_READINGS):
        lines = _lines(usage, reading, prices, meters, fee=fee)
        if lines is not None:
            yield cost_nanos(lines)


def _lines(
    usage: Usage,
    reading: tuple[str, ...],
    prices: Mapping[str, int],
    meters: frozenset[Meter],
    *,
    fee: bool,
) -> Lines | None:
    """Pair every quantity with its price; None when one has no price under this reading."""
    lines: Lines = []
    for label, one in zip(reading, usage.passes, strict=True):
        for meter, quantity in one.quantities.items():
            if meter not in meters:
                continue
            attos = prices.get(f"{label}/{meter.value}")
            if attos is None:
                return None
            lines.append((quantity, attos))
        if fee and one.quantities:
            lines.append((1, prices.get(f"{label}/{CALL_FEE}", 0)))
    return lines
