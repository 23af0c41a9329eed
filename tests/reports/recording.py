"""Puts facts into a ledger as the writer would, without its thread."""

from collections.abc import Iterable

from sqlalchemy import Connection, Table

from outlay.ledger.facts import Correction, Intent, UsageEvent
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.rows import Row, columns_of, correction_row, event_row, intent_row
from outlay.stores.ledger.schema import corrections, intents, usage_events


def record(
    ledger: Ledger,
    calls: Iterable[tuple[Intent, UsageEvent | None]],
    corrected: Iterable[Correction] = (),
) -> None:
    """Record calls (None: still open) and corrections, in this order."""
    with ledger.write() as connection:
        for intent, event in calls:
            _insert(connection, intents, intent_row(intent, intent.requested_at_us))
            if event is not None:
                _insert(connection, usage_events, event_row(event, event.finished_at_us))
        for correction in corrected:
            _insert(connection, corrections, correction_row(correction))


def _insert(connection: Connection, table: Table, row: Row) -> None:
    values = dict(zip(columns_of(table), row, strict=True))
    connection.execute(table.insert().values(**values))
