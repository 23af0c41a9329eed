"""A report's answer: columns that say what they mean, rows, totals, and notes beside them."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from outlay.kernel.clock import rfc3339
from outlay.kernel.money import usd_text
from outlay.reports.query import ReportQuery

NONE_TEXT = "(none)"
"""How the row of calls without a value is named for people; machines read null."""


class Unit(StrEnum):
    """What a column's cells are."""

    TEXT = "text"
    COUNT = "count"
    USD = "usd"
    INSTANT = "instant"


Cell = str | int | None
"""Text, a count, nano-USD, or microseconds since the epoch, by the column's unit.

None is *(none)* in a text column; elsewhere a figure that does not exist (an average of nothing).
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name in SQL, API and screen, its unit, its meaning, and if rows add up.

    One that `is_aside` qualifies the others; a screen leaves it out when its total is zero.
    """

    name: str
    title: str
    unit: Unit
    meaning: str
    additive: bool = False
    is_aside: bool = False


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A report, answered.

    `totals` has a cell for each column; those of columns that are not additive are recomputed over
    all calls, never added up. `notes` say in words what the figures leave out.
    """

    name: str
    title: str
    query: ReportQuery
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    totals: tuple[Cell, ...]
    notes: tuple[str, ...] = ()


def average_nanos(total_nanos: int, count: int) -> int | None:
    """Divide spend by a count, rounded once, half to even, to a nano-USD; None without a count."""
    return round(Fraction(total_nanos, count)) if count else None


def cell_text(column: Column, cell: Cell) -> str:
    """Write a cell exactly: money as decimal USD, instants as RFC 3339, text as recorded.

    None is *(none)* in a text column and empty elsewhere.
    """
    if cell is None:
        return NONE_TEXT if column.unit is Unit.TEXT else ""
    if column.unit is Unit.USD:
        return usd_text(int(cell))
    if column.unit is Unit.INSTANT:
        return rfc3339(int(cell))
    return str(cell)
