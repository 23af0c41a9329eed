"""An operator's own prices, laid over the price book: contract rates, discounts, own models."""

from decimal import Decimal
from enum import StrEnum

import msgspec

from outlay.pricing.entry import STANDARD
from outlay.pricing.units import CALL_FEE
from outlay.usage.meters import Meter

ANY = "*"
"""Every meter (of a discount), every tier, or the rest of a model name."""
JUMP = 10
"""A price this many times above or below the present one needs a confirmation: it is most often a
unit mix-up (per thousand for per million)."""


WHOLE = 100
"""All of it, in per cent."""
_PERCENT_STEPS = 10_000
_ATTO_PLACES = 18


class OverlayKind(StrEnum):
    """What an overlay sets: a published price, a negotiated price, or a percentage off the list."""

    LIST = "list"
    CONTRACT = "contract"
    DISCOUNT = "discount"


class Overlay(msgspec.Struct, frozen=True):
    """One price of the operator's, from an instant on (`to_us` is exclusive, None: for good).

    `model` is a model name, the id of a model in the book (all its names follow), or a prefix that
    ends in `*`. `attos` is the price of one unit of `meter`; a discount has `percent` instead.
    """

    overlay_id: str
    provider: str
    model: str
    meter: str
    kind: OverlayKind
    attos: int | None = None
    percent: Decimal | None = None
    tier: str = STANDARD
    from_us: int = 0
    to_us: int | None = None
    created_by: str = ""

    def is_in_force(self, at_us: int) -> bool:
        """Say whether it counts at an instant."""
        return self.from_us <= at_us and (self.to_us is None or at_us < self.to_us)

    def is_for(self, names: frozenset[str]) -> bool:
        """Say whether it is for a model that goes by these lower-case names."""
        if self.model.endswith(ANY):
            return any(name.startswith(self.model[:-1].lower()) for name in names)
        return self.model.lower() in names


def check(overlay: Overlay) -> Overlay:
    """Return the overlay, if it can be used.

    Raises:
        ValueError: what is wrong, and what to write instead.
    """
    meters = {*Meter, CALL_FEE}
    if overlay.meter not in meters and not (
        overlay.meter == ANY and overlay.kind is OverlayKind.DISCOUNT
    ):
        raise ValueError(f"{overlay.meter!r} is no meter: write one of {', '.join(sorted(meters))}")
    if overlay.kind is OverlayKind.DISCOUNT:
        if (
            overlay.attos is not None
            or overlay.percent is None
            or not 0 <= overlay.percent <= WHOLE
        ):
            raise ValueError("a discount is a percentage from 0 to 100")
        if overlay.percent * _PERCENT_STEPS % 1:
            raise ValueError("a discount has at most four decimals")
    elif overlay.percent is not None or overlay.attos is None or overlay.attos < 0:
        raise ValueError("a price is an amount of USD, zero or more")
    if not overlay.provider or not overlay.model:
        raise ValueError("a price needs a provider and a model")
    if overlay.to_us is not None and overlay.to_us <= overlay.from_us:
        raise ValueError("a price must end after it begins")
    return overlay


def is_jump(attos: int, present: int | None) -> bool:
    """Say whether a price differs from the present one by a factor of ten or more."""
    if present is None or present == attos:
        return False
    return attos >= present * JUMP or attos * JUMP <= present


def discounted(attos: int, percent: Decimal) -> int:
    """Take a percentage off a unit price, to the atto (1e-18 USD), half to even.

    The percentages that `check` lets through are exact on every published price.
    """
    whole = WHOLE * _PERCENT_STEPS
    kept, rest = divmod(attos * int((WHOLE - percent) * _PERCENT_STEPS), whole)
    twice = 2 * rest
    return kept + (twice > whole or (twice == whole and kept % 2 == 1))


def price_usd(attos: int, units: int) -> Decimal:
    """Return the exact USD price of `units` units."""
    return Decimal(attos * units).scaleb(-_ATTO_PLACES)
