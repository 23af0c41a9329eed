"""Imports a file of calls: check all of it, record it in groups, publish it in one step.

Nothing of a file with a bad row is recorded unless bad rows are to be skipped; nothing that is
recorded is seen before all of it is. The same file again continues where it was interrupted.
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

GROUP_ROWS = 1_000
"""Rows in one transaction: live calls wait for the write lock no longer than a group takes."""


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
    """What an import works with.

    `on_bad` is told of each bad row; `on_check` and `on_record` of the lines done so far.
    """

    store: ImportStore
    rules: RowRules
    price: Pricer
    on_bad: Callable[[BadRow], None]
    on_check: Callable[[int], None]
    on_record: Callable[[Import], None]
    skip_bad: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """What a look at every row found: how many rows, the lines that are bad, the file's SHA-256."""

    rows: int
    bad_lines: frozenset[int]
    sha256: str


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
    """Check a file of calls, record its rows and publish them.

    Returns:
        The published import with its counts.

    Raises:
        RowsRefused: there are bad rows, and they are not to be skipped.
        FileChanged: the file is not what it was when it was checked.
        ImportInterrupted: another process imports the same file now.
        LedgerUnavailable: the ledger cannot be written; run the import again to continue it.
    """
    checked = check_calls(source, desk)
    progress = desk.store.find_unpublished(checked.sha256)
    if checked.bad_lines and not desk.skip_bad:
        _give_up(progress, RowsRefused(len(checked.bad_lines)), desk)
    if progress is None:
        progress = desk.store.begin(source.name, checked.sha256)
    fingerprint = Fingerprint()
    for lines in _grouped(_rewound(source, fingerprint), after=progress.lines_done):
        progress = _record(lines, progress, checked, desk)
        desk.on_record(progress)
    if fingerprint.hexdigest() != checked.sha256:
        _give_up(progress, FileChanged(source.name), desk)
    if progress.skipped and not desk.skip_bad:
        # Two rows of the file share an id: the check cannot see it, recording does.
        _give_up(progress, RowsRefused(progress.skipped), desk)
    return desk.store.publish(progress)


def _give_up(progress: Import | None, reason: OutlayError, desk: Desk) -> NoReturn:
    if progress is not None:
        desk.store.discard(progress.import_id)
    raise reason


def check_calls(source: CallSource, desk: Desk) -> Checked:
    """Read every row and tell `desk.on_bad` of each that cannot be imported; nothing is written."""
    fingerprint = Fingerprint()
    rows = 0
    bad_lines: set[int] = set()
    for lines in _grouped(_rewound(source, fingerprint), after=0):
        for row in _check(lines, desk):
            desk.on_bad(row)
            bad_lines.add(row.line)
        rows += len(lines)
        desk.on_check(lines[-1].number)
    return Checked(rows, frozenset(bad_lines), fingerprint.hexdigest())


def _rewound(source: CallSource, fingerprint: Fingerprint) -> Iterator[Line]:
    source.file.seek(0)
    return read_lines(fingerprint.watch(source.file), source.file_format)


def _grouped(lines: Iterator[Line], *, after: int) -> Iterator[list[Line]]:
    fresh = (line for line in lines if line.number > after)
    while group := list(islice(fresh, GROUP_ROWS)):
        yield group


def _check(lines: Sequence[Line], desk: Desk) -> list[BadRow]:
    bad: list[BadRow] = []
    rows = list(_parse(lines, desk.rules, bad.append))
    calls = [to_facts(n, row, import_id="", cost=stated_cost(row)) for n, row in rows]
    conflicts = desk.store.find_conflicts(calls)
    return sorted([*bad, *_bad_rows(conflicts, lines)], key=lambda row: row.line)


def _record(lines: Sequence[Line], progress: Import, checked: Checked, desk: Desk) -> Import:
    bad: list[BadRow] = []
    calls = [
        to_facts(number, row, import_id=progress.import_id, cost=desk.price(row))
        for number, row in _parse(lines, desk.rules, bad.append)
    ]
    done, skipped = lines[-1].number, len(bad)
    recorded = desk.store.record_group(progress, calls, lines_done=done, skipped=skipped)
    for row in _bad_rows(recorded.conflicts, lines):
        if row.line not in checked.bad_lines:
            desk.on_bad(row)
    return recorded.progress


def _parse(
    lines: Iterable[Line], rules: RowRules, on_bad: Callable[[BadRow], None]
) -> Iterator[tuple[int, CallRow]]:
    for line in lines:
        if line.row is None:
            problems = () if line.problem is None else (line.problem,)
            on_bad(BadRow(line.number, line.raw, problems))
            continue
        try:
            yield line.number, parse_call_row(line.row, rules)
        except RowRefused as refused:
            on_bad(BadRow(line.number, line.raw, refused.problems))


def _bad_rows(conflicts: Iterable[Conflict], lines: Sequence[Line]) -> list[BadRow]:
    raw = {line.number: line.raw for line in lines}
    return [
        BadRow(conflict.line, raw[conflict.line], (Problem(conflict.field, conflict.message),))
        for conflict in conflicts
    ]
