"""Writes one fact within a transaction, asking first where a fact meets what is already recorded.

Same fact again: no effect. A different one under the same id: `InvariantBroken`. An event for a
call that the sweep closed: a correction. Source: ADR 0007.
"""

import json
from typing import Any, assert_never

import msgspec

from outlay.kernel.errors import InvariantBroken
from outlay.ledger.endings import late_correction, withdrawn_event
from outlay.ledger.facts import (
    Correction,
    Ending,
    Intent,
    ProviderObject,
    Refusal,
    UsageEvent,
)
from outlay.stores.ledger.entries import Corrections, Deferral, Fact, Withdrawal
from outlay.stores.ledger.rows import (
    Row,
    columns_of,
    correction_row,
    event_row,
    hold_rows,
    intent_row,
    object_row,
    refusal_row,
)
from outlay.stores.ledger.schema import corrections, deferred, intents, refusals, usage_events
from outlay.stores.ledger.statements import Insert, Statements

_INTENT = {name: i for i, name in enumerate(columns_of(intents))}
_EVENT = {name: i for i, name in enumerate(columns_of(usage_events))}
_CORRECTION = {name: i for i, name in enumerate(columns_of(corrections))}
_REFUSAL = {name: i for i, name in enumerate(columns_of(refusals))}
_DEFERRED = {name: i for i, name in enumerate(columns_of(deferred))}
_LARGEST_QUARANTINED = 65_536
"""Characters of a refused row that are kept."""


class CarefulWriter:
    """Writes facts one at a time through a cursor that its caller has put into a transaction."""

    def __init__(self, statements: Statements) -> None:
        """Use the statements of one engine."""
        self._sql = statements

    def write(self, cursor: Any, fact: Fact, booked_at_us: int) -> None:
        """Write a fact as if it were new; the database refuses one that is not.

        Raises:
            InvariantBroken: what it refers to is missing, or a correction does not follow the last.
        """
        match fact:
            case Intent():
                _insert(cursor, self._sql.intent, [intent_row(fact, booked_at_us)])
                _insert(cursor, self._sql.hold, hold_rows(fact))
            case UsageEvent():
                _insert(cursor, self._sql.event, [event_row(fact, booked_at_us)])
            case Refusal():
                _insert(cursor, self._sql.refusal, [refusal_row(fact, booked_at_us)])
            case ProviderObject():
                _insert(cursor, self._sql.object, [object_row(fact)])
            case Deferral():
                self._defer(cursor, fact)
            case Corrections():
                for correction in fact.corrections:
                    self._correct(cursor, correction)
            case Withdrawal():
                self._withdraw(cursor, fact, booked_at_us)
            case _:
                assert_never(fact)

    def reconcile(self, cursor: Any, fact: Fact, booked_at_us: int) -> None:
        """Deal with a fact that was refused: harmless when it is recorded already.

        Raises:
            InvariantBroken: another fact stands under its id, or it cannot be recorded at all.
        """
        match fact:
            case Intent():
                self._compare_intent(cursor, fact)
            case UsageEvent():
                self._compare_event(cursor, fact, booked_at_us)
            case Refusal():
                self._compare_refusal(cursor, fact)
            case _:
                raise InvariantBroken(f"{type(fact).__name__} cannot be recorded")

    def quarantine(self, cursor: Any, fact: Fact, reason: str, at_us: int) -> None:
        """Keep a fact that could not be recorded, as text that every database takes."""
        plain = msgspec.to_builtins(fact, enc_hook=repr)
        text = json.dumps(plain, skipkeys=True)[:_LARGEST_QUARANTINED]
        request_id = getattr(fact, "request_id", None)
        row = (at_us, type(fact).__name__, request_id, ascii(reason)[1:-1], text)
        _insert(cursor, self._sql.quarantine, [row])

    def _compare_intent(self, cursor: Any, intent: Intent) -> None:
        found = _find(cursor, self._sql.find_intent, intent.request_id)
        if found is None:
            raise InvariantBroken(f"the intent {intent.request_id} cannot be recorded")
        holds = sorted(hold_rows(intent))
        recorded = cursor.execute(self._sql.find_holds, (intent.request_id,)).fetchall()
        same = _same(found, intent_row(intent, 0), ignoring={_INTENT["booked_at_us"]})
        if not same or [tuple(row) for row in recorded] != holds:
            raise InvariantBroken(f"another intent stands under {intent.request_id}")

    def _compare_refusal(self, cursor: Any, refusal: Refusal) -> None:
        found = _find(cursor, self._sql.find_refusal, refusal.request_id)
        row = refusal_row(refusal, 0)
        if found is None or not _same(found, row, ignoring={_REFUSAL["booked_at_us"]}):
            raise InvariantBroken(f"the refusal of {refusal.request_id} cannot be recorded")

    def _compare_event(self, cursor: Any, event: UsageEvent, booked_at_us: int) -> None:
        found = _find(cursor, self._sql.lock_event, event.request_id)
        if found is None:
            known = _find(cursor, self._sql.find_intent, event.request_id)
            what = "there is no intent of" if known is None else "no event can be recorded for"
            raise InvariantBroken(f"{what} {event.request_id}")
        if _same(found, event_row(event, 0), ignoring={_EVENT["booked_at_us"]}):
            return
        if found[_EVENT["ending"]] != Ending.SWEPT.value:
            raise InvariantBroken(f"another event stands under {event.request_id}")
        present = self._present_cost(cursor, found, event.request_id)
        self._correct_late(cursor, late_correction(event, present, booked_at_us))

    def _correct_late(self, cursor: Any, correction: Correction) -> None:
        """Book what a swept call turned out to be; a second time it has no effect."""
        found = _find(cursor, self._sql.find_correction, correction.correction_id)
        row = correction_row(correction)
        if found is None:
            _insert(cursor, self._sql.correction, [row])
            return
        moved = {_CORRECTION["booked_at_us"], _CORRECTION["previous_cost_nanos"]}
        if not _same(found, row, ignoring=moved):
            raise InvariantBroken(f"another late event stands under {correction.request_id}")

    def _correct(self, cursor: Any, correction: Correction) -> None:
        event = _find(cursor, self._sql.lock_event, correction.request_id)
        if event is None:
            raise InvariantBroken(f"there is no event of {correction.request_id} to correct")
        found = _find(cursor, self._sql.find_correction, correction.correction_id)
        row = correction_row(correction)
        if found is not None:
            if not _same(found, row, ignoring=set()):
                raise InvariantBroken(f"another correction stands under {row[0]}")
            return
        present = self._present_cost(cursor, event, correction.request_id)
        if present != correction.previous_cost_nanos:
            raise InvariantBroken(
                f"the cost of {correction.request_id} is {present} nanos by now, "
                f"not {correction.previous_cost_nanos}"
            )
        _insert(cursor, self._sql.correction, [row])

    def _present_cost(self, cursor: Any, event: Row, request_id: str) -> int | None:
        newest = _find(cursor, self._sql.newest_correction, request_id)
        present: int | None = event[_EVENT["cost_nanos"]] if newest is None else newest[0]
        return present

    def _defer(self, cursor: Any, fact: Deferral) -> None:
        found = _find(cursor, self._sql.find_deferral, fact.request_id)
        if found is not None:
            if found[_DEFERRED["provider_response_id"]] not in (None, fact.provider_response_id):
                raise InvariantBroken(f"{fact.request_id} is deferred under another id")
            return
        intent = _find(cursor, self._sql.find_intent, fact.request_id)
        if intent is None:
            raise InvariantBroken(f"there is no intent of {fact.request_id} to defer")
        row = (
            fact.request_id,
            intent[_INTENT["provider"]],
            intent[_INTENT["key_id"]],
            fact.provider_response_id,
            fact.noted_at_us,
        )
        _insert(cursor, self._sql.deferral, [row])

    def _withdraw(self, cursor: Any, fact: Withdrawal, booked_at_us: int) -> None:
        if _find(cursor, self._sql.find_intent, fact.request_id) is None:
            return
        if _find(cursor, self._sql.find_event, fact.request_id) is None:
            event = withdrawn_event(fact.request_id, fact.withdrawn_at_us)
            _insert(cursor, self._sql.event, [event_row(event, booked_at_us)])


def _insert(cursor: Any, insert: Insert, rows: list[Row]) -> None:
    for statement, cells in insert.batches(rows):
        cursor.execute(statement, cells)


def _find(cursor: Any, statement: str, key: str) -> Row | None:
    found = cursor.execute(statement, (key,)).fetchone()
    return None if found is None else tuple(found)


def _same(one: Row, other: Row, *, ignoring: set[int]) -> bool:
    """Compare two rows but for some cells (0 and 1 of SQLite equal False and True)."""
    pairs = zip(one, other, strict=True)
    return all(i in ignoring or a == b for i, (a, b) in enumerate(pairs))
