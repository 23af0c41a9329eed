"""`verify` passes what is sound and names each row that is not."""

import asyncio
import threading

import pytest
from sqlalchemy import text

from outlay.jobs.sweep import sweep
from outlay.kernel.clock import SystemClock
from outlay.kernel.ids import BootId
from outlay.ledger.endings import swept_event
from outlay.ledger.facts import Correction
from outlay.pricing.cost import Cost, CostBasis
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.journal import SqlJournal
from outlay.stores.ledger.removed import note_removed
from outlay.stores.ledger.schema import intents, refusals
from outlay.stores.ledger.verify import verify_ledger
from outlay.usage.usage import UsageSource
from tests.ledgers import NOON_US, USAGE, make_event, make_intent, make_refusal


def _fail(reason: str) -> None:
    raise AssertionError(reason)


def _start(ledger: Ledger, boot_id: str = "boot_1") -> SqlJournal:
    return SqlJournal.start(ledger, BootId(boot_id), SystemClock(), on_fatal=_fail)


def _found(ledger: Ledger) -> list[tuple[str, str]]:
    """Return code and row of every finding."""
    return [
        (finding.code, finding.source.split(":")[0])
        for check in verify_ledger(ledger)
        for finding in check.findings
    ]


async def _fill(ledger: Ledger) -> None:
    """Record four calls: two answered, one corrected twice, one swept and corrected late."""
    journal = _start(ledger)
    calls = [make_intent() for _ in range(4)]
    for intent in calls:
        await journal.record_intent(intent)
    for intent in calls[:3]:
        await journal.record_event(make_event(intent.request_id))
    await journal.record_event(swept_event(calls[3], NOON_US))
    await journal.record_event(make_event(calls[3].request_id))
    previous: int | None = 3_500_000
    for number, cost in ((1, 10), (2, 20)):
        correction = Correction(
            correction_id=f"cor_{number}",
            request_id=calls[2].request_id,
            booked_at_us=NOON_US,
            reason="repriced",
            previous_cost_nanos=previous,
            cost=Cost(cost, CostBasis.STATED, stated_cost_nanos=cost),
            usage=USAGE,
            usage_source=UsageSource.REPORTED,
        )
        await journal.record_corrections([correction])
        previous = cost
    for _ in range(3):
        journal.record_refusal(make_refusal())
    await journal.close()


def _tamper(ledger: Ledger, *statements: str) -> None:
    with ledger.write() as connection:
        for statement in statements:
            connection.execute(text(statement))


async def test_a_sound_ledger_has_no_findings(ledger: Ledger) -> None:
    await _fill(ledger)
    checks = {check.name: check for check in verify_ledger(ledger)}
    assert [] == _found(ledger)
    assert (4, 3) == (checks["calls"].rows, checks["corrections"].rows)


@pytest.mark.parametrize(
    ("finding", "statement"),
    [
        (
            ("cost_is_not_its_basis", "usage_events 1"),
            "UPDATE usage_events SET cost_nanos = cost_nanos + 1 WHERE seq = 1",
        ),
        (
            ("token_sums", "usage_events 2"),
            "UPDATE usage_events SET input_tokens = 999 WHERE seq = 2",
        ),
        (
            ("list_token_cost", "usage_events 2"),
            (
                "UPDATE usage_events SET list_token_cost_nanos = 3500001, cost_nanos = 3500001 "
                "WHERE seq = 2"
            ),
        ),
        (
            ("cost_not_at_bound", "usage_events 4"),
            "UPDATE intents SET bound_nanos = 1 WHERE seq = 4",
        ),
        (
            ("correction_chain_broken", "corrections 2"),
            (
                "UPDATE usage_events SET cost_nanos = 1, cost_basis = 'stated', "
                "stated_cost_nanos = 1 WHERE seq = 3"
            ),
        ),
        (
            ("correction_chain_broken", "corrections 3"),
            "UPDATE corrections SET previous_cost_nanos = NULL WHERE seq = 3",
        ),
        (
            ("unreadable_row", "usage_events 1"),
            "UPDATE usage_events SET usage = 'no json' WHERE seq = 1",
        ),
        (
            ("unreadable_row", "usage_events 1"),
            "UPDATE intents SET sources = '{}' WHERE seq = 1",
        ),
        (
            ("open_call_of_dead_boot", "intents 1"),
            "DELETE FROM usage_events WHERE seq = 1",
        ),
    ],
)
async def test_a_row_that_was_changed_is_named(
    ledger: Ledger, finding: tuple[str, str], statement: str
) -> None:
    await _fill(ledger)
    _tamper(ledger, statement)
    assert finding in _found(ledger)


async def test_a_negative_hold_is_named(ledger: Ledger) -> None:
    await _fill(ledger)
    _tamper(
        ledger,
        "INSERT INTO holds (request_id, budget_id, amount_nanos) "
        "SELECT request_id, 'bud_1', -1 FROM intents WHERE seq = 1",
    )
    assert ["negative_hold"] == [code for code, _ in _found(ledger)]


@pytest.mark.parametrize(("seq", "span"), [(1, "1-1"), (2, "2-2"), (3, "3-3")])
async def test_a_row_that_vanished_is_named(sqlite_ledger: Ledger, seq: int, span: str) -> None:
    """Also the first and the newest: SQLite remembers the highest number it gave."""
    await _fill(sqlite_ledger)
    _tamper(sqlite_ledger, f"DELETE FROM refusals WHERE seq = {seq}")
    assert [("rows_missing", f"refusals {span}")] == _found(sqlite_ledger)


async def test_a_row_that_was_removed_on_purpose_is_not_missed(sqlite_ledger: Ledger) -> None:
    await _fill(sqlite_ledger)
    with sqlite_ledger.write() as connection:
        note_removed(connection, refusals, [2, 1], at_us=NOON_US, reason="a test")
        note_removed(connection, intents, [], at_us=NOON_US, reason="nothing")
        connection.execute(text("DELETE FROM refusals WHERE seq <= 3"))
    assert [("rows_missing", "refusals 3-3")] == _found(sqlite_ledger)


async def test_a_call_in_flight_is_no_finding_and_an_unswept_one_is(ledger: Ledger) -> None:
    journal = _start(ledger)
    await journal.record_intent(make_intent())
    await journal.record_intent(deferred := make_intent(deferred=True))
    await journal.record_deferred(deferred.request_id, "resp_1")
    assert [] == _found(ledger)
    await journal.close()
    assert [("open_call_of_dead_boot", "intents 1")] == _found(ledger)
    sweep(ledger, SystemClock())
    assert [] == _found(ledger)


async def test_quarantined_rows_are_named(ledger: Ledger) -> None:
    journal = _start(ledger)
    with pytest.raises(Exception, match="no intent"):
        await journal.record_event(make_event("req_unknown"))
    await journal.close()
    assert [("quarantined", "quarantine 1")] == _found(ledger)


async def test_a_damaged_file_is_found(sqlite_ledger: Ledger) -> None:
    await _fill(sqlite_ledger)
    _tamper(sqlite_ledger, "PRAGMA foreign_keys=OFF")
    with sqlite_ledger.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute("PRAGMA foreign_keys=OFF")
        raw.execute("DELETE FROM intents WHERE seq = 1")
    assert "orphan" in {code for code, _ in _found(sqlite_ledger)}


async def test_it_works_while_others_write(ledger: Ledger) -> None:
    """Nothing looks wrong only because calls begin and end meanwhile."""
    journal = _start(ledger)
    stop = threading.Event()

    async def calls() -> None:
        while not stop.is_set():
            intent = make_intent()
            await journal.record_intent(intent)
            await journal.record_event(make_event(intent.request_id))

    working = [asyncio.create_task(calls()) for _ in range(5)]
    for _ in range(3):
        assert [] == await asyncio.to_thread(_found, ledger)
    stop.set()
    await asyncio.gather(*working)
    await journal.close()
