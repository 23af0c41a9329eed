"""What every check of a ledger shares: its result, its progress, and reading in short pages."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, Select, Table, func, select
from sqlalchemy.engine import RowMapping

from outlay.kernel.findings import Finding
from outlay.stores.ledger.connection import Ledger

PAGE_ROWS = 1_000
MOST_FINDINGS = 1_000
"""Findings listed per check; more are only counted."""

Progress = Callable[[str, int, int], None]
"""Told the name of a check, how many rows of it are done, and how many there are."""


@dataclass(slots=True)
class Check:
    """One check: what it looks at, how many rows it saw, what it found, what is worth knowing."""

    name: str
    progress: Progress
    total: int = 0
    rows: int = 0
    failures: int = 0
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def advance(self, rows: int) -> None:
        """Note that so many more rows have been looked at."""
        self.rows += rows
        self.progress(self.name, self.rows, max(self.total, self.rows))

    def add(self, code: str, source: str, message: str) -> None:
        """Count a finding, and keep it while there are few."""
        self.failures += 1
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(Finding(code, source, message))


def count_rows(ledger: Ledger, table: Table) -> int:
    """Count the rows of a table."""
    with ledger.read() as connection:
        return int(connection.scalar(select(func.count()).select_from(table)) or 0)


def read_pages(
    ledger: Ledger,
    query: Select[Any],
    by: Column[Any],
    check: Check,
) -> Iterator[RowMapping]:
    """Yield the rows of a query in the order of `by`, which is a unique number among its columns.

    Each page is a short transaction of its own. The rows are counted in `check`.
    """
    after = -1
    while True:
        with ledger.read() as connection:
            page = connection.execute(
                query.where(by > after).order_by(by).limit(PAGE_ROWS)
            ).mappings()
            rows = page.all()
        yield from rows
        check.advance(len(rows))
        if len(rows) < PAGE_ROWS:
            return
        after = rows[-1][by.key]
