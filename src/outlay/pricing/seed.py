"""Compiles the price data bundled with genai-prices, and our supplement to it, into a price book.

Used where a book is made (start-up of `serve`, the command line), never on the hot path: loading
the data costs about 40 MB and 0.3 s. That is why it is loaded when asked for and not at import.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib import import_module
from importlib.metadata import version
from typing import Any

from outlay.kernel.clock import to_us
from outlay.kernel.unit_price import attos_per_unit
from outlay.pricing.book import FORMAT, PriceBook
from outlay.pricing.entry import STANDARD, Clause, Entry, Period, ProviderPrices, Rate, Variant
from outlay.pricing.supplement import STANDARD_TIERS, SUPPLEMENT_VERSION, gaps_of, is_free
from outlay.pricing.units import FREE_RATES, meter_of, stand_ins, units_in

_NOISE_DIGITS = 15
"""A decimal with more digits was printed from a binary float; what stands behind them is noise."""
_CLAUSES = {
    "ClauseEquals": ("is", "equals"),
    "ClauseStartsWith": ("starts", "starts_with"),
    "ClauseEndsWith": ("ends", "ends_with"),
    "ClauseContains": ("has", "contains"),
}
_TIER_KEYS = ("service_tier", "processing", "speed")
"""What a price may depend on that an answer states as the tier it was served with."""


def seed_source() -> str:
    """Name the data that `compile_seed` would compile, without loading it."""
    bundled = f"genai-prices {version('genai-prices')}"
    return f"{bundled}, outlay supplement {SUPPLEMENT_VERSION}, format {FORMAT}"


def compile_seed() -> PriceBook:
    """Compile the bundled data into a book; equal data gives an equal revision.

    A price that is not a whole number of attos is left out, so that its meter is unpriced.
    """
    bundled: Iterable[Any] = import_module("genai_prices.data").providers
    return PriceBook.compile(seed_source(), [_compile_provider(one) for one in bundled])


def _compile_provider(provider: Any) -> ProviderPrices:
    source = (provider.pricing_urls or [""])[0]
    return ProviderPrices(
        id=provider.id,
        standard_tiers=STANDARD_TIERS.get(provider.id, STANDARD_TIERS["*"]),
        fallbacks=tuple(provider.fallback_model_providers or ()),
        entries=tuple(_compile_entry(provider.id, model, source) for model in provider.models),
    )


def _compile_entry(provider: str, model: Any, source: str) -> Entry:
    name = model.id.lower()
    periods = tuple(_periods(provider, name, model.prices))
    own = {meter for period in periods for meter in period.rates}
    return Entry(
        id=model.id,
        match=_compile_clause(model.match),
        context_window=model.context_window,
        periods=periods,
        variants=tuple(_variant(provider, name, one) for one in model.price_variants or ()),
        gaps=tuple(_gap_periods(provider, name)),
        stand_ins=stand_ins(provider, name, own),
        source=source,
    )


def _periods(provider: str, name: str, prices: Any) -> Iterator[Period]:
    dated = [(one.constraint, one.prices) for one in prices] if isinstance(prices, list) else None
    for constraint, one in dated or [(None, prices)]:
        rates = _rates(provider, name, one)
        start_us, hours = _constraint(constraint)
        if not rates and is_free(provider, name):
            rates = dict(FREE_RATES)
        yield Period(start_us, hours, rates)


def _variant(provider: str, name: str, variant: Any) -> Variant:
    start_us, _ = _constraint(variant.constraint)
    return Variant(_tier_name(variant.when), start_us, _rates(provider, name, variant.prices))


def _tier_name(when: dict[str, str]) -> str:
    """Name a tier as an answer does; what no answer states keeps its key and is never served."""
    ((key, value),) = when.items()
    name = value if key in _TIER_KEYS else f"{key}={value}"
    return STANDARD if (key, value) == ("service_tier", "default") else name


def _gap_periods(provider: str, name: str) -> Iterator[Period]:
    for gap in gaps_of(provider, name):
        yield Period(_day_us(gap.start_on), None, {gap.meter: attos_per_unit(gap.price, gap.units)})


def _rates(provider: str, name: str, prices: Any) -> dict[str, Rate]:
    rates: dict[str, Rate] = {}
    for unit, price in vars(prices).items():
        meter = None if price is None else meter_of(provider, name, unit)
        rate = None if meter is None else _rate(price, units_in(unit))
        if meter is not None and rate is not None:
            rates[str(meter)] = rate
    return rates


def _rate(price: Any, units: int) -> Rate | None:
    steps = [(0, price)] if isinstance(price, Decimal) else [(0, price.base)]
    if not isinstance(price, Decimal):
        steps += [(tier.start, tier.price) for tier in price.tiers]
    try:
        exact = tuple((above, attos_per_unit(_without_noise(usd), units)) for above, usd in steps)
    except ValueError:
        return None
    return exact[0][1] if len(exact) == 1 else exact


def _without_noise(price: Decimal) -> Decimal:
    if len(price.as_tuple().digits) <= _NOISE_DIGITS:
        return price
    return Decimal(f"{price:.{_NOISE_DIGITS}g}").normalize()


def _constraint(constraint: Any) -> tuple[int, tuple[int, int] | None]:
    if constraint is None:
        return 0, None
    if hasattr(constraint, "start_date"):
        return _day_us(constraint.start_date), None
    return 0, (_second_of_day(constraint.start_time), _second_of_day(constraint.end_time))


def _day_us(day: date) -> int:
    return to_us(datetime.combine(day, time.min, UTC))


def _second_of_day(at: time) -> int:
    utc = datetime.combine(date(2000, 1, 2), at if at.tzinfo else at.replace(tzinfo=UTC))
    moved = utc.astimezone(UTC)
    return moved.hour * 3600 + moved.minute * 60 + moved.second


def _compile_clause(clause: Any) -> Clause:
    kind = type(clause).__name__
    if kind in ("ClauseOr", "ClauseAnd"):
        parts = clause.or_ if kind == "ClauseOr" else clause.and_
        return ["any" if kind == "ClauseOr" else "all", [_compile_clause(one) for one in parts]]
    if kind == "ClauseRegex":
        return ["re", clause.regex]
    word, attribute = _CLAUSES[kind]
    return [word, getattr(clause, attribute).lower()]
