"""What a report is: a name, the question it answers, its columns, and how it reads the answer."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from outlay.reports.query import ReportQuery
from outlay.reports.table import Column, ReportTable


@dataclass(frozen=True, slots=True)
class Report:
    """A report. `answer` reads one consistent view of the ledger."""

    name: str
    title: str
    question: str
    columns: tuple[Column, ...]
    answer: Callable[[Connection, ReportQuery], ReportTable]
