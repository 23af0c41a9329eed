"""What operators change while we run: snapshots of keys, providers and prices, swapped."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from outlay.identity.keyring import KeyRing
from outlay.kernel.errors import LedgerUnavailable
from outlay.pricing.book import PriceBook
from outlay.routing.resolve import ProviderTable
from outlay.stores.ledger.connection import Ledger, read_revisions

_log = structlog.get_logger("outlay.configuration")

POLL_EVERY_S = 0.25
"""A revoked key stops working within a second (product.md 13): a poll, a reload, and slack."""


@dataclass(frozen=True, slots=True)
class Loaders:
    """How each part is read from the ledger."""

    keyring: Callable[[Ledger], KeyRing]
    providers: Callable[[Ledger], ProviderTable]
    book: Callable[[Ledger], PriceBook]


class LiveConfiguration:
    """Keys, providers and prices as they are now; each attribute is one consistent snapshot."""

    def __init__(self, ledger: Ledger, loaders: Loaders) -> None:
        """Read everything once. Blocks: call it before serving."""
        self._ledger = ledger
        self._loaders = loaders
        self._looking = asyncio.Lock()
        self._looks = 0
        self._revisions = self._read_revisions()
        self.keyring = loaders.keyring(ledger)
        self.providers = loaders.providers(ledger)
        self.book = loaders.book(ledger)

    async def refresh(self) -> None:
        """Look for changes and take them over; returns after a look that began after this call.

        Many who ask at once share a look: a flood of unknown keys is no flood of queries. When the
        ledger cannot be read the last snapshot stays in force.
        """
        wanted = self._looks + 1
        async with self._looking:
            if self._looks >= wanted:
                return
            self._looks += 1
            try:
                await asyncio.to_thread(self._take_changes)
            except LedgerUnavailable:
                _log.warning("the ledger cannot be read, the last configuration stays")

    async def watch(self) -> None:
        """Look for changes for ever; what cannot be read now may be mended by the next change."""
        while True:
            await asyncio.sleep(POLL_EVERY_S)
            try:
                await self.refresh()
            except Exception:  # noqa: BLE001 the outermost boundary of a job
                _log.exception("a change could not be taken over")

    def _take_changes(self) -> None:
        found, known = self._read_revisions(), self._revisions
        if found.get("keys") != known.get("keys"):
            self.keyring = self._loaders.keyring(self._ledger)
        if found.get("providers") != known.get("providers"):
            self.providers = self._loaders.providers(self._ledger)
        if found.get("prices") != known.get("prices"):
            self.book = self._loaders.book(self._ledger)
        self._revisions = found

    def _read_revisions(self) -> dict[str, int]:
        with self._ledger.read() as connection:
            return read_revisions(connection)
