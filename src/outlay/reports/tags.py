"""Cost per outcome by tag: what the calls that carry a value of `X-Cost-Outcome` cost."""

from sqlalchemy import Connection

from outlay.attribution.dimensions import Dimension
from outlay.reports.notes import ASIDE_COLUMNS, spend_notes
from outlay.reports.query import ReportQuery
from outlay.reports.report import Report
from outlay.reports.spend import Spend, add_up, count_sessions, count_uncounted, read_spend
from outlay.reports.table import Cell, Column, ReportTable, Unit, average_nanos

NAME = "tags"
TITLE = "Cost per outcome by tag"

COLUMNS = (
    Column("outcome", "Outcome", Unit.TEXT, "value of X-Cost-Outcome; (none) when a call has none"),
    Column("calls", "Calls", Unit.COUNT, "calls answered (2xx) or billed", additive=True),
    Column("spend_usd", "Spend", Unit.USD, "cost of the priced calls", additive=True),
    Column("cost_per_call_usd", "Cost/call", Unit.USD, "priced spend / priced calls"),
    Column("sessions", "Sessions", Unit.COUNT, "different sessions"),
    *ASIDE_COLUMNS,
)


def answer(connection: Connection, query: ReportQuery) -> ReportTable:
    """Read the outcome tags of a period, the largest spend first."""
    tags = read_spend(connection, Dimension.OUTCOME, query.period)
    total = add_up(tags, sessions=count_sessions(connection, query.period))
    return ReportTable(
        name=NAME,
        title=TITLE,
        query=query,
        columns=COLUMNS,
        rows=tuple(_cells(tag) for tag in tags),
        totals=_cells(total),
        notes=spend_notes(total, count_uncounted(connection, query.period)),
    )


def _cells(spend: Spend) -> tuple[Cell, ...]:
    return (
        spend.value,
        spend.calls,
        spend.spend_nanos,
        average_nanos(spend.spend_nanos, spend.priced_calls),
        spend.sessions,
        spend.unpriced_calls,
        spend.estimated_nanos,
    )


REPORT = Report(NAME, TITLE, "What does a call of each outcome tag cost?", COLUMNS, answer)
