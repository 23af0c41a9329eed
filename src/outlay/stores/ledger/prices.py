"""Prices in the ledger: every compiled book ever used, and the operator's own prices over them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace
from sqlalchemy import Connection, Row, desc, insert, select, update

from outlay.identity.master_key import MasterKey
from outlay.kernel.clock import Clock
from outlay.kernel.errors import Category, OutlayError, SettingsError
from outlay.kernel.ids import new_id
from outlay.pricing.book import PriceBook
from outlay.pricing.entry import STANDARD
from outlay.pricing.overlay import Overlay, OverlayKind, check
from outlay.pricing.seed import compile_seed, seed_source
from outlay.stores.ledger.audit import AuditTrail
from outlay.stores.ledger.connection import Ledger, bump_revision, read_revisions
from outlay.stores.ledger.schema import price_books, price_overlays

TOPIC = "prices"
"""Under which workers poll for a change."""


class PriceNotFound(OutlayError):
    """There is no such price book or overlay; the text names what is there."""

    code = "price.not_found"
    category = Category.NOT_FOUND


@dataclass(frozen=True, slots=True)
class StoredBook:
    """A compiled book in the ledger: its revision, when it was stored, and what data it is."""

    revision: str
    created_at_us: int
    source: str


def load_book(ledger: Ledger) -> PriceBook:
    """Read the newest book with the overlays that stand; what workers price by.

    Raises:
        SettingsError: the ledger has no book that this version can read.
    """
    with ledger.read() as connection:
        number = read_revisions(connection).get(TOPIC, 0)
        overlays = _read_overlays(connection)
        columns = (price_books.c.created_at_us, price_books.c.revision)
        newest_first = select(price_books.c.body).order_by(*map(desc, columns))
        for row in connection.execute(newest_first):
            try:
                return PriceBook.from_bytes(row.body).with_overlays(overlays, number)
            except ValueError:
                continue
    raise SettingsError("the ledger has no price book: start `outlay serve`, which stores one")


def ensure_seeded(ledger: Ledger, clock: Clock) -> bool:
    """Store the bundled prices if they are newer than what the ledger has; keep every older book.

    Compiling takes about a second and 40 MB, and happens only when the bundled data has changed:
    call it where that memory does no harm, not in a worker.

    Returns:
        Whether a book was stored.
    """
    source = seed_source()
    with ledger.read() as connection:
        known = connection.execute(select(price_books.c.source).distinct()).scalars().all()
    if source in known:
        return False
    book = compile_seed()
    with ledger.write() as connection:
        there = select(price_books.c.revision).where(price_books.c.revision == book.revision)
        if connection.scalar(there) is not None:
            return False
        row = {"revision": book.revision, "created_at_us": clock.now_us(), "source": source}
        connection.execute(insert(price_books).values(**row, body=book.to_bytes()))
        bump_revision(connection, TOPIC)
    return True


class PriceStore:
    """Reads and changes prices; workers take a change over within a second."""

    def __init__(self, ledger: Ledger, master_key: MasterKey) -> None:
        """Work on an open ledger whose schema is current."""
        self._ledger = ledger
        self._audit = AuditTrail(master_key)

    def list_books(self) -> list[StoredBook]:
        """List every stored book, newest first. There is one for each version of the data."""
        columns = (price_books.c.revision, price_books.c.created_at_us, price_books.c.source)
        newest_first = select(*columns).order_by(
            desc(price_books.c.created_at_us), desc(price_books.c.revision)
        )
        with self._ledger.read() as connection:
            return [StoredBook(*row) for row in connection.execute(newest_first)]

    def get_book(self, revision: str) -> PriceBook:
        """Read one stored book, without overlays.

        Raises:
            PriceNotFound: there is none of that revision.
        """
        wanted = select(price_books.c.body).where(price_books.c.revision == revision)
        with self._ledger.read() as connection:
            body = connection.scalar(wanted)
        if body is None:
            known = ", ".join(book.revision for book in self.list_books()) or "none"
            raise PriceNotFound(f"there is no price book {revision!r}; stored are: {known}")
        return PriceBook.from_bytes(body)

    def list_overlays(self) -> list[Overlay]:
        """List the operator's own prices that stand, in the order they were made."""
        with self._ledger.read() as connection:
            return _read_overlays(connection)

    def add_overlays(self, overlays: Sequence[Overlay], *, actor: str) -> list[Overlay]:
        """Record prices of the operator's, all or none, each under a new id.

        Raises:
            ValueError: one of them cannot be used; nothing was recorded.
            LedgerUnavailable: nothing was recorded.
        """
        now_us = self._ledger.clock.now_us()
        recorded = [
            replace(check(one), overlay_id=new_id("ovl", now_us), created_by=actor)
            for one in overlays
        ]
        if recorded:
            with self._ledger.write() as connection:
                for one in recorded:
                    self._insert(connection, one, now_us)
                bump_revision(connection, TOPIC)
        return recorded

    def _insert(self, connection: Connection, overlay: Overlay, now_us: int) -> None:
        row = _to_row(overlay)
        connection.execute(insert(price_overlays).values(**row, created_at_us=now_us))
        self._audit.append(
            connection,
            at_us=now_us,
            actor=overlay.created_by,
            action="price.set",
            subject=overlay.overlay_id,
            detail={name: value for name, value in row.items() if value is not None},
        )

    def withdraw(self, overlay_id: str, *, actor: str) -> None:
        """Take a price back: it counts for no call from now on, also not for past instants.

        Raises:
            PriceNotFound: no such price stands.
            LedgerUnavailable: nothing was recorded.
        """
        now_us = self._ledger.clock.now_us()
        standing = (price_overlays.c.overlay_id == overlay_id) & (
            price_overlays.c.withdrawn_at_us.is_(None)
        )
        taken = update(price_overlays).where(standing)
        with self._ledger.write() as connection:
            changed = connection.execute(taken.values(withdrawn_at_us=now_us))
            if changed.rowcount == 0:
                raise PriceNotFound(
                    f"no price {overlay_id!r} stands: `outlay prices show` lists them with their id"
                )
            self._audit.append(
                connection,
                at_us=now_us,
                actor=actor,
                action="price.remove",
                subject=overlay_id,
                detail={},
            )
            bump_revision(connection, TOPIC)


def _read_overlays(connection: Connection) -> list[Overlay]:
    standing = select(price_overlays).where(price_overlays.c.withdrawn_at_us.is_(None))
    rows = connection.execute(standing.order_by(price_overlays.c.seq))
    return [_from_row(row) for row in rows]


def _from_row(row: Row[tuple[object, ...]]) -> Overlay:
    return Overlay(
        overlay_id=row.overlay_id,
        provider=row.provider,
        model=row.model,
        meter=row.meter,
        kind=OverlayKind(row.kind),
        attos=None if row.attos_per_unit is None else int(row.attos_per_unit),
        percent=None if row.percent is None else Decimal(row.percent),
        tier=row.tier or STANDARD,
        from_us=row.effective_from_us or 0,
        to_us=row.effective_to_us,
        created_by=row.created_by,
    )


def _to_row(overlay: Overlay) -> dict[str, object]:
    return {
        "overlay_id": overlay.overlay_id,
        "provider": overlay.provider,
        "model": overlay.model,
        "meter": overlay.meter,
        "tier": overlay.tier,
        "kind": overlay.kind.value,
        "attos_per_unit": None if overlay.attos is None else str(overlay.attos),
        "percent": None if overlay.percent is None else format(overlay.percent, "f"),
        "effective_from_us": overlay.from_us,
        "effective_to_us": overlay.to_us,
        "created_by": overlay.created_by,
    }
