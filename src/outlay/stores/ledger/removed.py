"""Notes which rows were removed on purpose, so that any other gap in a sequence is a finding."""

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, Table, insert, select

from outlay.stores.ledger.schema import removed

Span = tuple[int, int]
"""First and last sequence number, both included."""


def note_removed(
    connection: Connection, table: Table, seqs: Iterable[int], *, at_us: int, reason: str
) -> None:
    """Note in the transaction that removes them which rows of a table go, and why."""
    rows = [
        {
            "table_name": table.name,
            "first_seq": first,
            "last_seq": last,
            "removed_at_us": at_us,
            "reason": reason,
        }
        for first, last in _spans(seqs)
    ]
    if rows:
        connection.execute(insert(removed), rows)


def read_removed(connection: Connection, table: Table) -> list[Span]:
    """Return the spans of a table that were removed, in order."""
    query = select(removed.c.first_seq, removed.c.last_seq).where(
        removed.c.table_name == table.name
    )
    rows = connection.execute(query.order_by(removed.c.first_seq))
    return [(row.first_seq, row.last_seq) for row in rows]


def _spans(seqs: Iterable[int]) -> Iterator[Span]:
    """Join numbers that follow one another."""
    first = last = None
    for seq in sorted(seqs):
        if first is None or last is None:
            first = last = seq
        elif seq == last + 1:
            last = seq
        else:
            yield first, last
            first = last = seq
    if first is not None and last is not None:
        yield first, last
