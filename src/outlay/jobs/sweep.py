"""Closes the open calls of processes that died: visibly, once, and never by age alone.

Budgets keep the upper bound of such a call, reports show its likely cost, flagged. Calls that go on
in the background are left to the poller. Source: ADR 0009, architecture.md 2 (endings).
"""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, select
from sqlalchemy.engine import RowMapping

from outlay.kernel.clock import Clock
from outlay.ledger.endings import swept_event
from outlay.ledger.facts import UsageEvent
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.liveness import dead, forget, mark_ended
from outlay.stores.ledger.rows import event_row, intent_from_row
from outlay.stores.ledger.schema import boots, deferred, intents, usage_events
from outlay.stores.ledger.statements import Insert

PAGE_CALLS = 500
"""Calls closed per transaction: keeps the write lock for a few milliseconds."""


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What a sweep closed: dead boots, their calls, and those of them without an upper bound."""

    boots: int = 0
    calls: int = 0
    unbounded: int = 0
    bound_nanos: int = 0


def sweep(ledger: Ledger, clock: Clock) -> SweepReport:
    """Close what dead boots left open. Two sweeps at once do it once. Blocks.

    Raises:
        LedgerUnavailable: the ledger cannot be read or written; what is closed stays closed.
    """
    events: list[UsageEvent] = []
    swept = 0
    for boot in _unended_boots(ledger):
        with dead(ledger, boot["boot_id"]) as is_dead:
            if is_dead:
                events += _close_calls(ledger, boot["boot_id"], boot["low_water_seq"], clock)
                mark_ended(ledger, boot["boot_id"], clock.now_us())
                forget(ledger, boot["boot_id"])
                swept += 1
    _drop_settled_deferrals(ledger)
    return _report(swept, events)


def _unended_boots(ledger: Ledger) -> list[RowMapping]:
    query = select(boots).where(boots.c.ended_at_us.is_(None)).order_by(boots.c.started_at_us)
    with ledger.read() as connection:
        return list(connection.execute(query).mappings())


def _close_calls(ledger: Ledger, boot_id: str, after_seq: int, clock: Clock) -> list[UsageEvent]:
    """Close the open calls of a boot, page by page, from its low-water mark on."""
    closed: list[UsageEvent] = []
    insert = Insert(usage_events, ledger.engine.dialect)
    while True:
        with ledger.write() as connection:
            page = _open_calls(connection, boot_id, after_seq)
            now_us = clock.now_us()
            events = [swept_event(intent_from_row(row), now_us) for row in page]
            for statement, cells in insert.batches([event_row(one, now_us) for one in events]):
                connection.exec_driver_sql(statement, cells)
        closed += events
        if len(page) < PAGE_CALLS:
            return closed
        after_seq = page[-1]["seq"]


def _open_calls(connection: Connection, boot_id: str, after_seq: int) -> list[RowMapping]:
    calls = intents.outerjoin(
        usage_events, usage_events.c.request_id == intents.c.request_id
    ).outerjoin(deferred, deferred.c.request_id == intents.c.request_id)
    query = (
        select(intents)
        .select_from(calls)
        .where(intents.c.seq > after_seq, intents.c.boot_id == boot_id)
        .where(usage_events.c.seq.is_(None), deferred.c.request_id.is_(None))
        .order_by(intents.c.seq)
        .limit(PAGE_CALLS)
    )
    return list(connection.execute(query).mappings())


def _drop_settled_deferrals(ledger: Ledger) -> None:
    """Forget the provider's ids of calls that have ended: nobody asks for them any more."""
    ended = select(usage_events.c.request_id).where(
        usage_events.c.request_id == deferred.c.request_id
    )
    with ledger.read() as connection:
        if connection.execute(select(deferred.c.request_id).where(ended.exists())).first() is None:
            return
    with ledger.write() as connection:
        connection.execute(delete(deferred).where(ended.exists()))


def _report(swept: int, events: list[UsageEvent]) -> SweepReport:
    bounds = [event.cost.cost_nanos for event in events]
    known = [bound for bound in bounds if bound is not None]
    return SweepReport(swept, len(events), len(bounds) - len(known), sum(known))
