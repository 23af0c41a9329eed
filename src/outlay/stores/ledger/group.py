"""Writes what waits in one transaction, and finds the bad row when a group fails.

Quick first: a few statements for all rows. Whatever goes wrong with a row undoes the group, and it
is written again entry by entry, each behind a savepoint: the bad one goes to quarantine and its
caller hears of it, its neighbours are recorded.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from outlay.kernel.clock import Clock
from outlay.kernel.errors import InvariantBroken
from outlay.ledger.facts import Intent, ProviderObject, Refusal, UsageEvent
from outlay.stores.ledger.careful import CarefulWriter
from outlay.stores.ledger.engines import Failure, WriterEngine
from outlay.stores.ledger.entries import Entry, Fact
from outlay.stores.ledger.rows import (
    Row,
    event_row,
    hold_rows,
    intent_row,
    object_row,
    refusal_row,
)
from outlay.stores.ledger.statements import Insert


class GroupWriter:
    """Writes groups of entries on one connection."""

    def __init__(self, engine: WriterEngine, clock: Clock) -> None:
        """Use `engine` for every group; nothing is written yet."""
        self._engine = engine
        self._sql = engine.statements
        self._clock = clock
        self._careful = CarefulWriter(engine.statements)
        self.quarantined = 0

    def write_quickly(self, entries: Sequence[Entry], *, durable: bool) -> None:
        """Write plain facts; a bad one gets an `error`, the rest is recorded.

        Raises:
            Exception: what the driver raised when the ledger is away or broken: nothing is written.
        """
        try:
            booked_at_us = self._clock.now_us()
            statements = list(self._statements([entry.fact for entry in entries], booked_at_us))
            with self._engine.quick(durable=durable) as cursor:
                for statement, cells in statements:
                    cursor.execute(statement, cells)
        except Exception as error:
            if self._engine.judge(error) is not Failure.ROW:
                raise
            self.write_carefully(entries, durable=durable)

    def write_carefully(self, entries: Sequence[Entry], *, durable: bool) -> None:
        """Write entries of any kind one by one; a bad one gets an `error`, the rest is recorded.

        Raises:
            Exception: as `write_quickly`.
        """
        booked_at_us = self._clock.now_us()
        with self._engine.careful(durable=durable) as cursor:
            for entry in entries:
                entry.error = self._write_one(cursor, entry.fact, booked_at_us)
        self.quarantined += sum(entry.error is not None for entry in entries)

    def advance_low_water(self, boot_id: str, low_water_seq: int) -> None:
        """Note that every intent of a boot up to `low_water_seq` is closed."""
        with self._engine.quick(durable=False) as cursor:
            cursor.execute(self._sql.low_water, (low_water_seq, boot_id))

    def newest_intent_seq(self) -> int:
        """Return the sequence number of the newest intent, 0 when there is none."""
        with self._engine.careful(durable=False) as cursor:
            return int(cursor.execute(self._sql.newest_intent).fetchone()[0])

    def _statements(self, facts: list[Fact], booked_at_us: int) -> Iterator[tuple[str, Row]]:
        """Make the statements of a group; an intent stands before what refers to it."""
        for insert, rows in self._rows(facts, booked_at_us):
            if rows:
                yield from insert.batches(rows)

    def _rows(self, facts: list[Fact], booked_at_us: int) -> Iterator[tuple[Insert, list[Row]]]:
        intents = [fact for fact in facts if isinstance(fact, Intent)]
        events = [fact for fact in facts if isinstance(fact, UsageEvent)]
        refusals = [fact for fact in facts if isinstance(fact, Refusal)]
        objects = [fact for fact in facts if isinstance(fact, ProviderObject)]
        yield self._sql.intent, [intent_row(one, booked_at_us) for one in intents]
        yield self._sql.hold, [row for one in intents if one.holds for row in hold_rows(one)]
        yield self._sql.event, [event_row(one, booked_at_us) for one in events]
        yield self._sql.refusal, [refusal_row(one, booked_at_us) for one in refusals]
        yield self._sql.object, [object_row(one) for one in objects]

    def _write_one(self, cursor: Any, fact: Fact, booked_at_us: int) -> InvariantBroken | None:
        """Write one fact, or put it into quarantine and say what is wrong with it."""
        refused = self._attempt(cursor, self._careful.write, fact, booked_at_us)
        if refused is None:
            return None
        broken: Exception | None = refused
        if not isinstance(refused, InvariantBroken):
            broken = self._attempt(cursor, self._careful.reconcile, fact, booked_at_us)
        if broken is None:
            return None
        self._keep(cursor, fact, f"{broken}: {refused}", booked_at_us)
        told = broken if isinstance(broken, InvariantBroken) else InvariantBroken(str(broken))
        told.__cause__ = None if told is refused else refused
        return told

    def _keep(self, cursor: Any, fact: Fact, reason: str, at_us: int) -> None:
        """Put a fact into quarantine; one that even that refuses must not sink its neighbours."""

        def quarantine(cursor: Any, fact: Fact, at_us: int) -> None:
            self._careful.quarantine(cursor, fact, reason, at_us)

        self._attempt(cursor, quarantine, fact, at_us)

    def _attempt(
        self,
        cursor: Any,
        write: Callable[[Any, Fact, int], None],
        fact: Fact,
        booked_at_us: int,
    ) -> Exception | None:
        """Run a write behind a savepoint; return what is wrong with the row, raise all else."""
        cursor.execute("SAVEPOINT one_entry")
        try:
            write(cursor, fact, booked_at_us)
        except Exception as error:
            expected = isinstance(error, InvariantBroken)
            if not expected and self._engine.judge(error) is not Failure.ROW:
                raise
            cursor.execute("ROLLBACK TO SAVEPOINT one_entry")
            return error
        cursor.execute("RELEASE SAVEPOINT one_entry")
        return None
