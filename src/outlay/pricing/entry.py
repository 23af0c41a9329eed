"""What the price book is made of: providers, models, dated prices, and clauses that name models.

The structs are what is stored (compact JSON arrays). Rates are integer atto-USD per single unit;
instants are microseconds since the epoch, UTC.
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec

STANDARD = "standard"
"""The service tier that a call has unless something says otherwise."""

Rate = int | tuple[tuple[int, int], ...]
"""Attos per unit, or rising steps of (input tokens above which it applies, attos per unit).

A step is a cliff: a call whose input is above it pays its rate for every unit.
"""
Clause = list[Any]
"""A test of a lower-case model name: `["is", x]`, `["starts", x]`, `["ends", x]`, `["has", x]`,
`["re", x]`, `["any", [clause, …]]` or `["all", [clause, …]]`."""


class Period(msgspec.Struct, frozen=True, array_like=True):
    """Prices of a model from an instant on; `hours` limits them to a part of the UTC day.

    `hours` is (first second, end second) of the day, half-open, running past midnight if it ends
    before it starts. Of the periods that apply at an instant the last in the list counts.
    """

    start_us: int
    hours: tuple[int, int] | None
    rates: dict[str, Rate]


class Variant(msgspec.Struct, frozen=True, array_like=True):
    """Prices of a service tier from an instant on, where they differ from the standard ones."""

    tier: str
    start_us: int
    rates: dict[str, Rate]


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A model: which names it goes by, what it costs, and whose rate stands in for a missing one.

    `gaps` are rates that count where the periods have none.
    """

    id: str
    match: Clause
    context_window: int | None
    periods: tuple[Period, ...]
    variants: tuple[Variant, ...]
    gaps: tuple[Period, ...]
    stand_ins: dict[str, str]
    source: str


class ProviderPrices(msgspec.Struct, frozen=True, array_like=True):
    """All models of a provider.

    `standard_tiers` are service tiers billed at the standard price; `fallbacks` are providers whose
    models it also sells, at their price.
    """

    id: str
    standard_tiers: tuple[str, ...]
    fallbacks: tuple[str, ...]
    entries: tuple[Entry, ...]


def is_match(clause: Clause, name: str) -> bool:
    """Say whether a lower-case model name satisfies a clause."""
    kind, operand = clause
    if kind == "any":
        return any(is_match(one, name) for one in operand)
    if kind == "all":
        return all(is_match(one, name) for one in operand)
    return _TESTS[kind](name, operand)


_TESTS: dict[str, Callable[[str, str], bool]] = {
    "is": str.__eq__,
    "starts": str.startswith,
    "ends": str.endswith,
    "has": str.__contains__,
    "re": lambda name, pattern: re.search(pattern, name) is not None,
}


def is_within(hours: tuple[int, int], second_of_day: int) -> bool:
    """Say whether a second of the UTC day lies within a half-open part of the day."""
    start, end = hours
    if end < start:
        return second_of_day >= start or second_of_day < end
    return start <= second_of_day < end
