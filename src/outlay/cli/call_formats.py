"""Calls written out: a table for people; JSON lines, JSON and CSV for programs and spreadsheets."""

import csv
import json
import sys
from collections.abc import Iterable
from datetime import tzinfo
from typing import Any, Literal, Protocol

import msgspec
from sqlalchemy import RowMapping

from outlay.cli.call_lines import CallLines
from outlay.cli.price_tables import open_console
from outlay.cli.shown import counted
from outlay.reports.calls import CALL_FIELDS, call_fields
from outlay.reports.exports.csv import neutralised

Format = Literal["table", "jsonl", "json", "csv"]


class CallWriter(Protocol):
    """Writes calls to standard output, as many times as there are some, then ends."""

    def write(self, rows: Iterable[RowMapping]) -> None:
        """Write calls and let them out at once."""
        ...

    def end(self) -> None:
        """Write what follows the last call."""
        ...


def call_writer(format_: Format, zone: tzinfo | None) -> CallWriter:
    """Choose the writer of a format; `zone` is for tables, None is the machine's own."""
    match format_:
        case "table":
            return _TableWriter(zone)
        case "jsonl":
            return _JsonLinesWriter()
        case "json":
            return _JsonWriter()
        case "csv":
            return _CsvWriter()


class _TableWriter:
    def __init__(self, zone: tzinfo | None) -> None:
        self._console = open_console()
        self._lines = CallLines(self._console, zone)
        self._lines.write_head()
        self._zone = "local time" if zone is None else str(zone)
        self._count = 0

    def write(self, rows: Iterable[RowMapping]) -> None:
        for row in rows:
            self._lines.write(row)
            self._count += 1

    def end(self) -> None:
        told = (counted(self._count, "call"), "newest last", self._zone)
        legend = "~ estimated usage, ± corrected"
        self._console.print("; ".join((*told, legend)), style="dim", highlight=False)


class _JsonLinesWriter:
    def write(self, rows: Iterable[RowMapping]) -> None:
        encode, out = msgspec.json.Encoder().encode, sys.stdout.buffer
        for row in rows:
            out.write(encode(call_fields(row)) + b"\n")
        out.flush()

    def end(self) -> None:
        pass


class _JsonWriter:
    def __init__(self) -> None:
        self._before = "[\n"

    def write(self, rows: Iterable[RowMapping]) -> None:
        for row in rows:
            sys.stdout.write(self._before + json.dumps(call_fields(row), ensure_ascii=False))
            self._before = ",\n"

    def end(self) -> None:
        sys.stdout.write("[]\n" if self._before == "[\n" else "\n]\n")


class _CsvWriter:
    """One row to a call; lists and objects are JSON in a cell, text that runs is neutralised."""

    def __init__(self) -> None:
        self._writer = csv.writer(sys.stdout)
        self._writer.writerow(CALL_FIELDS)

    def write(self, rows: Iterable[RowMapping]) -> None:
        for row in rows:
            self._writer.writerow(_csv_cell(value) for value in call_fields(row).values())
        sys.stdout.flush()

    def end(self) -> None:
        pass


def _csv_cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool | dict | list):
        return json.dumps(value, ensure_ascii=False)
    return neutralised(value) if isinstance(value, str) else value
