"""The plain SQL of the hot path, made once from the tables: no SQLAlchemy runs per row."""

from collections.abc import Iterator, Sequence
from itertools import chain

from sqlalchemy import Dialect, Table

from outlay.stores.ledger.rows import Row, columns_of
from outlay.stores.ledger.schema import (
    corrections,
    deferred,
    holds,
    intents,
    provider_objects,
    quarantine,
    refusals,
    usage_events,
)

ROWS_PER_STATEMENT = 64
"""The largest INSERT. Several rows per statement: each step of a statement gives the interpreter's
lock away, and a busy event loop gives it back late, while the ledger's write lock is held."""


class Insert:
    """INSERT statements of one table, for 1, 2, 4, … rows: each is prepared once."""

    def __init__(self, table: Table, dialect: Dialect, *, suffix: str = "") -> None:
        """Make the statements; `suffix` is what follows the values."""
        quote = dialect.identifier_preparer.quote
        columns = columns_of(table)
        mark = "?" if dialect.paramstyle == "qmark" else "%s"
        names = ", ".join(quote(name) for name in columns)
        one = f"({', '.join([mark] * len(columns))})"
        self._head = f"INSERT INTO {table.name} ({names}) VALUES "  # noqa: S608
        self._tail = suffix
        self._one = one
        self._by_size = {2**k: self._text(2**k) for k in range(ROWS_PER_STATEMENT.bit_length())}

    def _text(self, size: int) -> str:
        return self._head + ", ".join([self._one] * size) + self._tail

    def batches(self, rows: Sequence[Row]) -> Iterator[tuple[str, Row]]:
        """Cut rows into statements with their parameters, in order."""
        start = 0
        while start < len(rows):
            size = min(ROWS_PER_STATEMENT, 1 << ((len(rows) - start).bit_length() - 1))
            batch = rows[start : start + size]
            yield self._by_size[size], batch[0] if size == 1 else tuple(chain.from_iterable(batch))
            start += size


class Statements:
    """Every statement that the writer runs, in the dialect of one engine."""

    def __init__(self, dialect: Dialect) -> None:
        """Make the texts."""
        self._mark = "?" if dialect.paramstyle == "qmark" else "%s"
        self.intent = Insert(intents, dialect)
        self.hold = Insert(holds, dialect)
        self.event = Insert(usage_events, dialect)
        self.correction = Insert(corrections, dialect)
        # No ON CONFLICT where rows have a sequence: SQLite uses a number up for what it leaves out.
        self.refusal = Insert(refusals, dialect)
        self.object = Insert(
            provider_objects, dialect, suffix=" ON CONFLICT (object_hash) DO NOTHING"
        )
        self.deferral = Insert(deferred, dialect)
        self.quarantine = Insert(quarantine, dialect)
        self.find_intent = self._find(intents, dialect)
        self.find_event = self._find(usage_events, dialect)
        self.find_refusal = self._find(refusals, dialect)
        self.find_correction = self._find(corrections, dialect, by="correction_id")
        self.find_deferral = self._find(deferred, dialect)
        self.find_holds = self._find(holds, dialect) + " ORDER BY budget_id"
        # Locks the event on PostgreSQL, so that two corrections of one call queue up.
        self.lock_event = self.find_event + (" FOR UPDATE" if self._mark == "%s" else "")
        self.newest_correction = (
            f"SELECT cost_nanos FROM corrections WHERE request_id = {self._mark} "  # noqa: S608
            "ORDER BY seq DESC LIMIT 1"
        )
        self.newest_intent = "SELECT COALESCE(MAX(seq), 0) FROM intents"
        self.low_water = (
            f"UPDATE boots SET low_water_seq = {self._mark} WHERE boot_id = {self._mark}"  # noqa: S608
        )

    def _find(self, table: Table, dialect: Dialect, *, by: str = "request_id") -> str:
        quote = dialect.identifier_preparer.quote
        names = ", ".join(quote(name) for name in columns_of(table))
        return f"SELECT {names} FROM {table.name} WHERE {by} = {self._mark}"  # noqa: S608
