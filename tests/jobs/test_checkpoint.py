"""Checkpoints copy the log without making writers wait, and begin a large one anew."""

import asyncio
from pathlib import Path

import pytest

from outlay.jobs.checkpoint import Checkpointer
from outlay.kernel.clock import SystemClock
from outlay.kernel.errors import SettingsError
from outlay.kernel.ids import BootId
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.journal import SqlJournal
from tests.ledgers import count, make_intent


def _fail(reason: str) -> None:
    raise AssertionError(reason)


def _log_bytes(ledger: Ledger) -> int:
    return Path(f"{ledger.path}-wal").stat().st_size


async def _record(journal: SqlJournal, calls: int) -> None:
    await asyncio.gather(*[journal.record_intent(make_intent()) for _ in range(calls)])


async def test_the_log_grows_until_it_is_checkpointed(sqlite_ledger: Ledger) -> None:
    journal = SqlJournal.start(sqlite_ledger, BootId("boot_1"), SystemClock(), on_fatal=_fail)
    await _record(journal, 200)
    checkpointer = Checkpointer(sqlite_ledger)
    done = checkpointer.run()
    assert (done.log_frames, done.log_bytes) == (done.copied_frames, _log_bytes(sqlite_ledger))
    assert done.log_frames > 0
    checkpointer.close()
    await journal.close()


async def test_a_large_log_begins_anew_and_intents_stay_durable(sqlite_ledger: Ledger) -> None:
    """The writer's own handle on the log is the same file before and after."""
    journal = SqlJournal.start(sqlite_ledger, BootId("boot_1"), SystemClock(), on_fatal=_fail)
    checkpointer = Checkpointer(sqlite_ledger, truncate_bytes=100_000)
    for _ in range(3):
        await _record(journal, 200)
        assert checkpointer.run().log_bytes == 0
    await _record(journal, 10)
    assert 610 == count(sqlite_ledger, "intents")
    checkpointer.close()
    await journal.close()


async def test_a_reader_delays_a_new_log_but_nobody_else(sqlite_ledger: Ledger) -> None:
    journal = SqlJournal.start(sqlite_ledger, BootId("boot_1"), SystemClock(), on_fatal=_fail)
    checkpointer = Checkpointer(sqlite_ledger, truncate_bytes=1)
    await _record(journal, 50)
    with sqlite_ledger.read() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM intents").scalar()
        await _record(journal, 50)
        assert checkpointer.run().log_bytes > 0
        await _record(journal, 50)
    assert checkpointer.run().log_bytes == 0
    checkpointer.close()
    await journal.close()


@pytest.mark.postgres
def test_postgresql_checkpoints_itself(postgres_ledger: Ledger) -> None:
    with pytest.raises(SettingsError):
        Checkpointer(postgres_ledger)
