"""The writer thread: what waits for the disk, what is retried, and what ends the process."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pysqlite3 import dbapi2 as sqlite

from outlay.kernel.clock import SystemClock
from outlay.kernel.errors import LedgerUnavailable
from outlay.kernel.ids import BootId
from outlay.ledger.facts import Ending
from outlay.stores.ledger.connection import Ledger, open_ledger
from outlay.stores.ledger.engines import Failure
from outlay.stores.ledger.journal import SqlJournal
from outlay.stores.ledger.read import iterate_calls
from outlay.stores.ledger.upgrade import upgrade_ledger
from tests.ledgers import count, make_event, make_intent, make_refusal
from tests.postgres_server import PostgresServer

BOOT = BootId("boot_1")


class Fatal:
    """Remembers that the process would have been ended, and why."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.called = threading.Event()

    def __call__(self, reason: str) -> None:
        self.reasons.append(reason)
        self.called.set()


@pytest.fixture
def fatal() -> Fatal:
    return Fatal()


@pytest.fixture
def start(fatal: Fatal) -> Callable[..., SqlJournal]:
    def start(ledger: Ledger, **options: Any) -> SqlJournal:
        return SqlJournal.start(ledger, BOOT, SystemClock(), on_fatal=fatal, **options)

    return start


def _engine(journal: SqlJournal) -> Any:
    return journal._writer._engine


class SlowDisk:
    """Holds every sync up until it is let go."""

    def __init__(self, journal: SqlJournal) -> None:
        self.syncing, self.go_on = threading.Event(), threading.Event()
        self._sync = _engine(journal).sync
        _engine(journal).sync = self

    def __call__(self) -> None:
        self.syncing.set()
        self.go_on.wait(20)
        self._sync()


async def test_an_intent_waits_for_the_disk_and_a_settlement_does_not(
    sqlite_ledger: Ledger, start: Callable[..., SqlJournal]
) -> None:
    """Intents are synced before dispatch, settlements with the next group (architecture.md 1)."""
    journal = start(sqlite_ledger)
    first = make_intent()
    await journal.record_intent(first)
    disk = SlowDisk(journal)
    waiting = asyncio.create_task(journal.record_intent(make_intent()))
    await asyncio.to_thread(disk.syncing.wait, 20)
    await journal.record_event(make_event(first.request_id))
    assert not waiting.done()
    disk.go_on.set()
    await waiting
    await journal.close()


async def test_relaxed_durability_waits_for_no_disk(
    tmp_path: Path, start: Callable[..., SqlJournal]
) -> None:
    ledger = open_ledger(None, data_dir=tmp_path, clock=SystemClock(), durability="relaxed")
    upgrade_ledger(ledger)
    journal = start(ledger)
    disk = SlowDisk(journal)
    await journal.record_intent(make_intent())
    await asyncio.to_thread(disk.syncing.wait, 20)
    disk.go_on.set()
    await journal.close()
    ledger.close()


async def test_settlements_are_synced_soon_when_no_intent_follows(
    sqlite_ledger: Ledger, start: Callable[..., SqlJournal]
) -> None:
    journal = start(sqlite_ledger)
    intent = make_intent()
    await journal.record_intent(intent)
    disk = SlowDisk(journal)
    await journal.record_event(make_event(intent.request_id))
    assert await asyncio.to_thread(disk.syncing.wait, 20)
    disk.go_on.set()
    await journal.close()


async def test_a_failed_sync_ends_the_process(
    sqlite_ledger: Ledger, start: Callable[..., SqlJournal], fatal: Fatal
) -> None:
    """The kernel may have dropped the pages: nothing may be acknowledged after it."""
    journal = start(sqlite_ledger)
    await journal.record_intent(make_intent())

    def fail() -> None:
        raise OSError(5, "Input/output error")

    _engine(journal).sync = fail
    with pytest.raises(LedgerUnavailable, match="Input/output error"):
        await journal.record_intent(make_intent())
    assert await asyncio.to_thread(fatal.called.wait, 20)
    assert fatal.reasons == ["OSError: [Errno 5] Input/output error"]
    assert not journal.available
    with pytest.raises(LedgerUnavailable):
        await journal.record_intent(make_intent())
    with pytest.raises(LedgerUnavailable):
        await journal.record_event(make_event("req_x"))


async def test_a_log_removed_under_us_ends_the_process(
    sqlite_ledger: Ledger, start: Callable[..., SqlJournal], fatal: Fatal
) -> None:
    journal = start(sqlite_ledger)
    await journal.record_intent(make_intent())
    os.unlink(f"{sqlite_ledger.path}-wal")  # noqa: PTH108
    with pytest.raises(LedgerUnavailable):
        await journal.record_intent(make_intent())
    assert await asyncio.to_thread(fatal.called.wait, 20)


def _set_largest_size(journal: SqlJournal, pages: int) -> None:
    _engine(journal)._connection.execute(f"PRAGMA max_page_count={pages}")


async def test_a_full_disk_refuses_intents_and_keeps_events(
    sqlite_ledger: Ledger, start: Callable[..., SqlJournal], fatal: Fatal
) -> None:
    journal = start(sqlite_ledger)
    calls = [make_intent() for _ in range(40)]
    await asyncio.gather(*[journal.record_intent(intent) for intent in calls])
    _set_largest_size(journal, 1)
    events = [make_event(intent.request_id) for intent in calls]
    results = await asyncio.gather(
        *[journal.record_event(event) for event in events], return_exceptions=True
    )
    assert LedgerUnavailable in {type(result) for result in results}
    with pytest.raises(LedgerUnavailable):
        await journal.record_intent(make_intent())
    assert not journal.available
    _set_largest_size(journal, 2**30)
    await journal.close()
    recorded = {call.event.request_id: call.event for call in iterate_calls(sqlite_ledger)}
    assert {event.request_id: event for event in events} == recorded
    assert fatal.reasons == []


async def test_the_journal_recovers_by_itself(
    sqlite_ledger: Ledger, start: Callable[..., SqlJournal]
) -> None:
    journal = start(sqlite_ledger)
    _set_largest_size(journal, 1)
    calls = [make_intent() for _ in range(50)]
    results = await asyncio.gather(
        *[journal.record_intent(intent) for intent in calls], return_exceptions=True
    )
    assert LedgerUnavailable in {type(result) for result in results}
    _set_largest_size(journal, 2**30)
    async with asyncio.timeout(20):
        while not journal.available:
            await asyncio.to_thread(threading.Event().wait, 0.01)
    recorded = [call for call, result in zip(calls, results, strict=True) if result is None]
    await journal.record_intent(again := make_intent())
    for intent in (*recorded, again):
        await journal.record_event(make_event(intent.request_id))
    await journal.close()
    assert count(sqlite_ledger, "intents") == count(sqlite_ledger, "usage_events")


async def test_a_full_queue_refuses_intents_and_counts_refusals_it_drops(
    sqlite_ledger: Ledger, start: Callable[..., SqlJournal]
) -> None:
    journal = start(sqlite_ledger, queue_limit=5)
    intent = make_intent()
    await journal.record_intent(intent)
    with sqlite_ledger.locked():
        taken = asyncio.create_task(journal.record_intent(make_intent()))
        await asyncio.sleep(0)
        while journal.waiting:
            await asyncio.to_thread(threading.Event().wait, 0.001)
        queued = [asyncio.create_task(journal.record_intent(make_intent())) for _ in range(5)]
        await asyncio.sleep(0)
        with pytest.raises(LedgerUnavailable, match="5 facts wait"):
            await journal.record_intent(make_intent())
        journal.record_refusal(make_refusal())
        settling = asyncio.create_task(journal.record_event(make_event(intent.request_id)))
        await asyncio.sleep(0)
    await asyncio.gather(taken, settling, *queued)
    await journal.close()
    assert journal.counts.dropped == 1
    assert (count(sqlite_ledger, "intents"), count(sqlite_ledger, "usage_events")) == (7, 1)


async def test_a_caller_hears_in_time_when_the_lock_never_comes(
    sqlite_ledger: Ledger, start: Callable[..., SqlJournal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outlay.stores.ledger.journal.TIMEOUT_S", 0.05)
    journal = start(sqlite_ledger)
    intent = make_intent()
    with sqlite_ledger.locked(), pytest.raises(LedgerUnavailable, match="did not answer"):
        await journal.record_intent(intent)
    await journal.close()
    ended = [call.event.ending for call in iterate_calls(sqlite_ledger)]
    assert ended in ([], [Ending.NEVER_SENT])


def _error_of(statement: str, path: Path) -> sqlite.Error:
    connection = sqlite.connect(path)
    with pytest.raises(sqlite.Error) as raised:
        connection.execute(statement)
    connection.close()
    return raised.value


async def test_failures_are_told_apart(
    sqlite_ledger: Ledger, start: Callable[..., SqlJournal], tmp_path: Path
) -> None:
    (garbage := tmp_path / "garbage").write_bytes(b"not a database" * 100)
    judge = _engine(journal := start(sqlite_ledger)).judge
    not_null = _error_of("INSERT INTO revisions (topic) VALUES ('x')", sqlite_ledger.path)
    assert judge(_error_of("SELECT * FROM x", garbage)) is Failure.BROKEN
    assert judge(OSError(5, "I/O error")) is Failure.BROKEN
    assert judge(RuntimeError("a defect of ours")) is Failure.BROKEN
    assert judge(_error_of("SELECT * FROM nothing", sqlite_ledger.path)) is Failure.AWAY
    assert judge(not_null) is Failure.ROW
    assert judge(OverflowError()) is Failure.ROW
    await journal.close()


async def test_after_closing_nothing_is_taken(
    sqlite_ledger: Ledger, start: Callable[..., SqlJournal]
) -> None:
    journal = start(sqlite_ledger)
    await journal.close()
    await journal.close()
    with pytest.raises(LedgerUnavailable):
        await journal.record_intent(make_intent())
    with pytest.raises(LedgerUnavailable):
        await journal.record_event(make_event("req_x"))


@pytest.fixture
def own_postgres(postgres_bin: Path) -> Iterator[PostgresServer]:
    """A server that a test may stop."""
    server = PostgresServer(postgres_bin)
    yield server
    server.remove()


@pytest.mark.postgres
async def test_the_journal_survives_a_crash_of_postgresql(
    own_postgres: PostgresServer, tmp_path: Path, start: Callable[..., SqlJournal], fatal: Fatal
) -> None:
    """Intents are refused while the server is away, events wait, and the boot is held again."""
    own_postgres.execute("CREATE DATABASE crash")
    ledger = open_ledger(own_postgres.url("crash"), data_dir=tmp_path, clock=SystemClock())
    upgrade_ledger(ledger)
    journal = start(ledger)
    intent = make_intent()
    await journal.record_intent(intent)
    own_postgres.crash()
    with pytest.raises(LedgerUnavailable):
        await journal.record_event(make_event(intent.request_id))
    with pytest.raises(LedgerUnavailable):
        await journal.record_intent(make_intent())
    own_postgres.start()
    await journal.close()
    [call] = iterate_calls(ledger)
    assert make_event(intent.request_id) == call.event
    assert fatal.reasons == []
    ledger.close()
