"""The sweep closes what dead processes left open: once, visibly, and nothing else."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import insert

from outlay.jobs.sweep import SweepReport, sweep
from outlay.kernel.clock import FrozenClock, SystemClock
from outlay.kernel.ids import BootId
from outlay.ledger.facts import Ending, Intent
from outlay.pricing.cost import Cost, CostBasis
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.journal import SqlJournal
from outlay.stores.ledger.liveness import Boot
from outlay.stores.ledger.read import RecordedCall, iterate_calls, list_deferred
from outlay.stores.ledger.rows import intent_row
from outlay.stores.ledger.schema import boots
from outlay.stores.ledger.schema import intents as intents_table
from outlay.stores.ledger.statements import Insert
from outlay.usage.usage import UsageSource
from tests.ledgers import NOON_US, count, make_event, make_intent

ROOT = Path(__file__).resolve().parents[2]


def _fail(reason: str) -> None:
    raise AssertionError(reason)


def _die(ledger: Ledger, boot_id: str, *intents: Intent, low_water_seq: int = 0) -> None:
    """Enter a boot that has ended without a word, and what it had recorded."""
    with ledger.write() as connection:
        connection.execute(
            insert(boots).values(
                boot_id=boot_id,
                node="here",
                pid=1,
                role="gateway",
                started_at_us=NOON_US,
                low_water_seq=low_water_seq,
            )
        )
        rows = [intent_row(intent, NOON_US) for intent in intents]
        for statement, cells in Insert(intents_table, ledger.engine.dialect).batches(rows):
            connection.exec_driver_sql(statement, cells)


def _only(ledger: Ledger) -> RecordedCall:
    [call] = iterate_calls(ledger)
    return call


def test_a_dead_process_call_is_closed_at_its_bound(ledger: Ledger, frozen: FrozenClock) -> None:
    intent = make_intent("boot_dead", bound_nanos=9_000_000, likely_nanos=4_000_000)
    _die(ledger, "boot_dead", intent)
    assert SweepReport(boots=1, calls=1, unbounded=0, bound_nanos=9_000_000) == sweep(
        ledger, frozen
    )
    event = _only(ledger).event
    assert (Ending.SWEPT, UsageSource.ESTIMATED) == (event.ending, event.usage_source)
    assert Cost(9_000_000, CostBasis.BOUND) == event.cost
    assert event.likely_cost_nanos == 4_000_000
    assert (event.finished_at_us, event.findings) == (frozen.now_us(), ("swept",))


def test_a_call_without_a_bound_is_closed_as_unpriced(ledger: Ledger, frozen: FrozenClock) -> None:
    _die(ledger, "boot_dead", make_intent("boot_dead", bound_nanos=None, likely_nanos=None))
    assert sweep(ledger, frozen).unbounded == 1
    assert Cost(None, CostBasis.NONE) == _only(ledger).event.cost


def test_sweeping_again_does_nothing(ledger: Ledger, frozen: FrozenClock) -> None:
    _die(ledger, "boot_dead", *[make_intent("boot_dead") for _ in range(3)])
    assert sweep(ledger, frozen).calls == 3
    assert SweepReport() == sweep(ledger, frozen)
    assert count(ledger, "usage_events") == 3


async def test_a_living_process_is_left_alone_however_old_its_calls(
    ledger: Ledger, frozen: FrozenClock
) -> None:
    journal = SqlJournal.start(ledger, BootId("boot_1"), SystemClock(), on_fatal=_fail)
    await journal.record_intent(make_intent(requested_at_us=1))
    assert SweepReport() == sweep(ledger, frozen)
    await journal.close()
    assert sweep(ledger, frozen).calls == 1


def test_a_living_boot_without_a_journal_is_left_alone(sqlite_ledger: Ledger) -> None:
    """The lock is the file's: it is held before the boot is entered."""
    boot = Boot.begin(sqlite_ledger, BootId("boot_1"), SystemClock(), role="gateway")
    assert SweepReport() == sweep(sqlite_ledger, SystemClock())
    boot.end(settled=False)
    assert sweep(sqlite_ledger, SystemClock()).boots == 1


async def test_a_call_in_the_background_is_left_to_the_poller(
    ledger: Ledger, frozen: FrozenClock
) -> None:
    journal = SqlJournal.start(ledger, BootId("boot_1"), SystemClock(), on_fatal=_fail)
    deferred, forgotten = make_intent(deferred=True), make_intent(deferred=True)
    await journal.record_intent(deferred)
    await journal.record_intent(forgotten)
    await journal.record_deferred(deferred.request_id, "resp_1")
    await journal.close()
    assert sweep(ledger, frozen).calls == 1
    assert forgotten == _only(ledger).intent
    assert [deferred] == [call.intent for call in list_deferred(ledger)]


async def test_the_id_of_a_settled_background_call_is_forgotten(
    ledger: Ledger, frozen: FrozenClock
) -> None:
    journal = SqlJournal.start(ledger, BootId("boot_1"), SystemClock(), on_fatal=_fail)
    intent = make_intent(deferred=True)
    await journal.record_intent(intent)
    await journal.record_deferred(intent.request_id, "resp_1")
    await journal.record_event(make_event(intent.request_id))
    sweep(ledger, frozen)
    assert count(ledger, "deferred") == 0
    await journal.close()


def test_many_open_calls_are_closed_page_by_page(
    ledger: Ledger, frozen: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outlay.jobs.sweep.PAGE_CALLS", 4)
    _die(ledger, "boot_dead", *[make_intent("boot_dead") for _ in range(8)])
    _die(ledger, "boot_also", *[make_intent("boot_also") for _ in range(5)])
    assert (2, 13) == (sweep(ledger, frozen).boots, count(ledger, "usage_events"))


def test_the_sweep_begins_at_the_low_water_mark(ledger: Ledger, frozen: FrozenClock) -> None:
    closed, opened = make_intent("boot_dead"), make_intent("boot_dead")
    _die(ledger, "boot_dead", closed, opened, low_water_seq=1)
    sweep(ledger, frozen)
    assert opened == _only(ledger).intent


def test_two_sweeps_at_once_close_each_call_once(ledger: Ledger, frozen: FrozenClock) -> None:
    for number in range(6):
        boot_id = f"boot_{number}"
        _die(ledger, boot_id, *[make_intent(boot_id) for _ in range(5)])
    together = threading.Barrier(2)

    def run() -> None:
        together.wait(20)
        sweep(ledger, frozen)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    sweep(ledger, frozen)
    assert count(ledger, "usage_events") == 30


@contextmanager
def _worker(ledger: Ledger, boot_id: str) -> Iterator["subprocess.Popen[str]"]:
    url = "" if ledger.is_sqlite else ledger.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.jobs.dying_worker", str(ledger.data_dir), url, boot_id]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _said(process: "subprocess.Popen[str]", lines: int) -> list[str]:
    """Read some lines, kill the process, read what is left of whole lines."""
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(lines)]
    process.send_signal(signal.SIGKILL)
    said += process.stdout.readlines()
    process.wait(20)
    return [line.rstrip("\n") for line in said if line.endswith("\n")]


def _sweep_one_boot(ledger: Ledger) -> None:
    """Sweep until the boot is found dead: PostgreSQL takes a moment to miss a client."""
    patience = threading.Event()
    for _ in range(500):
        if sweep(ledger, SystemClock()).boots == 1:
            return
        patience.wait(0.02)
    pytest.fail("the boot was never found dead")


@pytest.mark.crash
def test_nothing_that_a_killed_process_said_is_lost(ledger: Ledger) -> None:
    """After kill -9 every call that was sent has one event, those that ended their own."""
    said = []
    for number in range(3):
        with _worker(ledger, f"boot_{number}") as process:
            said += _said(process, 40 + 17 * number)
        _sweep_one_boot(ledger)
    sent = {line.split()[1] for line in said if line.startswith("sent")}
    ended = {line.split()[1] for line in said if line.startswith("ended")}
    calls = {str(call.intent.request_id): call.event.ending for call in iterate_calls(ledger)}
    assert sent <= set(calls)
    assert {Ending.COMPLETE} == {calls[request_id] for request_id in ended}
    assert count(ledger, "intents") == count(ledger, "usage_events") == len(calls)


@pytest.mark.crash
def test_a_running_process_is_not_swept(ledger: Ledger) -> None:
    with _worker(ledger, "boot_alive") as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert SweepReport() == sweep(ledger, SystemClock())
