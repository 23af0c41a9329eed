"""Spend, calls and sessions by the values of a dimension, read from the ledger.

What counts (product.md 5, 6): a call is counted when it was answered (2xx) or billed. Its cost is
that of its newest correction, else the likely cost when it was settled at its bound, else the cost
of its event; a call without one is unpriced and no part of any sum. Calls of an unpublished import
do not exist yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, distinct, func, or_, select
from sqlalchemy.sql import Subquery

from outlay.attribution.dimensions import Dimension
from outlay.kernel.periods import Period
from outlay.ledger.facts import Ending
from outlay.stores.ledger.present_calls import (
    all_calls,
    ended_calls,
    is_corrected,
    is_published,
    present,
    present_cost_nanos,
    present_status,
)
from outlay.stores.ledger.schema import intents, usage_events
from outlay.usage.usage import UsageSource


@dataclass(frozen=True, slots=True)
class Spend:
    """What the counted calls of one value of a dimension add up to; None is no value.

    `spend_nanos` leaves out the `unpriced_calls` among `calls`; `estimated_nanos` is the part of it
    that rests on estimated usage. `sessions` counts different ones.
    """

    value: str | None
    calls: int
    unpriced_calls: int
    spend_nanos: int
    estimated_nanos: int
    sessions: int

    @property
    def priced_calls(self) -> int:
        """How many calls an average is made of."""
        return self.calls - self.unpriced_calls


@dataclass(frozen=True, slots=True)
class Uncounted:
    """Calls that no row shows: still open, or ended without an answer and without cost."""

    open_calls: int
    unbilled_calls: int


def read_spend(connection: Connection, dimension: Dimension, period: Period) -> list[Spend]:
    """Add up a period by the values of a dimension, the largest spend first, ties by value."""
    calls = _calls(period)
    value = calls.c[dimension.value]
    query = select(value, *_sums(calls)).where(calls.c.counted).group_by(value)
    rows = [_to_spend(row) for row in connection.execute(query)]
    return sorted(rows, key=lambda row: (-row.spend_nanos, row.value is None, row.value))


def add_up(rows: Sequence[Spend], *, sessions: int) -> Spend:
    """Add up rows; sessions are no sum, since two values may share one."""
    return Spend(
        value=None,
        calls=sum(row.calls for row in rows),
        unpriced_calls=sum(row.unpriced_calls for row in rows),
        spend_nanos=sum(row.spend_nanos for row in rows),
        estimated_nanos=sum(row.estimated_nanos for row in rows),
        sessions=sessions,
    )


def count_sessions(connection: Connection, period: Period) -> int:
    """Count the different sessions with a counted call in a period."""
    calls = _calls(period)
    query = select(func.count(distinct(calls.c.session))).where(calls.c.counted)
    return int(connection.scalar(query) or 0)


def read_last_calls(connection: Connection, dimension: Dimension) -> dict[str | None, int]:
    """Find the newest counted call of all time for each value of a dimension."""
    calls = _calls(None)
    value = calls.c[dimension.value]
    query = select(value, func.max(calls.c.requested_at_us)).where(calls.c.counted).group_by(value)
    return {row[0]: row[1] for row in connection.execute(query)}


def count_uncounted(connection: Connection, period: Period) -> Uncounted:
    """Count the calls of a period that no row shows."""
    calls = _calls(period)
    unbilled = select(func.count()).select_from(calls).where(~calls.c.counted)
    still_open = (
        select(func.count())
        .select_from(all_calls())
        .where(usage_events.c.seq.is_(None), *_within(period))
    )
    return Uncounted(connection.scalar(still_open) or 0, connection.scalar(unbilled) or 0)


def _calls(period: Period | None) -> Subquery:
    """Select one row for each call that ended: what it is attributed to and what it cost."""
    cost = present_cost_nanos()
    swept = and_(~is_corrected(), usage_events.c.ending == Ending.SWEPT.value)
    estimated = or_(present("usage_source") == UsageSource.ESTIMATED.value, swept)
    answered = func.coalesce(present_status(), 0).between(200, 299)
    query = select(
        *[intents.c[dimension.value] for dimension in Dimension],
        intents.c.requested_at_us,
        cost.label("cost_nanos"),
        estimated.label("estimated"),
        or_(answered, cost.is_(None), cost != 0).label("counted"),
    ).select_from(ended_calls())
    within = () if period is None else _within(period)
    return query.where(is_published(), *within).subquery()


def _within(period: Period) -> tuple[ColumnElement[bool], ...]:
    at = intents.c.requested_at_us
    return at >= period.start_us, at < period.end_us


def _sums(calls: Subquery) -> tuple[ColumnElement[Any], ...]:
    cost = calls.c.cost_nanos
    return (
        func.count(),
        func.sum(case((cost.is_(None), 1), else_=0)),
        func.coalesce(func.sum(cost), 0),
        func.coalesce(func.sum(case((calls.c.estimated, cost), else_=0)), 0),
        func.count(distinct(calls.c.session)),
    )


def _to_spend(row: Any) -> Spend:
    value, calls, unpriced, spend, estimated, sessions = row
    # PostgreSQL adds bigints up to a numeric, which arrives as a whole Decimal.
    return Spend(value, calls, int(unpriced), int(spend), int(estimated), sessions)
