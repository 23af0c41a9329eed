"""Checks what is not about single calls: the file, sequences, the audit chain, quarantine."""

from sqlalchemy import Table, func, select, text

from outlay.stores.ledger.audit import AuditTrail
from outlay.stores.ledger.checks import Check, Progress, count_rows, read_pages
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.removed import Span, read_removed
from outlay.stores.ledger.schema import FACTS, audit_log, quarantine


def check_file(ledger: Ledger, progress: Progress) -> Check:
    """Let SQLite check its own pages and references; PostgreSQL has pg_amcheck for that."""
    check = Check("file", progress, total=1)
    if not ledger.is_sqlite:
        check.notes.append("left to PostgreSQL (pg_amcheck)")
        return check
    check.advance(0)
    with ledger.read() as connection:
        for (message,) in connection.execute(text("PRAGMA quick_check(100)")):
            if message != "ok":
                check.add("damaged_file", str(ledger.path), message)
        for table, rowid, parent, _ in connection.execute(text("PRAGMA foreign_key_check")):
            check.add("orphan", f"{table} {rowid}", f"it refers to a row that {parent} has not")
    check.advance(1)
    return check


def check_sequences(ledger: Ledger, progress: Progress) -> Check:
    """Check that no row has vanished: numbers are missing only where rows were removed."""
    total = sum(count_rows(ledger, table) for table in FACTS)
    check = Check("sequences", progress, total)
    for table in FACTS:
        missing = _gaps(ledger, table, check)
        if not ledger.is_sqlite and missing:
            numbers = sum(last - first + 1 for first, last in missing)
            check.notes.append(f"{table.name}: {numbers} numbers unused (transactions undone)")
            continue
        for first, last in missing:
            check.add("rows_missing", f"{table.name} {first}-{last}", "these rows have vanished")
    return check


def check_audit(ledger: Ledger, progress: Progress, audit: AuditTrail | None) -> Check:
    """Check the chain of the audit log."""
    check = Check("audit log", progress, count_rows(ledger, audit_log))
    if audit is None:
        check.notes.append("chain not checked: no master key")
        return check
    with ledger.read() as connection:
        for finding in audit.find_breaks(connection):
            check.add(finding.code, finding.source, finding.message)
    check.advance(check.total)
    return check


def check_quarantine(ledger: Ledger, progress: Progress) -> Check:
    """Name each fact that could not be recorded."""
    check = Check("quarantine", progress)
    query = select(quarantine)
    for row in read_pages(ledger, query, quarantine.c.seq, check):
        where = f"quarantine {row['seq']}"
        check.add("quarantined", where, f"{row['kind']} of {row['request_id']}: {row['reason']}")
    return check


def _gaps(ledger: Ledger, table: Table, check: Check) -> list[Span]:
    """Return the spans of numbers that neither stand nor were removed on purpose."""
    newest = _newest_seq(ledger, table)
    expected, gaps = 1, []
    for row in read_pages(ledger, select(table.c.seq), table.c.seq, check):
        if row["seq"] > expected:
            gaps.append((expected, row["seq"] - 1))
        expected = row["seq"] + 1
    if newest >= expected:
        gaps.append((expected, newest))
    with ledger.read() as connection:
        removed = read_removed(connection, table)
    return [left for gap in gaps for left in _without(gap, removed)]


def _newest_seq(ledger: Ledger, table: Table) -> int:
    """Return the highest number ever given, also if its row is gone."""
    with ledger.read() as connection:
        if not ledger.is_sqlite:
            return int(connection.scalar(select(func.max(table.c.seq))) or 0)
        query = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        return int(connection.scalar(query, {"name": table.name}) or 0)


def _without(gap: Span, removed: list[Span]) -> list[Span]:
    """Cut what was removed on purpose out of a gap."""
    first, last = gap
    left = []
    for start, end in removed:
        if end < first or start > last:
            continue
        if start > first:
            left.append((first, start - 1))
        first = end + 1
    return [*left, (first, last)] if first <= last else left
