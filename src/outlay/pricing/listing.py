"""Prices as people read them: one line per meter, and what differs between two states of a book."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from outlay.pricing.book import PriceBook
from outlay.pricing.entry import STANDARD, Entry
from outlay.pricing.model_price import OWN_STAND_INS, ModelPrice
from outlay.pricing.overlay import ANY, price_usd
from outlay.pricing.units import CALL_FEE
from outlay.usage.meters import TOKEN_METERS, Meter

PER_TOKENS = 1_000_000
PER_FEES = 1_000
_ORDER = [*Meter, CALL_FEE]


@dataclass(frozen=True, slots=True)
class PriceLine:
    """The price of one meter of a model at an instant.

    `price` is USD for `per` units. It counts for calls with more than `above_tokens` of input, and
    from `from_us` until `until_us` (exclusive). `kind` is `list` or `contract`.
    """

    provider: str
    model: str
    tier: str
    meter: str
    kind: str
    above_tokens: int
    price: Decimal
    per: int
    from_us: int
    until_us: int
    source: str


@dataclass(frozen=True, slots=True)
class PriceChange:
    """A meter whose price differs; None on the side that has none."""

    provider: str
    model: str
    tier: str
    meter: str
    kind: str
    above_tokens: int
    per: int
    old: Decimal | None
    new: Decimal | None


def units_per(meter: str) -> int:
    """Return how many units a price of this meter is quoted for."""
    return PER_TOKENS if meter in TOKEN_METERS else PER_FEES


def lines_of(book: PriceBook, provider: str, model: str, *, at_us: int) -> list[PriceLine]:
    """List what a model costs at an instant, by meter.

    Left out is what says nothing new: a meter that another's rate stands in for, and prices of a
    service tier that are the standard ones.
    """
    entry = book.find_entry(provider, model)
    standard = list(_lines(book, provider, model, tier=STANDARD, at_us=at_us))
    known = {(line.meter, line.kind, line.above_tokens, line.price) for line in standard}
    others = [
        line
        for tier in _tiers(book, provider, entry)
        for line in _lines(book, provider, model, tier=tier, at_us=at_us)
        if (line.meter, line.kind, line.above_tokens, line.price) not in known
    ]
    return [line for line in standard + others if not _is_stand_in(line, entry, standard + others)]


def models_of(book: PriceBook, provider: str) -> list[str]:
    """List the models of a provider: those of the book, then the operator's own."""
    compiled = [entry.id for entry in book.entries(provider)]
    own = [o.model for o in book.overlays if o.provider == provider and not o.model.endswith("*")]
    return list(dict.fromkeys([*compiled, *own]))


def changes_between(
    old: PriceBook, new: PriceBook, *, old_at_us: int, new_at_us: int
) -> list[PriceChange]:
    """List every price that differs between two books, or two instants, in order of provider."""
    changes: list[PriceChange] = []
    compiled_alike = old.compiled == new.compiled and old_at_us == new_at_us
    for provider in _touched(old, new) if compiled_alike else {*old.providers, *new.providers}:
        for model in dict.fromkeys([*models_of(old, provider), *models_of(new, provider)]):
            before = lines_of(old, provider, model, at_us=old_at_us)
            after = lines_of(new, provider, model, at_us=new_at_us)
            changes += _changes(before, after)
    return sorted(changes, key=lambda change: change.provider)


def _touched(old: PriceBook, new: PriceBook) -> set[str]:
    """Return the providers whose own prices differ."""
    return {one.provider for one in set(old.overlays) ^ set(new.overlays)}


def _tiers(book: PriceBook, provider: str, entry: Entry | None) -> list[str]:
    """Name the tiers beside the standard one that may have prices."""
    listed = [] if entry is None else [variant.tier for variant in entry.variants]
    own = [o.tier for o in book.overlays if o.provider == provider and o.tier != ANY]
    return [tier for tier in dict.fromkeys([*listed, *own]) if tier != STANDARD]


def _is_stand_in(line: PriceLine, entry: Entry | None, lines: Iterable[PriceLine]) -> bool:
    """Say whether a line repeats the rate of the meter that stands in for its own."""
    stand_ins = OWN_STAND_INS if entry is None else entry.stand_ins
    parents = set()
    meter: str | None = stand_ins.get(line.meter)
    while meter is not None:
        parents.add(meter)
        meter = stand_ins.get(meter)
    return any(
        other.meter in parents and replace(other, meter=line.meter) == line for other in lines
    )


def _lines(
    book: PriceBook, provider: str, model: str, *, tier: str, at_us: int
) -> Iterator[PriceLine]:
    price = book.find_price(provider, model, at_us=at_us, service_tier=tier)
    steps = (0, *price.thresholds)
    kinds = [("list", price.listed)]
    if price.contracted is not None:
        kinds.append(("contract", price.contracted))
    for kind, brackets in kinds:
        for index, rates in enumerate(brackets):
            for meter, attos in sorted(rates.items(), key=_in_order):
                if index and brackets[index - 1].get(meter) == attos:
                    continue
                if kind == "contract" and price.listed[index].get(meter) == attos:
                    continue
                yield _line(provider, model, tier, (meter, kind, steps[index], attos), price)


def _line(
    provider: str, model: str, tier: str, rate: tuple[str, str, int, int], price: ModelPrice
) -> PriceLine:
    meter, kind, above_tokens, attos = rate
    per = units_per(meter)
    return PriceLine(
        provider=provider,
        model=model,
        tier=tier,
        meter=meter,
        kind=kind,
        above_tokens=above_tokens,
        price=price_usd(attos, per),
        per=per,
        from_us=price.valid_from_us,
        until_us=price.valid_until_us,
        source="own" if kind == "contract" or not price.source else price.source,
    )


def _in_order(rate: tuple[str, int]) -> int:
    return _ORDER.index(rate[0])


def _changes(before: Iterable[PriceLine], after: Iterable[PriceLine]) -> Iterator[PriceChange]:
    old = {_identity(line): line for line in before}
    new = {_identity(line): line for line in after}
    for key in dict.fromkeys([*old, *new]):
        was, now = old.get(key), new.get(key)
        line = now or was
        if line is None or (was is not None and now is not None and was.price == now.price):
            continue
        yield PriceChange(
            provider=line.provider,
            model=line.model,
            tier=line.tier,
            meter=line.meter,
            kind=line.kind,
            above_tokens=line.above_tokens,
            per=line.per,
            old=None if was is None else was.price,
            new=None if now is None else now.price,
        )


def _identity(line: PriceLine) -> tuple[str, str, str, int]:
    return (line.tier, line.meter, line.kind, line.above_tokens)
