"""Checks every call: its intent, its event, its corrections, its holds."""

from collections.abc import Callable, Iterator

from sqlalchemy import select
from sqlalchemy.engine import RowMapping

from outlay.kernel.findings import Finding
from outlay.ledger.invariants import check_correction, check_event
from outlay.stores.ledger.checks import Check, Progress, count_rows, read_pages
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.liveness import dead
from outlay.stores.ledger.read import cells_of, labelled
from outlay.stores.ledger.rows import correction_from_row, event_from_row, intent_from_row
from outlay.stores.ledger.schema import (
    boots,
    corrections,
    deferred,
    holds,
    intents,
    usage_events,
)


def check_calls(ledger: Ledger, progress: Progress) -> Check:
    """Check that each intent has one sound event, or is open for a reason."""
    check = Check("calls", progress, count_rows(ledger, intents))
    calls = intents.outerjoin(
        usage_events, usage_events.c.request_id == intents.c.request_id
    ).outerjoin(deferred, deferred.c.request_id == intents.c.request_id)
    columns = (intents.c.seq, deferred.c.noted_at_us, *labelled(intents), *labelled(usage_events))
    query = select(*columns).select_from(calls)
    opened = []
    for row in read_pages(ledger, query, intents.c.seq, check):
        if row["usage_events.seq"] is not None:
            _judge(check, f"usage_events {row['usage_events.seq']}", row, _event_findings)
        elif row["noted_at_us"] is None:
            opened.append(row)
    _check_open(ledger, check, opened)
    return check


def check_corrections(ledger: Ledger, progress: Progress) -> Check:
    """Check that each correction follows from what counted before it."""
    check = Check("corrections", progress, count_rows(ledger, corrections))
    earlier = corrections.alias()
    before = (
        select(earlier.c.seq)
        .where(earlier.c.request_id == corrections.c.request_id)
        .where(earlier.c.seq < corrections.c.seq)
        .order_by(earlier.c.seq.desc())
        .limit(1)
        .correlate(corrections)
        .scalar_subquery()
    )
    previous = corrections.alias("previous")
    query = (
        select(
            corrections,
            previous.c.seq.label("previous_seq"),
            previous.c.cost_nanos.label("corrected_nanos"),
            usage_events.c.cost_nanos.label("event_nanos"),
        )
        .join_from(corrections, usage_events, usage_events.c.request_id == corrections.c.request_id)
        .outerjoin(previous, previous.c.seq == before)
    )
    for row in read_pages(ledger, query, corrections.c.seq, check):
        _judge(check, f"corrections {row['seq']}", row, _correction_findings)
    return check


def check_holds(ledger: Ledger, progress: Progress) -> Check:
    """Check that no hold is negative."""
    check = Check("holds", progress, count_rows(ledger, holds))
    with ledger.read() as connection:
        for row in connection.execute(select(holds).where(holds.c.amount_nanos < 0)):
            where = f"holds {row.request_id} {row.budget_id}"
            check.add("negative_hold", where, f"{row.amount_nanos} nanos are held, less than 0")
    check.advance(check.total)
    return check


def _event_findings(row: RowMapping) -> Iterator[Finding]:
    intent = intent_from_row(cells_of(row, intents))
    event = event_from_row(cells_of(row, usage_events))
    yield from check_event(intent, event)
    stored = row["usage_events.input_tokens"], row["usage_events.output_tokens"]
    counted = event.usage.input_tokens, event.usage.output_tokens
    if stored != counted:
        where = f"usage event of {event.request_id}"
        yield Finding("token_sums", where, f"tokens {stored} are recorded, usage says {counted}")


def _correction_findings(row: RowMapping) -> Iterator[Finding]:
    is_first = row["previous_seq"] is None
    present_nanos = row["event_nanos"] if is_first else row["corrected_nanos"]
    yield from check_correction(correction_from_row(row), present_nanos)


def _judge(
    check: Check,
    where: str,
    row: RowMapping,
    findings_of: Callable[[RowMapping], Iterator[Finding]],
) -> None:
    """Collect what is wrong with a row; one that cannot even be read is a finding as well."""
    try:
        for finding in findings_of(row):
            check.add(finding.code, f"{where}: {finding.source}", finding.message)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        check.add("unreadable_row", where, f"the row cannot be read: {error!r}")


def _check_open(ledger: Ledger, check: Check, opened: list[RowMapping]) -> None:
    """Tell calls in flight from calls that somebody should have closed."""
    alive = {boot_id: _is_alive(ledger, boot_id) for boot_id in {_boot_of(row) for row in opened}}
    check.notes += [f"{sum(alive[_boot_of(row)] for row in opened)} calls are in flight"]
    for row in opened:
        if not alive[_boot_of(row)] and not _has_ended_by_now(ledger, row):
            message = "the call is open and its process has ended: start serve, which sweeps"
            check.add("open_call_of_dead_boot", f"intents {row['seq']}", message)


def _boot_of(row: RowMapping) -> str:
    return str(row["intents.boot_id"])


def _is_alive(ledger: Ledger, boot_id: str) -> bool:
    query = select(boots.c.ended_at_us).where(boots.c.boot_id == boot_id)
    with ledger.read() as connection:
        boot = connection.execute(query).first()
    if boot is None or boot.ended_at_us is not None:
        return False
    with dead(ledger, boot_id) as is_dead:
        return not is_dead


def _has_ended_by_now(ledger: Ledger, row: RowMapping) -> bool:
    """Look again: its event or the sweep may have come meanwhile."""
    query = select(usage_events.c.seq).where(usage_events.c.request_id == row["intents.request_id"])
    with ledger.read() as connection:
        return connection.execute(query).first() is not None
