"""A ledger that does not answer is told at once to whoever asks, not to each after a long wait."""

import asyncio
import fcntl
import threading
from collections.abc import AsyncIterator

import pytest

from outlay.kernel.clock import SystemClock
from outlay.kernel.errors import LedgerUnavailable
from outlay.kernel.ids import BootId
from outlay.stores.ledger import journal as journal_module
from outlay.stores.ledger import writer as writer_module
from outlay.stores.ledger.connection import LOCK_NAME, Ledger
from outlay.stores.ledger.engines import SqliteWriter
from outlay.stores.ledger.journal import SqlJournal
from tests.ledgers import make_intent, sqlite_ledger

__all__ = ["sqlite_ledger"]

BOOT = "boot_stall"


@pytest.fixture
async def journal(
    sqlite_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SqlJournal]:
    """A journal with little patience."""
    monkeypatch.setattr(writer_module, "STALLED_S", 0.05)
    monkeypatch.setattr(journal_module, "TIMEOUT_S", 0.2)
    started = SqlJournal.start(sqlite_ledger, BootId(BOOT), SystemClock(), on_fatal=pytest.fail)
    yield started
    await started.close()


async def test_behind_a_lock_that_is_never_given_back(
    journal: SqlJournal, sqlite_ledger: Ledger
) -> None:
    with (sqlite_ledger.data_dir / LOCK_NAME).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        await refuse_intents(journal)
    await until_available(journal)


async def test_behind_a_disk_that_does_not_sync(
    journal: SqlJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering = threading.Event()
    monkeypatch.setattr(SqliteWriter, "sync", lambda _self: answering.wait())
    try:
        await refuse_intents(journal)
    finally:
        answering.set()
    await until_available(journal)


async def refuse_intents(journal: SqlJournal) -> None:
    """The first intent waits in vain; the next is refused without a wait."""
    with pytest.raises(LedgerUnavailable, match=r"in 0\.2 s"):
        await journal.record_intent(make_intent(BOOT))
    assert not journal.available
    with pytest.raises(LedgerUnavailable, match="does not answer"):
        await journal.record_intent(make_intent(BOOT))


async def until_available(journal: SqlJournal) -> None:
    async with asyncio.timeout(30):
        while not journal.available:  # noqa: ASYNC110 it tells nobody when
            await asyncio.sleep(0.01)
    await journal.record_intent(make_intent(BOOT))
