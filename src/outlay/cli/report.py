"""`outlay report`: a report as a table, JSON or CSV.

Reads the ledger itself, whether `outlay serve` runs or not.
"""

import sys
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from outlay.cli.opening import DataDir, opened_ledger
from outlay.cli.price_tables import open_console
from outlay.cli.shown import shown_instant, shown_usd
from outlay.identity.credential_shapes import mask
from outlay.kernel.errors import Category, OutlayError
from outlay.kernel.periods import Period, read_period, read_zone
from outlay.reports.exports.csv import write_csv
from outlay.reports.exports.json import write_json
from outlay.reports.query import ReportQuery
from outlay.reports.registry import REPORTS, get_report
from outlay.reports.table import NONE_TEXT, Cell, Column, ReportTable, Unit

app = App(name="report", help="Answer a question from the recorded calls.")

_TEXT_CELLS = 12
"""Text columns are not squeezed below this."""
_PADDING_CELLS = 3
"""What rich puts between two columns."""

Format = Literal["table", "json", "csv"]


class PeriodRefused(OutlayError):
    """The period that was asked for cannot be understood."""

    code = "report.period_invalid"
    category = Category.INVALID


@app.default
def report(
    name: str | None = None,
    *,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    to: str | None = None,
    tz: str = "UTC",
    format_: Annotated[Format, Parameter(name="--format")] = "table",
    data_dir: DataDir = None,
) -> None:
    """Print a report; without a name, the reports there are.

    Parameters
    ----------
    name:
        Which report: users, tags.
    from_:
        First date or instant of the period; 30 days before its end by default.
    to:
        End of the period, a date or instant that is no part of it any more; now by default.
    tz:
        Time zone that dates are read in (Europe/Berlin).
    format_:
        table (rounded for the eye), json (exact) or csv (exact, for spreadsheets).
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    if name is None:
        _print_reports()
        return
    chosen = get_report(name)
    with opened_ledger(data_dir) as opened:
        now_us = opened.ledger.clock.now_us()
        query = ReportQuery(_read_period(from_, to, tz, now_us), now_us)
        with opened.ledger.read() as connection:
            table = chosen.answer(connection, query)
    _print(table, format_)


def _read_period(from_: str | None, to: str | None, tz: str, now_us: int) -> Period:
    try:
        return read_period(from_, to, tz, now_us)
    except ValueError as error:
        raise PeriodRefused(
            f"{error}; write --from 2026-11-01 --to 2026-12-01 (a date, or an instant with its "
            "offset; --to is the first moment after the period)"
        ) from error


def _print_reports() -> None:
    table = Table("report", "question", box=None, header_style="bold", pad_edge=False)
    for one in REPORTS:
        table.add_row(one.name, one.question)
    open_console().print(table)


def _print(table: ReportTable, format_: Format) -> None:
    match format_:
        case "json":
            print(write_json(table))
        case "csv":
            sys.stdout.write(write_csv(table))
        case "table":
            _print_table(table, open_console())


def _print_table(report: ReportTable, console: Console) -> None:
    table = Table(
        title=f"{report.title} (money in USD)",
        title_justify="left",
        box=SIMPLE_HEAD,
        header_style="bold",
        footer_style="bold",
        show_footer=True,
        pad_edge=False,
    )
    numbers = [n for n, one in enumerate(report.columns) if _is_shown(one, report.totals[n])]
    shown = [_cells_of(report, n) for n in numbers]
    for n, cells in zip(numbers, shown, strict=True):
        total = _shown(report.columns[n], report.totals[n], report) if n else Text("Total")
        _add_column(table, report.columns[n], total, cells)
    for row in zip(*shown, strict=True):
        table.add_row(*row)
    narrowest = sum((column.min_width or 0) + _PADDING_CELLS for column in table.columns)
    console.width = max(console.width, narrowest)  # else rich would squeeze columns to nothing
    console.print(table, crop=False)
    for line in (f"period {report.query.period}", *report.notes):
        console.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)


def _cells_of(report: ReportTable, n: int) -> list[Text]:
    return [_shown(report.columns[n], row[n], report) for row in report.rows]


def _add_column(table: Table, column: Column, total: Text, cells: list[Text]) -> None:
    """Add a column; figures keep their width, only text gives way to a narrow screen."""
    is_text = column.unit is Unit.TEXT
    widest = max(cell.cell_len for cell in (Text(column.title), total, *cells))
    table.add_column(
        column.title,
        footer=total,
        justify="left" if is_text else "right",
        no_wrap=not is_text,
        min_width=min(widest, _TEXT_CELLS) if is_text else widest,
        overflow="fold",
    )


def _is_shown(column: Column, total: Cell) -> bool:
    return bool(total) or not column.is_aside


def _shown(column: Column, cell: Cell, report: ReportTable) -> Text:
    if cell is None:
        return Text(NONE_TEXT if column.unit is Unit.TEXT else "–", style="dim")
    match column.unit:
        case Unit.USD:
            return Text(shown_usd(int(cell)))
        case Unit.COUNT:
            return Text(f"{cell:,}")
        case Unit.INSTANT:
            zone = read_zone(report.query.period.zone)
            return Text(shown_instant(int(cell), zone))
        case Unit.TEXT:
            return Text(mask(str(cell)))
