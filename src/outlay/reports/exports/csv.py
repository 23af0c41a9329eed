"""A report as CSV for people and their spreadsheets: exact figures, formula cells neutralised.

The header row and the rows come first; after an empty line follow the total, the period and the
notes, each line marked with `# ` so that a reader of rows can leave them out.
"""

import csv
import io
from collections.abc import Iterator

from outlay.kernel.clock import rfc3339
from outlay.reports.table import Cell, Column, ReportTable, Unit, cell_text

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""First characters that make a spreadsheet run a text cell (CWE-1236)."""


def write_csv(table: ReportTable) -> str:
    """Write a report as CSV (RFC 4180, CRLF)."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(column.name for column in table.columns)
    writer.writerows(_cells(table.columns, row) for row in table.rows)
    writer.writerow(())
    writer.writerows(_footer(table))
    return text.getvalue()


def neutralised(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run as a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _footer(table: ReportTable) -> Iterator[list[str]]:
    yield ["# total", *_cells(table.columns, table.totals)[1:]]
    yield ["# report", table.title]
    yield ["# period", str(table.query.period)]
    yield ["# as of", rfc3339(table.query.as_of_us)]
    for note in table.notes:
        yield ["# note", neutralised(note)]


def _cells(columns: tuple[Column, ...], cells: tuple[Cell, ...]) -> list[str]:
    return [_cell(column, cell) for column, cell in zip(columns, cells, strict=True)]


def _cell(column: Column, cell: Cell) -> str:
    text = cell_text(column, cell)
    return neutralised(text) if column.unit is Unit.TEXT else text
