"""A report as JSON: money as decimal text, instants as RFC 3339, nothing neutralised."""

import json
from typing import Any

from outlay.kernel.clock import rfc3339
from outlay.reports.table import Cell, Column, ReportTable, Unit, cell_text


def write_json(table: ReportTable) -> str:
    """Write a report as one JSON document; rows and totals are objects by column name."""
    return json.dumps(_document(table), ensure_ascii=False, indent=2)


def _document(table: ReportTable) -> dict[str, Any]:
    period = table.query.period
    return {
        "report": table.name,
        "title": table.title,
        "period": {
            "from": rfc3339(period.start_us),
            "to": rfc3339(period.end_us),
            "tz": period.zone,
            "text": str(period),
        },
        "as_of": rfc3339(table.query.as_of_us),
        "columns": [_column(column) for column in table.columns],
        "rows": [_row(table.columns, row) for row in table.rows],
        "totals": _row(table.columns, table.totals),
        "notes": list(table.notes),
    }


def _column(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "title": column.title,
        "unit": column.unit.value,
        "meaning": column.meaning,
        "additive": column.additive,
    }


def _row(columns: tuple[Column, ...], cells: tuple[Cell, ...]) -> dict[str, str | int | None]:
    pairs = zip(columns, cells, strict=True)
    return {column.name: _value(column, cell) for column, cell in pairs}


def _value(column: Column, cell: Cell) -> str | int | None:
    if cell is None or column.unit is Unit.COUNT:
        return cell
    return cell_text(column, cell)
