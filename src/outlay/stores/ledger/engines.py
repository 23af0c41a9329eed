"""The writer's connection on each engine: how a group is committed, and how it reaches the disk.

SQLite: a commit leaves its frames in the write-ahead log, and `sync` calls fdatasync on that file.
It is what SQLite itself does at `synchronous=FULL`, but outside the write lock: the lock is held
while rows are written (a millisecond), never while the disk syncs, and a settlement waits for no
sync at all. A checkpoint syncs the log before it copies from it, so a log that begins anew between
commit and sync loses nothing. PostgreSQL: a group with intents commits synchronously, a group of
settlements asynchronously. Source: ADR 0008.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import Enum, auto
from pathlib import Path
from typing import Any, Protocol

import msgspec
from pysqlite3 import dbapi2 as sqlite

from outlay.stores.ledger.connection import LOCK_NAME, Durability, Ledger
from outlay.stores.ledger.liveness import Boot
from outlay.stores.ledger.statements import Statements
from outlay.stores.ledger.write_lock import WriteLock

UNTRUSTED = {10: "SQLITE_IOERR", 11: "SQLITE_CORRUPT", 26: "SQLITE_NOTADB"}
"""Result codes after which this process must not trust the file (sqlite.org/rescode.html)."""
ROW_ERRORS = (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError)
"""What Python raises when a value cannot be a cell."""


class Failure(Enum):
    """What a failure means: this row is bad, the ledger is away for now, the file is broken."""

    ROW = auto()
    AWAY = auto()
    BROKEN = auto()


class Syncing(Enum):
    """When a durable group reaches the disk: by `sync`, within its commit, or some time later."""

    AFTER_COMMIT = auto()
    AT_COMMIT = auto()
    LATER = auto()


class WriterEngine(Protocol):
    """One connection of a writer thread."""

    statements: Statements
    syncing: Syncing
    longest_lock_wait_us: int

    def quick(self, *, durable: bool) -> AbstractContextManager[Any]:
        """Give a cursor in a transaction whose statements succeed together or not at all."""
        ...

    def careful(self, *, durable: bool) -> AbstractContextManager[Any]:
        """Give a cursor in a transaction where savepoints and results may be asked for."""
        ...

    def sync(self) -> None:
        """Make everything that was committed so far survive a power cut."""
        ...

    def judge(self, error: BaseException) -> Failure:
        """Say what a failure within a transaction or a sync means."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class SqliteWriter:
    """Writes to a SQLite file, one process at a time behind the kernel's file lock."""

    def __init__(self, ledger: Ledger) -> None:
        """Connect, and open the write-ahead log for syncing; it lives as long as the connection."""
        self.statements = Statements(ledger.engine.dialect)
        full = ledger.durability is Durability.FULL
        self.syncing = Syncing.AFTER_COMMIT if full else Syncing.LATER
        self._lock = WriteLock(ledger.path.parent / LOCK_NAME)
        self._connection = ledger.connect()
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute("SELECT 1 FROM boots LIMIT 1").fetchall()
        self.longest_lock_wait_us = 0
        self._clock = ledger.clock
        self._log = os.open(Path(f"{ledger.path}-wal"), os.O_RDWR | os.O_CLOEXEC)

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        connection = self._connection
        asked_us = self._clock.monotonic_us()
        with self._lock.held():
            waited_us = self._clock.monotonic_us() - asked_us
            self.longest_lock_wait_us = max(self.longest_lock_wait_us, waited_us)
            cursor = connection.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def quick(self, *, durable: bool) -> AbstractContextManager[Any]:  # noqa: ARG002
        """Give a cursor in a transaction; `durable` groups are told apart by who calls `sync`."""
        return self._transaction()

    careful = quick

    def sync(self) -> None:
        """Sync the write-ahead log, all frames written so far."""
        if os.fstat(self._log).st_nlink == 0:
            raise OSError(errno.ENOENT, "the ledger's write-ahead log was removed under us")
        os.fdatasync(self._log)

    def judge(self, error: BaseException) -> Failure:
        """Take a failed sync, an I/O error and a damaged file as the end of this process."""
        if isinstance(error, OSError):
            return Failure.BROKEN
        if isinstance(error, sqlite.Error):
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in UNTRUSTED:
                return Failure.BROKEN
            away = isinstance(error, sqlite.OperationalError | sqlite.InternalError)
            return Failure.AWAY if away else Failure.ROW
        return Failure.ROW if isinstance(error, ROW_ERRORS) else Failure.BROKEN

    def close(self) -> None:
        """Close the log first, so that the last connection may remove it."""
        os.close(self._log)
        self._connection.close()
        self._lock.close()


class PostgresWriter:
    """Writes to PostgreSQL on one connection, made anew after the server was away."""

    def __init__(self, ledger: Ledger, boot: Boot) -> None:
        """Connect; the session holds the boot's liveness lock."""
        full = ledger.durability is Durability.FULL
        self.syncing = Syncing.AT_COMMIT if full else Syncing.LATER
        self.statements = Statements(ledger.engine.dialect)
        self.longest_lock_wait_us = 0
        self._ledger = ledger
        self._driver: Any = ledger.engine.dialect.loaded_dbapi
        self._boot = boot
        self._connection = self._connect()

    def quick(self, *, durable: bool) -> AbstractContextManager[Any]:
        """Give a cursor whose statements travel in one round trip."""
        return self._transaction(durable=durable, pipelined=True)

    def careful(self, *, durable: bool) -> AbstractContextManager[Any]:
        """Give a cursor whose statements are answered one by one."""
        return self._transaction(durable=durable, pipelined=False)

    @contextmanager
    def _transaction(self, *, durable: bool, pipelined: bool) -> Iterator[Any]:
        connection = self._connected()
        commits = "on" if durable and self.syncing is Syncing.AT_COMMIT else "off"
        with (
            connection.pipeline() if pipelined else nullcontext(),
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"SET LOCAL synchronous_commit = {commits}")
            yield cursor

    def _connected(self) -> Any:
        if self._connection.closed:
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> Any:
        connection = self._ledger.connect()
        self._boot.hold(connection)
        return connection

    def sync(self) -> None:
        """Leave it to the server: its log writer flushes asynchronous commits every 200 ms."""

    def judge(self, error: BaseException) -> Failure:
        """Take what the server says of values as a bad row, everything else as being away."""
        driver = self._driver
        bad = (driver.DataError, driver.IntegrityError, driver.ProgrammingError)
        if isinstance(error, (*bad, driver.NotSupportedError, *ROW_ERRORS)):
            return Failure.ROW
        return Failure.AWAY

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def open_writer(ledger: Ledger, boot: Boot) -> WriterEngine:
    """Connect the writer of a boot to the ledger's engine.

    Raises:
        LedgerUnavailable: the database is away.
    """
    return SqliteWriter(ledger) if ledger.is_sqlite else PostgresWriter(ledger, boot)
