"""An import of calls made elsewhere: recorded in groups, seen by nobody until all of it stands.

The calls of an import are ordinary facts (intent and usage event, ending `imported`) whose boot id
is the import's id. They count from the moment the import is published; readers leave out the calls
of imports that are not. Source: docs/adr/0017-import-and-first-reports.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from outlay.ledger.facts import Intent, UsageEvent


@dataclass(frozen=True, slots=True)
class Import:
    """An import as far as it has come.

    Attributes:
        source: the name of the file, for people.
        sha256: of the file's bytes; the same file continues an import that was interrupted.
        lines_done: every line up to this number is recorded, was there before, or was skipped.
        recorded / already_there / skipped: rows, by what became of them.
        unpriced: recorded rows without a price; they are not part of `spend_nanos`.
    """

    import_id: str
    source: str
    sha256: str
    started_at_us: int
    lines_done: int = 0
    recorded: int = 0
    already_there: int = 0
    skipped: int = 0
    unpriced: int = 0
    spend_nanos: int = 0
    published_at_us: int | None = None


@dataclass(frozen=True, slots=True)
class ImportedCall:
    """One row as facts, and the line that it came from."""

    line: int
    intent: Intent
    event: UsageEvent


@dataclass(frozen=True, slots=True)
class Conflict:
    """A row whose id already stands for another call: the line, and the field that differs."""

    line: int
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class GroupRecorded:
    """How far the import is after a group, and the rows of the group that were left out."""

    progress: Import
    conflicts: tuple[Conflict, ...]


class ImportStore(Protocol):
    """Records imports, so that an interrupted one can go on and a failed one leaves no trace."""

    def find_unpublished(self, sha256: str) -> Import | None:
        """Return the import of the same file that was interrupted, or None."""
        ...

    def begin(self, source: str, sha256: str) -> Import:
        """Open a new import of a file."""
        ...

    def find_conflicts(self, calls: Sequence[ImportedCall]) -> tuple[Conflict, ...]:
        """Return the rows whose id already stands for another call; nothing is written."""
        ...

    def record_group(
        self, progress: Import, calls: Sequence[ImportedCall], *, lines_done: int, skipped: int
    ) -> GroupRecorded:
        """Record a group of rows and how far the import has come, in one transaction.

        A row whose id stands for the same call already is counted, not recorded again; one whose id
        stands for another call is returned as a conflict and counted as skipped.

        Args:
            progress: as the call before returned it.
            calls: the rows to record.
            lines_done: the last line that this group covers.
            skipped: how many rows of the group are not in `calls` since they are bad.

        Raises:
            ImportInterrupted: somebody else is importing the same file at the same time.
            LedgerUnavailable: nothing of the group was recorded.
        """
        ...

    def publish(self, progress: Import) -> Import:
        """Let the import's calls count from now on, all at once."""
        ...

    def discard(self, import_id: str) -> int:
        """Remove an import that was never published with its calls; return how many there were.

        Raises:
            ImportNotFound: there is none, or it is published and therefore stays.
        """
        ...
