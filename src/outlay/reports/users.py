"""Spend per user: who spends how much, in how many calls and sessions, and who is still active."""

from sqlalchemy import Connection

from outlay.attribution.dimensions import Dimension
from outlay.reports.notes import ASIDE_COLUMNS, spend_notes
from outlay.reports.query import ReportQuery
from outlay.reports.report import Report
from outlay.reports.spend import (
    Spend,
    add_up,
    count_sessions,
    count_uncounted,
    read_last_calls,
    read_spend,
)
from outlay.reports.table import Cell, Column, ReportTable, Unit, average_nanos

NAME = "users"
TITLE = "Spend per user"

COLUMNS = (
    Column("user", "User", Unit.TEXT, "value of X-Cost-User; (none) when a call has no user"),
    Column("total_spend_usd", "Total spend", Unit.USD, "cost of the priced calls", additive=True),
    Column("calls", "Calls", Unit.COUNT, "calls answered (2xx) or billed", additive=True),
    Column("avg_cost_per_call_usd", "Avg cost/call", Unit.USD, "priced spend / priced calls"),
    Column("sessions", "Sessions", Unit.COUNT, "different sessions"),
    Column("last_active", "Last active", Unit.INSTANT, "newest call of all time"),
    *ASIDE_COLUMNS,
)


def answer(connection: Connection, query: ReportQuery) -> ReportTable:
    """Read the users of a period, the largest spend first."""
    users = read_spend(connection, Dimension.USER, query.period)
    last_calls = read_last_calls(connection, Dimension.USER)
    total = add_up(users, sessions=count_sessions(connection, query.period))
    last_of_all = max((last_calls[user.value] for user in users), default=None)
    return ReportTable(
        name=NAME,
        title=TITLE,
        query=query,
        columns=COLUMNS,
        rows=tuple(_cells(user, last_calls[user.value]) for user in users),
        totals=_cells(total, last_of_all),
        notes=spend_notes(total, count_uncounted(connection, query.period)),
    )


def _cells(spend: Spend, last_call_us: int | None) -> tuple[Cell, ...]:
    return (
        spend.value,
        spend.spend_nanos,
        spend.calls,
        average_nanos(spend.spend_nanos, spend.priced_calls),
        spend.sessions,
        last_call_us,
        spend.unpriced_calls,
        spend.estimated_nanos,
    )


REPORT = Report(NAME, TITLE, "Who spends how much?", COLUMNS, answer)
