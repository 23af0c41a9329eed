"""Calls as lines of a terminal: as many columns as fit, money to the right, tokens masked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text
from sqlalchemy import RowMapping

from outlay.cli.shown import shown_instant, shown_usd
from outlay.identity.credential_shapes import mask
from outlay.ledger.facts import Ending
from outlay.reports.calls import OPEN
from outlay.usage.usage import UsageSource

_GAP = "  "
_QUIET_ENDINGS = (Ending.COMPLETE.value, Ending.IMPORTED.value)
_FIRST_ERROR_STATUS = 400

Cell = tuple[str, str]
"""A text and its style."""


@dataclass(frozen=True, slots=True)
class CallColumn:
    """A column: its width in cells, and its rank: when there is no room, high ranks go first."""

    title: str
    width: int
    rank: int
    show: Callable[[RowMapping, tzinfo | None], Cell]
    is_number: bool = False


class CallLines:
    """Writes calls below each other; columns keep their width from page to page."""

    def __init__(self, console: Console, zone: tzinfo | None) -> None:
        """Choose the columns that fit the console; None is the machine's own zone."""
        self._console = console
        self._zone = zone
        self._columns = _fitting(console.width)
        self._is_cut = console.is_terminal

    def write_head(self) -> None:
        """Write the titles."""
        self._write([(column.title, "bold") for column in self._columns])

    def write(self, row: RowMapping) -> None:
        """Write one call."""
        self._write([column.show(row, self._zone) for column in self._columns])

    def _write(self, cells: Sequence[Cell]) -> None:
        line = Text()
        for column, (text, style) in zip(self._columns, cells, strict=True):
            line.append(self._sized(text, column), style=style)
            line.append(_GAP)
        line.rstrip()
        self._console.print(line, soft_wrap=True)

    def _sized(self, text: str, column: CallColumn) -> str:
        missing = column.width - cell_len(text)
        if missing < 0 and self._is_cut and not column.is_number:
            return set_cell_size(text, column.width - 1) + "…"
        return " " * missing + text if column.is_number else text + " " * missing


def _fitting(width: int) -> list[CallColumn]:
    """Choose the columns of the best ranks that fit side by side."""
    room, chosen = width + len(_GAP), []
    for column in sorted(_COLUMNS, key=lambda column: column.rank):
        if column.width + len(_GAP) <= room:
            room -= column.width + len(_GAP)
            chosen.append(column)
    return [column for column in _COLUMNS if column in chosen]


def _text(name: str) -> Callable[[RowMapping, tzinfo | None], Cell]:
    return lambda row, _: (mask(row[name] or ""), "")


def _count(name: str) -> Callable[[RowMapping, tzinfo | None], Cell]:
    return lambda row, _: ("" if row[name] is None else f"{row[name]:,}", "")


def _at(row: RowMapping, zone: tzinfo | None) -> Cell:
    return shown_instant(row["requested_at_us"], zone), "dim"


def _model(row: RowMapping, _zone: tzinfo | None) -> Cell:
    return mask(row["model_served"] or row["model_requested"] or row["operation"]), "cyan"


def _cost(row: RowMapping, _zone: tzinfo | None) -> Cell:
    if row["ending"] is None:
        return "open", "dim"
    if row["cost_nanos"] is None:
        return "unpriced", "yellow"
    is_estimated = row["usage_source"] == UsageSource.ESTIMATED.value
    marks = ("~" if is_estimated else "") + ("±" if row["corrected"] else "")
    return marks + shown_usd(row["cost_nanos"]), "bold"


def _status(row: RowMapping, _zone: tzinfo | None) -> Cell:
    status = row["status"]
    if status is None:
        return "–", "dim"
    return str(status), "red" if status >= _FIRST_ERROR_STATUS else "green"


def _ending(row: RowMapping, _zone: tzinfo | None) -> Cell:
    ending = row["ending"] or OPEN
    return ("" if ending in _QUIET_ENDINGS else ending.replace("_", " ")), "yellow"


def _duration(row: RowMapping, _zone: tzinfo | None) -> Cell:
    latency_us = row["latency_us"]
    return "" if latency_us is None else f"{latency_us // 1000:,} ms", "dim"


_COLUMNS = (
    CallColumn("at", 19, 1, _at),
    CallColumn("request", 30, 10, _text("request_id")),
    CallColumn("provider", 10, 11, _text("provider")),
    CallColumn("model", 20, 3, _model),
    CallColumn("department", 14, 14, _text("department")),
    CallColumn("feature", 14, 5, _text("feature")),
    CallColumn("user", 14, 6, _text("user")),
    CallColumn("session", 16, 12, _text("session")),
    CallColumn("outcome", 16, 13, _text("outcome")),
    CallColumn("input", 9, 7, _count("input_tokens"), is_number=True),
    CallColumn("output", 7, 8, _count("output_tokens"), is_number=True),
    CallColumn("cost (USD)", 12, 2, _cost, is_number=True),
    CallColumn("status", 6, 4, _status, is_number=True),
    CallColumn("latency", 10, 15, _duration, is_number=True),
    CallColumn("ending", 14, 9, _ending),
)
