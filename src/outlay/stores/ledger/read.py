"""Reads facts back: recorded calls in the order of their events, and calls that are deferred."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, select
from sqlalchemy.engine import RowMapping

from outlay.budgets.hold import Hold
from outlay.ledger.facts import Correction, DeferredCall, Intent, UsageEvent
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.present_calls import ended_calls, is_published
from outlay.stores.ledger.rows import correction_from_row, event_from_row, intent_from_row
from outlay.stores.ledger.schema import corrections, deferred, holds, intents, usage_events

PAGE_CALLS = 1_000


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call that has ended: its facts, and the newest correction where one stands.

    `seq` is the event's; it grows with time and is where a reader goes on.
    """

    seq: int
    intent: Intent
    event: UsageEvent
    correction: Correction | None


def iterate_calls(
    ledger: Ledger, *, after_seq: int = 0, page_calls: int = PAGE_CALLS
) -> Iterator[RecordedCall]:
    """Yield every published call whose event comes after `after_seq`, in order.

    Each page is a short transaction of its own, so that a long reader holds nobody up.

    Raises:
        LedgerUnavailable: the ledger cannot be read.
    """
    while True:
        with ledger.read() as connection:
            page = read_calls(connection, after_seq=after_seq, limit=page_calls)
        yield from page
        if len(page) < page_calls:
            return
        after_seq = page[-1].seq


def read_calls(connection: Connection, *, after_seq: int, limit: int) -> list[RecordedCall]:
    """Read one page of published calls in the order of their events."""
    query = (
        select(*labelled(intents), *labelled(usage_events), *labelled(corrections))
        .select_from(ended_calls())
        .where(usage_events.c.seq > after_seq, is_published())
        .order_by(usage_events.c.seq)
        .limit(limit)
    )
    rows = connection.execute(query).mappings().all()
    held = _read_holds(connection, [row["intents.request_id"] for row in rows])
    return [_call(row, held) for row in rows]


def list_deferred(ledger: Ledger, *, limit: int = PAGE_CALLS) -> list[DeferredCall]:
    """Return the oldest calls that go on in the background and have no event yet.

    Raises:
        LedgerUnavailable: the ledger cannot be read.
    """
    ended = select(usage_events.c.seq).where(usage_events.c.request_id == deferred.c.request_id)
    query = (
        select(*intents.c, deferred.c.provider_response_id)
        .join_from(deferred, intents, intents.c.request_id == deferred.c.request_id)
        .where(~ended.exists(), deferred.c.provider_response_id.is_not(None))
        .order_by(intents.c.seq)
        .limit(limit)
    )
    with ledger.read() as connection:
        rows = connection.execute(query).mappings().all()
    return [DeferredCall(intent_from_row(row), row["provider_response_id"]) for row in rows]


def _call(row: RowMapping, held: Mapping[str, list[Hold]]) -> RecordedCall:
    intent, event = cells_of(row, intents), cells_of(row, usage_events)
    correction = cells_of(row, corrections)
    return RecordedCall(
        seq=event["seq"],
        intent=intent_from_row(intent, held.get(intent["request_id"], ())),
        event=event_from_row(event),
        correction=None if correction["seq"] is None else correction_from_row(correction),
    )


def labelled(table: Table) -> list[Any]:
    """Name each column after its table: several of them share a name."""
    return [column.label(f"{table.name}.{column.name}") for column in table.columns]


def cells_of(row: RowMapping, table: Table) -> dict[str, Any]:
    """Take the cells of one table out of a row of `labelled` columns."""
    return {column.name: row[f"{table.name}.{column.name}"] for column in table.columns}


def _read_holds(connection: Connection, request_ids: Sequence[str]) -> dict[str, list[Hold]]:
    held: dict[str, list[Hold]] = {}
    query = select(holds).where(holds.c.request_id.in_(request_ids)).order_by(holds.c.budget_id)
    for row in connection.execute(query):
        held.setdefault(row.request_id, []).append(Hold(row.budget_id, row.amount_nanos))
    return held
