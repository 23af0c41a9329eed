"""Opening a ledger: what is made, what is refused, and how it is read and written."""

import stat
from pathlib import Path

import pytest
from pysqlite3 import dbapi2 as sqlite
from sqlalchemy import insert, select

from outlay.kernel.clock import SystemClock
from outlay.kernel.errors import LedgerUnavailable, SettingsError
from outlay.stores.ledger.connection import (
    Durability,
    Ledger,
    _refuse_old_sqlite,
    bump_revision,
    open_ledger,
    read_revisions,
)
from outlay.stores.ledger.schema import price_books

_BOOK = {"created_at_us": 1, "source": "test", "body": b"{}"}


def test_everything_in_the_data_directory_is_for_its_owner_only(sqlite_ledger: Ledger) -> None:
    with sqlite_ledger.write() as connection:
        connection.execute(insert(price_books).values(revision="a", **_BOOK))
    assert 0o700 == stat.S_IMODE(sqlite_ledger.data_dir.stat().st_mode)
    files = [path for path in sqlite_ledger.data_dir.iterdir() if path.is_file()]
    assert {"ledger.sqlite3", "ledger.sqlite3-wal", "ledger.lock"} <= {path.name for path in files}
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in files}


def test_sqlite_with_the_wal_reset_bug_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"3\.51\.2 has the WAL-reset bug"):
        _refuse_old_sqlite((3, 51, 2))
    _refuse_old_sqlite((3, 51, 3))


def test_commits_never_checkpoint(sqlite_ledger: Ledger) -> None:
    with sqlite_ledger.read() as connection:
        assert connection.exec_driver_sql("PRAGMA wal_autocheckpoint").scalar() == 0
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


@pytest.mark.parametrize(
    "url", ["mysql://x/y", "no url at all", "sqlite://", "sqlite:///:memory:", "duckdb:///x.db"]
)
def test_other_databases_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"SQLite|sqlite"):
        open_ledger(url, data_dir=tmp_path, clock=SystemClock())


def test_a_password_is_never_part_of_a_message(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        open_ledger("mysql://me:hunter2@host/db", data_dir=tmp_path, clock=SystemClock())
    assert "hunter2" not in str(refused.value)


def test_an_unknown_durability_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="full or relaxed"):
        open_ledger(None, data_dir=tmp_path, clock=SystemClock(), durability="fast")


def test_a_ledger_that_must_exist_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no ledger at"):
        open_ledger(None, data_dir=tmp_path, clock=SystemClock(), create=False)
    assert not (tmp_path / "ledger.sqlite3").exists()


def test_a_ledger_may_live_where_its_url_says(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.db"
    ledger = open_ledger(f"sqlite:///{path}", data_dir=tmp_path / "data", clock=SystemClock())
    assert (path, Durability.FULL) == (ledger.path, ledger.durability)
    ledger.close()


def test_a_block_that_raises_writes_nothing(ledger: Ledger) -> None:
    def write_half() -> None:
        with ledger.write() as connection:
            connection.execute(insert(price_books).values(revision="a", **_BOOK))
            raise KeyError

    with pytest.raises(KeyError):
        write_half()
    with ledger.read() as connection:
        assert connection.execute(select(price_books)).all() == []


def test_a_reader_cannot_write(ledger: Ledger) -> None:
    with pytest.raises(Exception, match=r"(?i)read.?only"), ledger.read() as connection:
        connection.execute(insert(price_books).values(revision="a", **_BOOK))


def test_a_reader_sees_one_state_throughout(sqlite_ledger: Ledger) -> None:
    with sqlite_ledger.read() as connection:
        assert read_revisions(connection) == {}
        with sqlite_ledger.write() as other:
            bump_revision(other, "keys")
        assert read_revisions(connection) == {}
    with sqlite_ledger.read() as connection:
        assert read_revisions(connection) == {"keys": 1}


def test_revisions_only_rise(ledger: Ledger) -> None:
    with ledger.write() as connection:
        assert [1, 2] == [bump_revision(connection, "keys") for _ in range(2)]
        assert bump_revision(connection, "prices") == 1
    with ledger.read() as connection:
        assert read_revisions(connection) == {"keys": 2, "prices": 1}


def test_a_ledger_that_a_shell_has_locked_is_unavailable(
    sqlite_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outlay.stores.ledger.connection.BUSY_TIMEOUT_MS", 1)
    ledger = open_ledger(None, data_dir=sqlite_ledger.data_dir, clock=SystemClock())
    shell = sqlite.connect(ledger.path, isolation_level=None)
    shell.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerUnavailable, match="locked"), ledger.write() as connection:
        bump_revision(connection, "keys")
    shell.execute("ROLLBACK")
    shell.close()
    ledger.close()


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite3").write_bytes(b"not a database" * 100)
    ledger = open_ledger(None, data_dir=tmp_path, clock=SystemClock())
    with pytest.raises(LedgerUnavailable, match="not a database"):
        ledger.schema_revision()
    ledger.close()
