"""Rows that are removed on purpose leave word, so that every other gap is a finding."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.ledger.facts import Ending
from outlay.ledger.imports import ImportedCall
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.imports import LedgerImports
from outlay.stores.ledger.removed import _spans, note_removed, read_removed
from outlay.stores.ledger.schema import intents, usage_events
from outlay.stores.ledger.verify import verify_ledger
from tests.ledgers import NOON_US, count, make_event, make_intent


@given(st.sets(st.integers(1, 60)))
def test_spans_cover_exactly_the_numbers(numbers: set[int]) -> None:
    spans = list(_spans(numbers))
    assert numbers == {n for first, last in spans for n in range(first, last + 1)}
    assert all(one[1] + 1 < other[0] for one, other in itertools.pairwise(spans))


def test_what_is_noted_is_read_back_by_table(ledger: Ledger) -> None:
    with ledger.write() as connection:
        note_removed(connection, intents, [7, 5, 6, 9], at_us=NOON_US, reason="a test")
    with ledger.read() as connection:
        assert read_removed(connection, intents) == [(5, 7), (9, 9)]
        assert read_removed(connection, usage_events) == []


@pytest.mark.parametrize("calls", [1, 5])
def test_a_discarded_import_leaves_a_sound_ledger(sqlite_ledger: Ledger, calls: int) -> None:
    store = LedgerImports(sqlite_ledger)
    begun = store.begin("calls.csv", "ab" * 32)
    rows = []
    for line in range(calls):
        intent = make_intent(begun.import_id)
        event = make_event(intent.request_id, ending=Ending.IMPORTED)
        rows.append(ImportedCall(line, intent, event))
    store.record_group(begun, rows, lines_done=calls, skipped=0)
    assert store.discard(begun.import_id) == calls
    assert count(sqlite_ledger, "intents") == 0
    assert [] == [finding for check in verify_ledger(sqlite_ledger) for finding in check.findings]
