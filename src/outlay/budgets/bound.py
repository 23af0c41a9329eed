"""The bound of a call: its class and the most it can cost, before it is made (product.md 7).

The bound is arithmetic on what the body says: bytes for text tokens, media rules for media, the
output limit times the choices, all at the dearest rate that can apply. It is never below what the
call costs as long as the provider keeps to its declared limits (property tests). ADR 0006.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from outlay.budgets.hold import HoldClass
from outlay.kernel.money import MAX_NANOS
from outlay.kernel.unit_price import ceil_to_nanos
from outlay.pricing.book import PriceBook
from outlay.pricing.model_price import ModelPrice
from outlay.pricing.names import plain_name
from outlay.pricing.units import CALL_FEE
from outlay.routing.facts import LIMITS, ModelFacts, facts_of, window_bound
from outlay.routing.provider import Provider
from outlay.usage.meters import INPUT_METERS, OUTPUT_METERS, Meter
from outlay.usage.shape import CallShape

LIKELY_BYTES_PER_TOKEN = 4
"""English text; see `likely_nanos`."""
LIKELY_OUTPUT_TOKENS = 500
LIKELY_IMAGE_TOKENS = 1_000
LIKELY_BYTES_PER_DOCUMENT_TOKEN = 50
"""A PDF page of 100 kB is about 2,000 tokens."""

_TEXT_METERS = (
    Meter.INPUT,
    Meter.CACHE_READ,
    Meter.CACHE_WRITE,
    Meter.CACHE_WRITE_5M,
    Meter.CACHE_WRITE_1H,
)
_AUDIO_METERS = (Meter.INPUT_AUDIO, Meter.CACHE_READ_AUDIO)
_OTHER_MEDIA_METERS = tuple(sorted(INPUT_METERS - {*_TEXT_METERS, *_AUDIO_METERS}))
_ALL_INPUT = (*_TEXT_METERS, *_AUDIO_METERS, *_OTHER_MEDIA_METERS)
_OUTPUT = tuple(sorted(OUTPUT_METERS))
_SORT_OF = {
    Meter.INPUT: "text",
    Meter.INPUT_AUDIO: "audio",
    Meter.INPUT_IMAGE: "media",
    Meter.OUTPUT: "output",
}
"""The meter whose price stands for each sort of tokens, by the name of its field."""


class Bound(msgspec.Struct, frozen=True, gc=False):
    """How well a call is bounded, why, and the amounts in nano-USD.

    `bound_nanos` is an upper bound of the cost for bounded and window-bounded calls whose model has
    a price; for open calls it is the same arithmetic without the open part, and None without a
    price or where nothing limits the call. `likely_nanos` is what such a call would usually cost:
    four bytes a token, 500 tokens of output at most, standard rates, nothing cached.
    """

    hold_class: HoldClass
    reasons: tuple[str, ...]
    bound_nanos: int | None
    likely_nanos: int | None


class _Tokens(msgspec.Struct, frozen=True, gc=False):
    """The most tokens of a call by what they are priced as, or the likely ones."""

    text: int = 0
    audio: int = 0
    media: int = 0
    output: int = 0

    @property
    def input(self) -> int:
        return self.text + self.audio + self.media


def bound_call(
    book: PriceBook,
    *,
    provider: Provider,
    model: str | None,
    wire: str,
    operation: str,
    shape: CallShape,
    at_us: int,
) -> Bound:
    """Class a call and bound its cost.

    Args:
        book: the prices in force.
        provider: where it would go; its `default_service_tier` applies beside the named tier.
        model: as it would be named there.
        wire: the wire format, as `Wire` names it.
        operation: what the route does; named in a reason only.
        shape: what the body says about the call's size.
        at_us: its admission instant.

    Returns:
        The class with the reasons for it, each naming the body field or the missing fact.
    """
    if model is None:
        return Bound(HoldClass.OPEN, (*shape.unbounded, f"{operation}: no model"), None, None)
    sold_by = provider.price_provider or provider.name
    prices = _prices(book, sold_by, model, _tiers(provider, shape), at_us)
    window = prices[0].context_window
    facts = facts_of(sold_by, plain_name(model))
    most, open_reasons = _most_tokens(shape, facts, window, wire)
    unpriced = _unpriced(prices, most)
    reasons = (*shape.unbounded, *open_reasons, *unpriced)
    bound_nanos = None if open_reasons or unpriced else _at_dearest(prices, most)
    if bound_nanos is not None and bound_nanos > MAX_NANOS:
        bound_nanos, reasons = None, (*reasons, "the output limit is beyond all money")
    likely_nanos = None if unpriced else _likely(prices[0], shape)
    if reasons:
        return Bound(HoldClass.OPEN, reasons, bound_nanos, likely_nanos)
    windowed = _by_window(shape)
    hold_class = HoldClass.WINDOW_BOUNDED if windowed else HoldClass.BOUNDED
    return Bound(hold_class, windowed, bound_nanos, likely_nanos)


def _tiers(provider: Provider, shape: CallShape) -> tuple[str | None, ...]:
    """Name the tiers the call may be served at: the one named, and the account's own."""
    own = provider.default_service_tier
    return (own,) if shape.service_tier in (None, own) else (shape.service_tier, own)


def _prices(
    book: PriceBook, sold_by: str, model: str, tiers: Iterable[str | None], at_us: int
) -> list[ModelPrice]:
    return [book.find_price(sold_by, model, at_us=at_us, service_tier=tier) for tier in tiers]


def _by_window(shape: CallShape) -> tuple[str, ...]:
    """Name what brings input of a size that only the model's window limits."""
    if not (shape.document_bytes or shape.video_bytes):
        return shape.by_reference
    inline = (("document", shape.document_bytes), ("video", shape.video_bytes))
    return (*shape.by_reference, *[f"inline {name}" for name, size in inline if size])


def _most_tokens(
    shape: CallShape, facts: ModelFacts, window: int | None, wire: str
) -> tuple[_Tokens, list[str]]:
    """Return the most tokens of the call, and what leaves it without a limit."""
    reasons = []
    text = shape.input_bytes + facts.per_call + facts.per_item * shape.message_count
    text += facts.per_provided_tool * shape.provided_tools
    media = facts.per_image * shape.image_count
    audio = -(-shape.audio_bytes // facts.bytes_per_audio_token)
    windowed = _by_window(shape)
    if windowed and window is None:
        reasons.append(f"{', '.join(windowed)}: the model's context window is not known")
    elif windowed and window is not None:
        media = max(media, window_bound(window) - text - audio)
    per_choice = shape.output_limit
    if per_choice is None:
        per_choice = facts.max_output or window
    if per_choice is None:
        limit = LIMITS.get(wire)
        field = "an output limit" if limit is None else limit.parameters
        reasons.append(f"{field}: not given, and the model's own limit is not known")
    output = (per_choice or 0) * max(1, shape.choices)
    return _Tokens(text, audio, media, output), reasons


def _unpriced(prices: Sequence[ModelPrice], most: _Tokens) -> list[str]:
    """Name the meters whose price the bound needs and the book does not have."""
    return [
        f"no price for {price.key(meter)}"
        for price in prices
        for meter, sort in _missing(price)
        if getattr(most, sort)
    ]


@lru_cache(maxsize=4_096)
def _missing(price: ModelPrice) -> list[tuple[Meter, str]]:
    """List the meters that a bound may need and the book has no price for, each with its sort."""
    rates = (price.contracted or price.listed)[0]
    return [(meter, sort) for meter, sort in _SORT_OF.items() if meter not in rates]


def _at_dearest(prices: Sequence[ModelPrice], most: _Tokens) -> int:
    dearest = _dearest(prices, most.input)
    tokens = most.text * dearest.text + most.audio * dearest.audio
    tokens += most.media * dearest.media + most.output * dearest.output
    return ceil_to_nanos(tokens) + ceil_to_nanos(dearest.call)


class _Rates(NamedTuple):
    """The dearest rates that can apply, attos: a token of each sort, and the call itself."""

    text: int
    audio: int
    media: int
    output: int
    call: int


def _dearest(prices: Sequence[ModelPrice], input_tokens: int) -> _Rates:
    """Return the highest rates among tiers, and brackets that the input can reach."""
    reached = [_rates_by_bracket(price)[price.bracket(input_tokens)] for price in prices]
    return reached[0] if len(reached) == 1 else _highest(reached)


@lru_cache(maxsize=4_096)
def _rates_by_bracket(price: ModelPrice) -> list[_Rates]:
    """Return, for each bracket, the highest rates of it and of those below."""
    found: list[_Rates] = []
    for number, listed in enumerate(price.listed):
        contracted = price.contracted[number] if price.contracted else {}
        found.append(_highest([*found[-1:], _rates(listed), _rates(contracted)]))
    return found


def _rates(rates: Mapping[str, int]) -> _Rates:
    """Return the highest rate of each sort; audio and media may be billed as text too."""
    sorts = (_TEXT_METERS, (*_TEXT_METERS, *_AUDIO_METERS), _ALL_INPUT, _OUTPUT, (CALL_FEE,))
    return _Rates(*[max(rates.get(meter, 0) for meter in meters) for meters in sorts])


def _highest(rates: Iterable[_Rates]) -> _Rates:
    return _Rates(*[max(of_sort) for of_sort in zip(*rates, strict=True)])


def _likely(price: ModelPrice, shape: CallShape) -> int:
    rates = (price.contracted or price.listed)[0]
    text = -(-shape.input_bytes // LIKELY_BYTES_PER_TOKEN) + 4 * shape.message_count
    media = LIKELY_IMAGE_TOKENS * shape.image_count
    media += shape.document_bytes // LIKELY_BYTES_PER_DOCUMENT_TOKEN
    limit = LIKELY_OUTPUT_TOKENS if shape.output_limit is None else shape.output_limit
    output = min(limit, LIKELY_OUTPUT_TOKENS) * max(1, shape.choices)
    attos = (text + media) * rates.get(Meter.INPUT, 0) + output * rates.get(Meter.OUTPUT, 0)
    return min(MAX_NANOS, ceil_to_nanos(attos + rates.get(CALL_FEE, 0)))
