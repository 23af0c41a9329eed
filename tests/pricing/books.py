"""The compiled book, made once, and short words for what tests of prices say."""

from functools import cache
from typing import Any

from outlay.kernel.clock import parse_instant, to_us
from outlay.pricing.book import PriceBook
from outlay.pricing.cost import Cost
from outlay.pricing.overlay import Overlay, OverlayKind, check
from outlay.pricing.seed import compile_seed
from outlay.usage.meters import Meter
from outlay.usage.usage import Pass, Usage

REFERENCE_DATE = "2026-11-20T12:00:00Z"
DOLLAR = 10**9
"""One USD in nanos."""


@cache
def seed_book() -> PriceBook:
    """The book as compiled from the bundled data."""
    return compile_seed()


def at(instant: str = REFERENCE_DATE) -> int:
    """Microseconds of an instant."""
    return to_us(parse_instant(instant))


def used(**quantities: int) -> Usage:
    """Usage of one pass: `used(input=10, output=3)`."""
    return Usage((Pass(None, {Meter(name): count for name, count in quantities.items()}),))


def cost_of(
    usage: Usage,
    model: str | None,
    *,
    provider: str = "openai",
    book: PriceBook | None = None,
    when: str = REFERENCE_DATE,
    tier: str | None = None,
    **others: Any,
) -> Cost:
    """Price a call of one model."""
    names = {"model_requested": model, "model_served": model, "model_returned": model, **others}
    return (book or seed_book()).price(
        provider=provider, usage=usage, at_us=at(when), service_tier=tier, **names
    )


def own_price(
    provider: str, model: str, meter: str, attos: int, kind: str = "list", **more: Any
) -> Overlay:
    """A price of the operator's."""
    overlay = Overlay("ovl_test", provider, model, meter, OverlayKind(kind), attos, **more)
    return check(overlay)
