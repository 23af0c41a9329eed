"""Backups are whole, checked, and put back without losing what stood there."""

import asyncio
import hashlib
import stat
import threading
from pathlib import Path

import pytest
from pysqlite3 import dbapi2 as sqlite
from sqlalchemy import insert, text

from outlay.kernel.clock import FrozenClock, SystemClock
from outlay.kernel.errors import SettingsError
from outlay.kernel.ids import BootId
from outlay.stores.ledger.backup import BackupFacts, BackupRefused, check_backup, take_backup
from outlay.stores.ledger.connection import Ledger, open_ledger
from outlay.stores.ledger.journal import SqlJournal
from outlay.stores.ledger.restore import restore_backup
from outlay.stores.ledger.schema import SCHEMA_REVISION, api_keys
from outlay.stores.ledger.upgrade import upgrade_ledger
from outlay.stores.ledger.verify import verify_ledger
from tests.ledgers import NOON, NOON_US, count, make_event, make_intent


def _fail(reason: str) -> None:
    raise AssertionError(reason)


def _silent(_done: int, _total: int) -> None:
    pass


async def _record(ledger: Ledger, calls: int, boot_id: str = "boot_1") -> None:
    journal = SqlJournal.start(ledger, BootId(boot_id), SystemClock(), on_fatal=_fail)
    for _ in range(calls):
        intent = make_intent(boot_id)
        await journal.record_intent(intent)
        await journal.record_event(make_event(intent.request_id))
    await journal.close()


def _add_key(ledger: Ledger, key_id: str) -> None:
    with ledger.write() as connection:
        connection.execute(
            insert(api_keys).values(
                key_id=key_id,
                name=key_id,
                digest=key_id.encode(),
                shown_prefix="sk-outlay-",
                permissions="[]",
                defaults="{}",
                pins="{}",
                required="[]",
                allowed="{}",
                cancel_on_hang_up=False,
                created_at_us=NOON_US,
                created_by="test",
            )
        )


def _revoke_key(ledger: Ledger, key_id: str) -> None:
    with ledger.write() as connection:
        statement = text("UPDATE api_keys SET revoked_at_us = 1 WHERE key_id = :key_id")
        connection.execute(statement, {"key_id": key_id})


@pytest.fixture
async def backup(sqlite_ledger: Ledger, tmp_path: Path) -> BackupFacts:
    """A backup with three calls and the active keys a and b."""
    await _record(sqlite_ledger, 3)
    _add_key(sqlite_ledger, "key_a")
    _add_key(sqlite_ledger, "key_b")
    take_backup(sqlite_ledger, tmp_path / "backup.db", progress=_silent)
    return check_backup(tmp_path / "backup.db")


def test_a_backup_is_one_private_file_with_its_checksum(backup: BackupFacts) -> None:
    beside = Path(f"{backup.path}.sha256")
    digest = hashlib.sha256(backup.path.read_bytes()).hexdigest()
    assert f"{digest}  backup.db\n" == beside.read_text()
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in (backup.path, beside)}
    assert sorted(["backup.db", "backup.db.sha256", "data"]) == sorted(
        path.name for path in backup.path.parent.iterdir()
    )


def test_a_backup_says_what_it_holds(backup: BackupFacts) -> None:
    assert SCHEMA_REVISION == backup.schema_revision
    assert {"key_a", "key_b"} == backup.active_key_ids
    assert backup.newest_booked_at_us is not None
    assert backup.bytes == backup.path.stat().st_size


async def test_a_backup_is_consistent_while_others_write(
    sqlite_ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One view throughout: no event without its intent, and no copy that starts over and over."""
    monkeypatch.setattr("outlay.stores.ledger.backup.PAGES_PER_STEP", 5)
    await _record(sqlite_ledger, 30)
    journal = SqlJournal.start(sqlite_ledger, BootId("boot_2"), SystemClock(), on_fatal=_fail)
    stop = threading.Event()

    async def calls() -> None:
        while not stop.is_set():
            intent = make_intent("boot_2")
            await journal.record_intent(intent)
            await journal.record_event(make_event(intent.request_id))

    working = [asyncio.create_task(calls()) for _ in range(4)]
    steps: list[tuple[int, int]] = []
    path = tmp_path / "backup.db"
    await asyncio.to_thread(
        take_backup, sqlite_ledger, path, progress=lambda *told: steps.append(told)
    )
    stop.set()
    await asyncio.gather(*working)
    await journal.close()
    restored = tmp_path / "restored" / "ledger.sqlite3"
    restore_backup(path, restored, SystemClock(), replace=False)
    ledger = open_ledger(None, data_dir=restored.parent, clock=SystemClock())
    codes = {f.code for check in verify_ledger(ledger) for f in check.findings}
    assert codes <= {"open_call_of_dead_boot"}
    assert len({total for _, total in steps}) == 1
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    ledger.close()


def test_a_backup_never_overwrites(backup: BackupFacts, sqlite_ledger: Ledger) -> None:
    with pytest.raises(BackupRefused, match="exists already"):
        take_backup(sqlite_ledger, backup.path, progress=_silent)


def test_a_backup_that_cannot_be_written_says_so(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(BackupRefused, match="cannot be written"):
        take_backup(sqlite_ledger, tmp_path / "nowhere" / "backup.db", progress=_silent)


def test_a_restored_ledger_is_the_one_that_was_backed_up(
    backup: BackupFacts, tmp_path: Path
) -> None:
    path = tmp_path / "new" / "ledger.sqlite3"
    restored = restore_backup(backup.path, path, SystemClock(), replace=False)
    ledger = open_ledger(None, data_dir=path.parent, clock=SystemClock(), create=False)
    assert (None, None) == (restored.kept, restored.revived_key_ids)
    assert 3 == count(ledger, "usage_events")
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert [] == [f for check in verify_ledger(ledger) for f in check.findings]
    ledger.close()


async def test_a_standing_ledger_is_replaced_only_when_told_and_kept(
    backup: BackupFacts, sqlite_ledger: Ledger
) -> None:
    await _record(sqlite_ledger, 2, "boot_2")
    path, clock = sqlite_ledger.path, FrozenClock(NOON)
    with pytest.raises(BackupRefused, match="--force"):
        restore_backup(backup.path, path, clock, replace=False)
    sqlite_ledger.close()
    restored = restore_backup(backup.path, path, clock, replace=True)
    assert restored.kept is not None
    assert restored.kept.name == "ledger.sqlite3.before-restore-20261120T120000000000Z"
    for file, calls in ((path, 3), (restored.kept, 5)):
        connection = sqlite.connect(file)
        assert (calls,) == connection.execute("SELECT count(*) FROM usage_events").fetchone()
        connection.close()


def test_keys_revoked_after_the_backup_are_named(
    backup: BackupFacts, sqlite_ledger: Ledger
) -> None:
    _revoke_key(sqlite_ledger, "key_b")
    path = sqlite_ledger.path
    sqlite_ledger.close()
    restored = restore_backup(backup.path, path, SystemClock(), replace=True)
    assert restored.revived_key_ids == frozenset({"key_b"})


def test_an_empty_ledger_gives_way(backup: BackupFacts, tmp_path: Path) -> None:
    empty = open_ledger(None, data_dir=tmp_path / "empty", clock=SystemClock())
    upgrade_ledger(empty)
    empty.close()
    restored = restore_backup(backup.path, empty.path, SystemClock(), replace=False)
    assert restored.revived_key_ids == frozenset()


def test_a_ledger_too_damaged_to_read_is_still_kept(backup: BackupFacts, tmp_path: Path) -> None:
    path = tmp_path / "broken" / "ledger.sqlite3"
    path.parent.mkdir()
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(BackupRefused, match="--force"):
        restore_backup(backup.path, path, SystemClock(), replace=False)
    restored = restore_backup(backup.path, path, SystemClock(), replace=True)
    assert restored.revived_key_ids is None
    assert restored.kept is not None
    assert restored.kept.read_bytes().startswith(b"not a database")


def _flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("at", [200, -200])
def test_a_single_flipped_bit_is_found(backup: BackupFacts, tmp_path: Path, at: int) -> None:
    _flip(backup.path, at)
    with pytest.raises(BackupRefused, match=r"checksum differs|damaged|not a sound"):
        restore_backup(backup.path, tmp_path / "new.sqlite3", SystemClock(), replace=False)
    assert not (tmp_path / "new.sqlite3").exists()


def test_a_backup_without_its_checksum_is_refused(backup: BackupFacts) -> None:
    Path(f"{backup.path}.sha256").unlink()
    with pytest.raises(BackupRefused, match="without the checksum"):
        check_backup(backup.path)


def test_a_missing_backup_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackupRefused, match="there is no backup"):
        check_backup(tmp_path / "nothing")


def _sign(path: Path) -> None:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    Path(f"{path}.sha256").write_text(f"{digest}  {path.name}\n")


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    for name, content in (("empty", b""), ("text", b"hello" * 500)):
        (tmp_path / name).write_bytes(content)
        _sign(tmp_path / name)
        with pytest.raises(BackupRefused, match="not a sound ledger"):
            check_backup(tmp_path / name)


def test_a_backup_of_a_newer_version_is_refused(backup: BackupFacts) -> None:
    connection = sqlite.connect(backup.path, isolation_level=None)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    _sign(backup.path)
    with pytest.raises(BackupRefused, match="newer Outlay"):
        check_backup(backup.path)


@pytest.mark.postgres
def test_postgresql_is_left_to_its_own_tools(postgres_ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="tools of its own"):
        take_backup(postgres_ledger, tmp_path / "backup.db", progress=_silent)
