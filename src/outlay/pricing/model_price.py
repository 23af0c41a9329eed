"""The prices of one model at one instant and service tier, ready to be multiplied by quantities."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from outlay.pricing.entry import STANDARD, Entry, Period, Rate, is_within
from outlay.pricing.overlay import ANY, Overlay, OverlayKind, discounted

_SECOND_US = 1_000_000
_DAY_US = 86_400 * _SECOND_US
END_OF_TIME_US = 2**63 - 1

Brackets = tuple[Mapping[str, int], ...]
"""Attos per unit by meter, for each bracket of input length."""


@dataclass(frozen=True, slots=True, eq=False)
class ModelPrice:
    """What a model costs from `valid_from_us` until `valid_until_us` (exclusive).

    One is equal to itself alone, so that what follows from it can be remembered by it.

    Attributes:
        label: the model's name, with `@tier` when the tier is not the standard one.
        thresholds: input tokens above which the next bracket counts, for the whole call.
        listed: published rates by bracket; empty mappings when the model or its tier is unknown.
        contracted: the operator's rates by bracket, or None when list prices count.
        context_window: the most input tokens that the model takes, or None when unknown.
        source: where the price comes from, for people.
    """

    label: str
    thresholds: tuple[int, ...]
    listed: Brackets
    contracted: Brackets | None
    valid_from_us: int
    valid_until_us: int
    context_window: int | None = None
    source: str = ""

    @property
    def is_known(self) -> bool:
        """Say whether anything of this model has a price."""
        return any(self.listed) or any(self.contracted or ())

    def bracket(self, input_tokens: int) -> int:
        """Return which bracket a call with this much input falls into."""
        return bisect_left(self.thresholds, input_tokens)

    def key(self, meter: str) -> str:
        """Name the unit price of a meter as events record it."""
        return self.label + "/" + meter


def model_price(
    label: str, entry: Entry | None, overlays: Sequence[Overlay], *, tier: str, at_us: int
) -> ModelPrice:
    """Work out the prices of a model at an instant.

    Args:
        label: the name that unit prices are recorded under.
        entry: the model in the book, or None for one that only overlays know.
        overlays: those for this model, in the order they were made, whether in force or not.
        tier: `standard` for every tier that is billed at the standard price.
        at_us: the instant the price must be in force at.
    """
    active = [o for o in overlays if o.is_in_force(at_us) and o.tier in (tier, ANY)]
    listed = {} if entry is None else _published(entry, tier, at_us)
    listed |= {o.meter: o.attos for o in _of_kind(active, OverlayKind.LIST) if o.attos is not None}
    stand_ins = OWN_STAND_INS if entry is None else entry.stand_ins
    contracted = _contracted(listed, active, stand_ins)
    _stand_in(listed, stand_ins)
    steps = {step for rate in listed.values() if not isinstance(rate, int) for step, _ in rate}
    thresholds = tuple(sorted(steps - {0}))
    valid_from_us, valid_until_us = _validity(entry, overlays, at_us)
    return ModelPrice(
        label=label if tier == STANDARD else f"{label}@{tier}",
        thresholds=thresholds,
        listed=_brackets(listed, thresholds),
        contracted=None if contracted is None else _brackets(contracted, thresholds),
        valid_from_us=valid_from_us,
        valid_until_us=valid_until_us,
        context_window=None if entry is None else entry.context_window,
        source="" if entry is None else entry.source,
    )


OWN_STAND_INS = {"reasoning": "output", "cache_read": "input", "input_image": "input"}
"""For models that only the operator prices: what every provider bills the same way."""


def _published(entry: Entry, tier: str, at_us: int) -> dict[str, Rate]:
    """Return the rates of the price list, without stand-ins; empty when it has no such tier."""
    special: dict[str, Rate] = {}
    variants = [v for v in entry.variants if v.tier == tier and v.start_us <= at_us]
    if tier != STANDARD and not variants:
        return {}
    for variant in variants:
        special = {**variant.rates, **special}
    gaps: dict[str, Rate] = {}
    for gap in entry.gaps:
        if gap.start_us <= at_us:
            gaps |= gap.rates
    return {**gaps, **_standard(entry.periods, at_us), **special}


def _standard(periods: Sequence[Period], at_us: int) -> Mapping[str, Rate]:
    second_of_day = at_us % _DAY_US // _SECOND_US
    for period in reversed(periods):
        in_hours = period.hours is None or is_within(period.hours, second_of_day)
        if period.start_us <= at_us and in_hours:
            return period.rates
    return periods[0].rates if periods else {}


def _contracted(
    listed: Mapping[str, Rate], active: Sequence[Overlay], stand_ins: Mapping[str, str]
) -> dict[str, Rate] | None:
    fixed = {
        o.meter: o.attos for o in _of_kind(active, OverlayKind.CONTRACT) if o.attos is not None
    }
    discounts = {
        o.meter: o.percent for o in _of_kind(active, OverlayKind.DISCOUNT) if o.percent is not None
    }
    if not fixed and not discounts:
        return None
    rates: dict[str, Rate] = {}
    for meter, rate in listed.items():
        percent = discounts.get(meter, discounts.get(ANY))
        rates[meter] = rate if percent is None else _each(rate, percent)
    rates |= fixed
    inherited = _stand_in(rates, stand_ins)
    for meter in inherited & discounts.keys():
        rates[meter] = _each(_list_rate(meter, listed, stand_ins), discounts[meter])
    return rates


def _list_rate(meter: str, listed: Mapping[str, Rate], stand_ins: Mapping[str, str]) -> Rate:
    while meter not in listed:
        meter = stand_ins[meter]
    return listed[meter]


def _each(rate: Rate, percent: Decimal) -> Rate:
    if isinstance(rate, int):
        return discounted(rate, percent)
    return tuple((above, discounted(attos, percent)) for above, attos in rate)


def _of_kind(overlays: Iterable[Overlay], kind: OverlayKind) -> list[Overlay]:
    """Return the overlays of a kind so that the one that counts comes last: the newest start."""
    return sorted((o for o in overlays if o.kind is kind), key=lambda o: o.from_us)


def _stand_in(rates: dict[str, Rate], stand_ins: Mapping[str, str]) -> set[str]:
    """Fill in what other meters' rates stand in for; return the meters filled."""
    filled = set()
    for meter, parent in stand_ins.items():
        if meter not in rates and parent in rates:
            rates[meter] = rates[parent]
            filled.add(meter)
    return filled


def _brackets(rates: Mapping[str, Rate], thresholds: tuple[int, ...]) -> Brackets:
    return tuple(
        {meter: _at_step(rate, above) for meter, rate in rates.items()}
        for above in (0, *thresholds)
    )


def _at_step(rate: Rate, above: int) -> int:
    if isinstance(rate, int):
        return rate
    return [attos for start, attos in rate if start <= above][-1]


def _validity(entry: Entry | None, overlays: Sequence[Overlay], at_us: int) -> tuple[int, int]:
    """Return the longest interval around an instant in which no price of the model changes."""
    changes = {0, END_OF_TIME_US}
    for overlay in overlays:
        changes |= {overlay.from_us, overlay.to_us or END_OF_TIME_US}
    if entry is not None:
        changes |= {one.start_us for one in (*entry.periods, *entry.gaps)}
        changes |= {one.start_us for one in entry.variants}
        midnight_us = at_us - at_us % _DAY_US
        for hours in [p.hours for p in entry.periods if p.hours is not None]:
            for edge in hours:
                changes |= {midnight_us + (edge + day) * _SECOND_US for day in (-86_400, 0, 86_400)}
    return max(c for c in changes if c <= at_us), min(c for c in changes if c > at_us)
