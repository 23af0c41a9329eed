"""The price book: immutable, dated, exact; finds the price of a model and the cost of a call."""

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Self

import msgspec

from outlay.pricing.calculate import calculate_cost
from outlay.pricing.cost import Cost
from outlay.pricing.entry import STANDARD, Entry, ProviderPrices, is_match
from outlay.pricing.model_price import ModelPrice, model_price
from outlay.pricing.names import dashed_date, family, plain_name, tier_name
from outlay.pricing.overlay import Overlay
from outlay.usage.usage import Pass, Usage

FORMAT = 1
"""The layout of a stored book; raised when it changes, so that a stale one is compiled again."""
CACHED_PRICES = 4_096
"""How many resolved prices a book keeps; model names come from outside, so there is a bound."""
_OTHER_NAMES = {"gemini": "google", "xai": "x-ai"}
_PriceKey = tuple[str, str | None, str | None, str | None, str | None]


class _Stored(msgspec.Struct, frozen=True):
    format: int
    source: str
    revision: str
    providers: dict[str, msgspec.Raw]
    overlays: tuple[Overlay, ...] = ()


class PriceBook:
    """Prices by provider and model, under one revision. Nothing of it ever changes.

    Providers are decoded when they are first asked for: a worker pays for those it serves.
    """

    def __init__(self, stored: _Stored) -> None:
        """Use `compile`, `from_bytes` or `with_overlays`."""
        self._stored = stored
        self._providers: dict[str, ProviderPrices | None] = {}
        self._prices: dict[_PriceKey, ModelPrice] = {}

    @classmethod
    def compile(cls, source: str, providers: Iterable[ProviderPrices]) -> Self:
        """Make a book of these prices; equal prices give an equal revision."""
        encoded = {one.id: msgspec.Raw(msgspec.json.encode(one)) for one in providers}
        digest = hashlib.sha256(msgspec.json.encode((FORMAT, source, encoded))).hexdigest()
        return cls(_Stored(FORMAT, source, f"pbk_{digest[:12]}", encoded))

    @classmethod
    def from_bytes(cls, body: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            ValueError: not a price book, or of another format than this version's.
        """
        try:
            stored = msgspec.json.decode(zlib.decompress(body), type=_Stored)
        except (zlib.error, msgspec.DecodeError) as error:
            raise ValueError("this is no price book") from error
        if stored.format != FORMAT:
            raise ValueError(f"the price book has format {stored.format}, this version {FORMAT}")
        return cls(stored)

    def to_bytes(self) -> bytes:
        """Write the whole book, overlays included, as compressed JSON."""
        return zlib.compress(msgspec.json.encode(self._stored), 9)

    def with_overlays(self, overlays: Sequence[Overlay], number: int) -> "PriceBook":
        """Return this book with exactly these overlays; `number` is that of their last change."""
        revision = f"{self.compiled}.{number}" if number else self.compiled
        return PriceBook(
            msgspec.structs.replace(self._stored, overlays=tuple(overlays), revision=revision)
        )

    @property
    def revision(self) -> str:
        """The name of this state of the prices, recorded with every cost."""
        return self._stored.revision

    @property
    def compiled(self) -> str:
        """The revision of the compiled book alone, whatever own prices lie over it."""
        return self.revision.partition(".")[0]

    @property
    def source(self) -> str:
        """Which published data the book was compiled from."""
        return self._stored.source

    @property
    def overlays(self) -> tuple[Overlay, ...]:
        """The operator's own prices, in the order they were made."""
        return self._stored.overlays

    @property
    def providers(self) -> tuple[str, ...]:
        """The ids of all providers that have prices, in alphabetical order."""
        return tuple(sorted({*self._stored.providers, *(o.provider for o in self.overlays)}))

    def entries(self, provider: str) -> tuple[Entry, ...]:
        """Return every model of a provider as compiled; none for a provider that is not known."""
        found = self._provider(provider)
        return () if found is None else found.entries

    def find_entry(self, provider: str, model: str) -> Entry | None:
        """Return the model of the book that goes by a name at a provider."""
        return self._find_entry(_OTHER_NAMES.get(provider, provider), model)[0]

    def find_price(
        self, provider: str, model: str, *, at_us: int, service_tier: str | None = None
    ) -> ModelPrice:
        """Return what a model costs at an instant; nothing in it is priced when it is unknown."""
        return self._price_of((provider, None, None, model, service_tier), at_us)

    def price(
        self,
        *,
        provider: str,
        model_requested: str | None,
        model_served: str | None,
        model_returned: str | None,
        usage: Usage,
        at_us: int,
        service_tier: str | None,
        stated_cost_nanos: int | None = None,
    ) -> Cost:
        """Work out what a call cost.

        The price is that of the model that the answer names. If the book does not know it, the
        model that was asked for stands in, if it is of the same family; no other model ever does.

        Args:
            provider: the id that prices go by (`openai`, `anthropic`, `google`, …).
            model_requested: as the caller named it.
            model_served: as it was named to the provider.
            model_returned: as the answer names it; None when it names none.
            usage: all billed passes; one with a model of its own is priced by that.
            at_us: the instant whose prices apply: the call's admission.
            service_tier: the tier the answer says it was served with.
            stated_cost_nanos: what the provider itself says it billed.
        """
        key = (provider, model_requested, model_served, model_returned, service_tier)
        passes: list[tuple[ModelPrice, Pass]] = []
        for one in usage.passes:
            of_pass = key if one.model is None else (provider, None, None, one.model, service_tier)
            passes.append((self._price_of(of_pass, at_us), one))
        return calculate_cost(self.revision, passes, stated_cost_nanos)

    def _price_of(self, key: _PriceKey, at_us: int) -> ModelPrice:
        cached = self._prices.get(key)
        if cached is not None and cached.valid_from_us <= at_us < cached.valid_until_us:
            return cached
        self._prices.pop(key, None)
        if len(self._prices) >= CACHED_PRICES:
            del self._prices[next(iter(self._prices))]
        found = self._prices[key] = self._resolve(key, at_us)
        return found

    def _resolve(self, key: _PriceKey, at_us: int) -> ModelPrice:
        provider, requested, served, returned, service_tier = key
        tried: list[ModelPrice] = []
        for name in _names(requested, served, returned):
            tried.append(self._named(provider, name, service_tier, at_us))
            if tried[-1].is_known:
                break
        chosen = tried[-1] if tried[-1].is_known else tried[0]
        return replace(
            chosen,
            valid_from_us=max(one.valid_from_us for one in tried),
            valid_until_us=min(one.valid_until_us for one in tried),
        )

    def _named(self, provider: str, name: str, service_tier: str | None, at_us: int) -> ModelPrice:
        provider = _OTHER_NAMES.get(provider, provider)
        entry, sold_by = self._find_entry(provider, name)
        names = frozenset(
            {name.lower(), plain_name(name), "" if entry is None else entry.id.lower()}
        )
        overlays = [o for o in self.overlays if o.provider == provider and o.is_for(names)]
        tier = self._tier(provider, service_tier)
        published = entry if tier == STANDARD or sold_by == provider else None
        return model_price(name or "?", published, overlays, tier=tier, at_us=at_us)

    def _tier(self, provider: str, service_tier: str | None) -> str:
        tier = STANDARD if service_tier is None else tier_name(service_tier)
        found = self._provider(provider)
        standard_tiers = ("default", "auto") if found is None else found.standard_tiers
        return STANDARD if tier in ("", *standard_tiers) else tier

    def _find_entry(self, provider: str, name: str) -> tuple[Entry | None, str]:
        found = self._provider(provider)
        if found is None:
            return None, provider
        plain = plain_name(name)
        for spelling in dict.fromkeys((plain, dashed_date(plain))):
            for sold_by in (provider, *found.fallbacks):
                for entry in self.entries(sold_by):
                    if is_match(entry.match, spelling):
                        return entry, sold_by
        return None, provider

    def _provider(self, provider: str) -> ProviderPrices | None:
        if provider not in self._providers and provider in self._stored.providers:
            raw = self._stored.providers[provider]
            self._providers[provider] = msgspec.json.decode(raw, type=ProviderPrices)
        return self._providers.get(provider)


def _names(requested: str | None, served: str | None, returned: str | None) -> list[str]:
    """Return the names to price a call by, best first; never none."""
    asked = [name for name in (served, requested) if name]
    if not returned:
        return asked or [""]
    return [returned, *(name for name in asked if family(name) == family(returned))]
