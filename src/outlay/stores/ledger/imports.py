"""Imports in SQL: groups of facts with how far the import has come, hidden until it is published.

Readers leave the hidden ones out by `present_calls.is_published`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, Select, delete, select, update

from outlay.attribution.dimensions import Dimension
from outlay.kernel.errors import Category, OutlayError
from outlay.kernel.ids import RequestId, new_id
from outlay.ledger.imports import Conflict, GroupRecorded, Import, ImportedCall
from outlay.pricing.cost import CostBasis
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.present_calls import all_calls, is_published, present, present_status
from outlay.stores.ledger.removed import note_removed
from outlay.stores.ledger.rows import Row, columns_of, event_row, intent_row
from outlay.stores.ledger.schema import imports, intents, usage_events
from outlay.stores.ledger.statements import Insert
from outlay.usage.usage import UsageSource

DISCARDED_PER_TRANSACTION = 1_000
IDS_PER_QUERY = 500
"""Ids looked up in one statement; each is a parameter."""

_DISOWNED = -1
"""Where an import stands that is being discarded: a process that still records it finds out."""

_INTENT_FIELDS = ("requested_at_us", "provider", "model_served", *Dimension)
_SHOWN = {"requested_at_us": "at", "model_served": "model", "cost_nanos": "cost_usd"}
"""Columns that the file knows by another name."""


class ImportInterrupted(OutlayError):
    """Another process imports the same file now."""

    code = "import.in_progress"
    category = Category.CONFLICT

    def __init__(self, import_id: str) -> None:
        """Name the import."""
        super().__init__(f"{import_id} is being continued by another process: let it finish")


class ImportNotFound(OutlayError):
    """There is no unpublished import of that id."""

    code = "import.not_found"
    category = Category.NOT_FOUND

    def __init__(self, import_id: str) -> None:
        """Name the id and where to look."""
        super().__init__(
            f"there is no unfinished import {import_id!r}; `outlay import list` shows them. "
            "A finished one is part of the ledger and stays"
        )


class LedgerImports:
    """The imports of one ledger (an `ImportStore`)."""

    def __init__(self, ledger: Ledger) -> None:
        """Work on an open ledger."""
        self._ledger = ledger
        dialect = ledger.engine.dialect
        self._insert_intents = Insert(intents, dialect)
        self._insert_events = Insert(usage_events, dialect)

    def list_imports(self) -> list[Import]:
        """Return all imports, the oldest first."""
        query = select(imports).order_by(imports.c.started_at_us, imports.c.import_id)
        with self._ledger.read() as connection:
            return [Import(**row) for row in connection.execute(query).mappings()]

    def find_unpublished(self, sha256: str) -> Import | None:
        """Return the import of the same file that was interrupted, or None."""
        same = (imports.c.sha256 == sha256, imports.c.published_at_us.is_(None))
        query = select(imports).where(*same).order_by(imports.c.import_id).limit(1)
        with self._ledger.read() as connection:
            row = connection.execute(query).mappings().first()
            return None if row is None else Import(**row)

    def begin(self, source: str, sha256: str) -> Import:
        """Open a new import of a file."""
        now_us = self._ledger.clock.now_us()
        begun = Import(new_id("imp", now_us), source, sha256, now_us)
        with self._ledger.write() as connection:
            connection.execute(imports.insert().values(**asdict(begun)))
        return begun

    def find_conflicts(self, calls: Sequence[ImportedCall]) -> tuple[Conflict, ...]:
        """Return the rows whose id already stands for another call; nothing is written."""
        with self._ledger.read() as connection:
            recorded = _read_recorded(connection, calls)
        conflicts = (_conflict(call, recorded.get(call.intent.request_id)) for call in calls)
        return tuple(conflict for conflict in conflicts if conflict is not None)

    def record_group(
        self, progress: Import, calls: Sequence[ImportedCall], *, lines_done: int, skipped: int
    ) -> GroupRecorded:
        """Record a group of rows and how far the import has come, in one transaction.

        All that can be is done before the write lock is taken, since live calls wait for it; if one
        of the new ids was recorded in between, the group is sorted again.
        """
        while True:
            group = self._sorted(progress, calls)
            advanced = group.advance(progress, lines_done=lines_done, skipped=skipped)
            with self._ledger.write() as connection:
                if not _read_known(connection, list(group.new)):
                    _save(connection, progress, advanced)
                    _insert(connection, self._insert_intents, group.intents)
                    _insert(connection, self._insert_events, group.events)
                    return GroupRecorded(advanced, tuple(group.conflicts))

    def _sorted(self, progress: Import, calls: Sequence[ImportedCall]) -> "_Group":
        with self._ledger.read() as connection:
            recorded = _read_recorded(connection, calls)
        group = _Group(recorded, progress.import_id)
        group.take_all(calls, self._ledger.clock.now_us())
        return group

    def publish(self, progress: Import) -> Import:
        """Let the import's calls count from now on, all at once."""
        published = replace(progress, published_at_us=self._ledger.clock.now_us())
        with self._ledger.write() as connection:
            _save(connection, progress, published)
        return published

    def discard(self, import_id: str) -> int:
        """Remove an import that was never published with its calls; return how many there were."""
        with self._ledger.write() as connection:
            if not _disown(connection, import_id):
                raise ImportNotFound(import_id)
        discarded = after_seq = 0
        while True:
            with self._ledger.write() as connection:
                found = _read_calls_of(connection, import_id, after_seq)
                if not found:
                    connection.execute(delete(imports).where(imports.c.import_id == import_id))
                    return discarded
                _note_removed(connection, import_id, found, self._ledger.clock.now_us())
                _delete_calls(connection, [row[1] for row in found])
            discarded, after_seq = discarded + len(found), found[-1][0]


class _Group:
    """One group of rows, told apart into new ones, known ones and conflicts."""

    def __init__(self, recorded: dict[str, Mapping[str, Any]], import_id: str) -> None:
        self.recorded = recorded
        self.import_id = import_id
        self.new: dict[RequestId, ImportedCall] = {}
        self.intents: list[Row] = []
        self.events: list[Row] = []
        self.conflicts: list[Conflict] = []
        self.already_there = self.unpriced = self.spend_nanos = 0

    def take_all(self, calls: Iterable[ImportedCall], now_us: int) -> None:
        for call in calls:
            self._take(call, now_us)

    def _take(self, call: ImportedCall, now_us: int) -> None:
        known = self._known(call.intent.request_id)
        if known is None:
            self._add(call, now_us)
            return
        conflict = _conflict(call, known) or self._held_elsewhere(call, known)
        if conflict is None:
            self.already_there += 1
        else:
            self.conflicts.append(conflict)

    def _known(self, request_id: RequestId) -> Mapping[str, Any] | None:
        """Find the call under an id: one of the ledger, or an earlier row of this group."""
        earlier = self.new.get(request_id)
        return self.recorded.get(request_id) if earlier is None else _comparable(earlier)

    def _add(self, call: ImportedCall, now_us: int) -> None:
        self.new[call.intent.request_id] = call
        self.intents.append(intent_row(call.intent, now_us))
        self.events.append(event_row(call.event, now_us))
        cost_nanos = call.event.cost.cost_nanos
        self.unpriced += cost_nanos is None
        self.spend_nanos += cost_nanos or 0

    def _held_elsewhere(self, call: ImportedCall, known: Mapping[str, Any]) -> Conflict | None:
        """Refuse a call of another unfinished import: it may never come to count."""
        if known["published"] or known["boot_id"] == self.import_id:
            return None
        other = known["boot_id"]
        advice = f"belongs to {other}, which was interrupted: finish it, or discard it first"
        return Conflict(call.line, "id", f"{advice} (`outlay import discard {other}`)")

    def advance(self, progress: Import, *, lines_done: int, skipped: int) -> Import:
        return replace(
            progress,
            lines_done=lines_done,
            recorded=progress.recorded + len(self.intents),
            already_there=progress.already_there + self.already_there,
            skipped=progress.skipped + skipped + len(self.conflicts),
            unpriced=progress.unpriced + self.unpriced,
            spend_nanos=progress.spend_nanos + self.spend_nanos,
        )


def _insert(connection: Connection, insert: Insert, rows: Sequence[Row]) -> None:
    for statement, parameters in insert.batches(rows):
        connection.exec_driver_sql(statement, parameters)


def _save(connection: Connection, before: Import, after: Import) -> None:
    """Note how far an import is, unless somebody else has moved it on."""
    stands = (
        imports.c.import_id == before.import_id,
        imports.c.lines_done == before.lines_done,
        imports.c.published_at_us.is_(None),
    )
    changed = connection.execute(update(imports).where(*stands).values(**asdict(after)))
    if changed.rowcount != 1:
        raise ImportInterrupted(before.import_id)


def _disown(connection: Connection, import_id: str) -> bool:
    """Take an unpublished import away from its file: nobody continues what is half removed."""
    unpublished = (imports.c.import_id == import_id, imports.c.published_at_us.is_(None))
    disowned = update(imports).where(*unpublished).values(sha256="", lines_done=_DISOWNED)
    return connection.execute(disowned).rowcount == 1


def _read_calls_of(connection: Connection, import_id: str, after_seq: int) -> list[Any]:
    mine = (intents.c.boot_id == import_id, intents.c.seq > after_seq)
    query = select(intents.c.seq, intents.c.request_id).where(*mine).order_by(intents.c.seq)
    return list(connection.execute(query.limit(DISCARDED_PER_TRANSACTION)))


def _note_removed(connection: Connection, import_id: str, found: list[Any], at_us: int) -> None:
    """Leave word of the rows that go: any other gap in the sequences is a finding."""
    reason = f"{import_id} was discarded"
    note_removed(connection, intents, [row[0] for row in found], at_us=at_us, reason=reason)
    for ids in _sliced([row[1] for row in found]):
        query = select(usage_events.c.seq).where(usage_events.c.request_id.in_(ids))
        events = connection.scalars(query).all()
        note_removed(connection, usage_events, events, at_us=at_us, reason=reason)


def _delete_calls(connection: Connection, request_ids: Sequence[RequestId]) -> None:
    for ids in _sliced(request_ids):
        connection.execute(delete(usage_events).where(usage_events.c.request_id.in_(ids)))
        connection.execute(delete(intents).where(intents.c.request_id.in_(ids)))


def _read_known(connection: Connection, request_ids: Sequence[RequestId]) -> list[RequestId]:
    known: list[RequestId] = []
    for ids in _sliced(request_ids):
        query = select(intents.c.request_id).where(intents.c.request_id.in_(ids))
        known.extend(connection.scalars(query))
    return known


def _read_recorded(
    connection: Connection, calls: Sequence[ImportedCall]
) -> dict[str, Mapping[str, Any]]:
    """Find what stands under the ids of some rows, as it counts today."""
    known = _read_known(connection, [call.intent.request_id for call in calls])
    found: dict[str, Mapping[str, Any]] = {}
    for ids in _sliced(known):
        query = _recorded_query().where(intents.c.request_id.in_(ids))
        for row in connection.execute(query).mappings():
            found[row["request_id"]] = dict(row)
    return found


def _recorded_query() -> Select[Any]:
    """Select what a row is compared with."""
    return select(
        intents.c.request_id,
        intents.c.boot_id,
        *[intents.c[name] for name in _INTENT_FIELDS],
        present_status().label("status"),
        present("input_tokens").label("input_tokens"),
        present("output_tokens").label("output_tokens"),
        present("cost_nanos").label("cost_nanos"),
        is_published().label("published"),
    ).select_from(all_calls())


def _comparable(call: ImportedCall) -> dict[str, Any]:
    """Lay a row out as `_recorded_query` would find it."""
    cells = dict(zip(_INTENT_COLUMNS, intent_row(call.intent, 0), strict=True))
    return {
        **{name: cells[name] for name in _INTENT_FIELDS},
        "boot_id": call.intent.boot_id,
        "published": False,
        "status": call.event.status,
        "input_tokens": call.event.usage.input_tokens,
        "output_tokens": call.event.usage.output_tokens,
        "cost_nanos": call.event.cost.cost_nanos,
    }


_INTENT_COLUMNS = columns_of(intents)


def _conflict(call: ImportedCall, known: Mapping[str, Any] | None) -> Conflict | None:
    """Name the first field in which a row differs from the call that stands under its id.

    What the row does not state is not compared: its usage, or a cost that we worked out.
    """
    if known is None:
        return None
    stated = _comparable(call)
    names = [*_INTENT_FIELDS, "status"]
    if call.event.usage_source is not UsageSource.NONE:
        names += ["input_tokens", "output_tokens"]
    if call.event.cost.basis is CostBasis.STATED:
        names.append("cost_nanos")
    for name in names:
        if stated[name] != known[name]:
            field = _SHOWN.get(name, name)
            message = f"differs from the call already recorded as {call.intent.request_id}"
            return Conflict(call.line, field, message)
    return None


def _sliced(ids: Sequence[RequestId]) -> Iterable[Sequence[RequestId]]:
    return (ids[start : start + IDS_PER_QUERY] for start in range(0, len(ids), IDS_PER_QUERY))
