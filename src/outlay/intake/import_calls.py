"""Imports a file of calls: record its rows in groups that nobody sees, then publish all of them.

A bad row ends the recording, unless bad rows are to be skipped: the rest is only checked, so that
everything wrong with the file is told, and what was recorded is removed again. The same file
continues where it was interrupted.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, NoReturn

from outlay.intake.call_facts import Pricer, stated_cost, to_facts
from outlay.intake.call_file import Fingerprint, Format, Line, read_lines
from outlay.intake.call_row import CallRow, RowRefused, RowRules, parse_call_row
from outlay.intake.problems import Problem
from outlay.kernel.errors import Category, OutlayError
from outlay.ledger.imports import Conflict, Import, ImportStore

Row = tuple[int, CallRow]
"""A row that can be imported, and its line."""

GROUP_ROWS = 500
"""Rows in one transaction. Live calls wait for the write lock as long as a group takes: some 20 ms,
and 71 ms on a machine with three times the work it can do (measured; 2,000 rows: 181 ms)."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be imported: where it stands, its bytes (empty when unknown), and why."""

    line: int
    raw: bytes
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class CallSource:
    """A file of calls: its name for people, its bytes (seekable, read twice), its format."""

    name: str
    file: BinaryIO
    file_format: Format


@dataclass(frozen=True, slots=True)
class Desk:
    """What an import works with; `on_bad` is told of each bad row, `on_progress` of each group."""

    store: ImportStore
    rules: RowRules
    price: Pricer
    on_bad: Callable[[BadRow], None]
    on_progress: Callable[["Progress"], None]
    skip_bad: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: the last line it has seen, of how many, and the import as recorded."""

    line: int
    lines: int
    recorded: Import


class RowsRefused(OutlayError):
    """Rows of the file are bad and none were to be skipped; nothing has been imported."""

    code = "import.rows_refused"
    category = Category.INVALID

    def __init__(self, bad_rows: int) -> None:
        """Say how many rows are bad."""
        super().__init__(
            f"{bad_rows} bad row{'s' if bad_rows != 1 else ''}: nothing has been imported. "
            "Correct them, or import the others with --skip-bad"
        )


class FileChanged(OutlayError):
    """The file was written to while it was imported; nothing has been imported."""

    code = "import.file_changed"
    category = Category.CONFLICT

    def __init__(self, name: str) -> None:
        """Name the file."""
        super().__init__(f"{name} changed while it was read: nothing has been imported; try again")


def import_calls(source: CallSource, desk: Desk) -> Import:
    """Record the rows of a file and publish them.

    Returns:
        The published import with its counts.

    Raises:
        RowsRefused: there are bad rows, and they are not to be skipped.
        FileChanged: the file was written to while it was read.
        ImportInterrupted: another process imports the same file now.
        LedgerUnavailable: the ledger cannot be written; run the import again to continue it.
    """
    known = _look_at(source)
    begun = desk.store.find_unpublished(known.sha256)
    run = _Run(desk, known.lines, begun or desk.store.begin(source.name, known.sha256))
    fingerprint = Fingerprint()
    for lines in _grouped(read_lines(_from_start(source, fingerprint), source.file_format)):
        run.take(lines)
    if fingerprint.hexdigest() != known.sha256:
        run.give_up(FileChanged(source.name))
    if run.bad_rows and not desk.skip_bad:
        run.give_up(RowsRefused(run.bad_rows))
    return desk.store.publish(run.recorded)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a file before any row is read."""

    sha256: str
    lines: int


def _look_at(source: CallSource) -> _Known:
    fingerprint = Fingerprint()
    lines = sum(1 for _ in _from_start(source, fingerprint))
    return _Known(fingerprint.hexdigest(), lines)


def _from_start(source: CallSource, fingerprint: Fingerprint) -> Iterator[bytes]:
    source.file.seek(0)
    return fingerprint.watch(source.file)


def _grouped(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while group := list(islice(lines, GROUP_ROWS)):
        yield group


class _Run:
    """One run over a file: what it has recorded, and how many rows are bad."""

    def __init__(self, desk: Desk, lines: int, begun: Import) -> None:
        self.desk = desk
        self.lines = lines
        self.begun = begun
        self.recorded = begun
        self.bad_rows = 0

    def take(self, lines: Sequence[Line]) -> None:
        """Record a group, or only look at it when it is recorded or nothing is to be any more."""
        fresh = [line for line in lines if line.number > self.begun.lines_done]
        if len(fresh) < len(lines) and self.begun.skipped:
            self._check([line for line in lines if line.number <= self.begun.lines_done])
        if fresh and self.bad_rows and not self.desk.skip_bad:
            self._check(fresh)
        elif fresh:
            self._record(fresh)
        self.desk.on_progress(Progress(lines[-1].number, self.lines, self.recorded))

    def give_up(self, reason: OutlayError) -> NoReturn:
        """Remove what is recorded, and say why."""
        self.desk.store.discard(self.recorded.import_id)
        raise reason

    def _record(self, lines: Sequence[Line]) -> None:
        rows, bad = _parse(lines, self.desk.rules)
        if bad and not self.desk.skip_bad:
            self._tell([*bad, *self._conflicts(rows, lines)])
            return
        calls = [
            to_facts(line, row, import_id=self.recorded.import_id, cost=self.desk.price(row))
            for line, row in rows
        ]
        group = self.desk.store.record_group(
            self.recorded, calls, lines_done=lines[-1].number, skipped=len(bad)
        )
        self.recorded = group.progress
        self._tell([*bad, *_bad_rows(group.conflicts, lines)])

    def _check(self, lines: Sequence[Line]) -> None:
        rows, bad = _parse(lines, self.desk.rules)
        self._tell([*bad, *self._conflicts(rows, lines)])

    def _conflicts(self, rows: Sequence[Row], lines: Sequence[Line]) -> list[BadRow]:
        calls = [to_facts(line, row, import_id="", cost=stated_cost(row)) for line, row in rows]
        return _bad_rows(self.desk.store.find_conflicts(calls), lines)

    def _tell(self, bad: Sequence[BadRow]) -> None:
        self.bad_rows += len(bad)
        for row in sorted(bad, key=lambda row: row.line):
            self.desk.on_bad(row)


def _parse(lines: Iterable[Line], rules: RowRules) -> tuple[list[Row], list[BadRow]]:
    rows: list[Row] = []
    bad: list[BadRow] = []
    for line in lines:
        if line.row is None:
            problems = () if line.problem is None else (line.problem,)
            bad.append(BadRow(line.number, line.raw, problems))
            continue
        try:
            rows.append((line.number, parse_call_row(line.row, rules)))
        except RowRefused as refused:
            bad.append(BadRow(line.number, line.raw, refused.problems))
    return rows, bad


def _bad_rows(conflicts: Iterable[Conflict], lines: Sequence[Line]) -> list[BadRow]:
    raw = {line.number: line.raw for line in lines}
    return [
        BadRow(conflict.line, raw[conflict.line], (Problem(conflict.field, conflict.message),))
        for conflict in conflicts
    ]
