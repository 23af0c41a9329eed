"""The connection to the ledger: one SQLite library per process, one way to write, one to read.

SQLite's own commit never checkpoints here (`wal_autocheckpoint=0`): only `jobs/checkpoint` does, in
the control process, since a checkpoint syncs inside the commit that it happens to meet.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Any

from pysqlite3 import dbapi2 as sqlite
from sqlalchemy import Connection, Engine, create_engine, event, make_url, select, text, update
from sqlalchemy.engine import URL
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    InternalError,
    NoSuchModuleError,
    OperationalError,
)

from outlay.kernel.clock import Clock
from outlay.kernel.errors import LedgerUnavailable, SettingsError
from outlay.stores.ledger.schema import SCHEMA_REVISION, revisions
from outlay.stores.ledger.write_lock import WriteLock

OLDEST_SQLITE = (3, 51, 3)
"""Older versions have the WAL-reset bug, which corrupts a database with several writers."""
BUSY_TIMEOUT_MS = 5_000
"""How long a statement waits for a program that locks the file without our lock (a shell)."""
FILE_NAME = "ledger.sqlite3"
LOCK_NAME = "ledger.lock"


class Durability(StrEnum):
    """What an intent survives before its call is sent: a power cut, or the end of any process."""

    FULL = "full"
    RELAXED = "relaxed"


class Ledger:
    """An open ledger: SQLAlchemy engines for reading and writing, and the write lock of SQLite."""

    def __init__(self, url: URL, *, data_dir: Path, clock: Clock, durability: Durability) -> None:
        """Prepare the engines; nothing is connected yet. Use `open_ledger`."""
        self.url = url
        self.data_dir = data_dir
        self.clock = clock
        self.durability = durability
        self.engine = _engine(url, read_only=False)
        self._reader = _engine(url, read_only=True)
        self._lock = WriteLock(self.path.parent / LOCK_NAME) if self.is_sqlite else None

    @property
    def is_sqlite(self) -> bool:
        """Say whether the ledger is a SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def path(self) -> Path:
        """The file of a SQLite ledger.

        Raises:
            SettingsError: the ledger is a PostgreSQL database.
        """
        if not self.is_sqlite or not self.url.database:
            raise SettingsError("this needs a SQLite ledger; PostgreSQL has tools of its own")
        return Path(self.url.database)

    def locked(self) -> AbstractContextManager[None]:
        """Hold the write lock of a SQLite ledger for a block (nothing to hold on PostgreSQL)."""
        return nullcontext() if self._lock is None else self._lock.held()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Run a block in one durable transaction: committed at its end, rolled back if it raises.

        Blocks while others write: call it from a thread, not on an event loop; keep it short, and
        do not nest it.

        Raises:
            LedgerUnavailable: the database is away, locked, full or broken.
        """
        with _translated(), self.locked(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Run a block on one consistent, read-only view. Page by sequence rather than stay long.

        Raises:
            LedgerUnavailable: the database is away or broken.
        """
        with _translated(), self._reader.connect() as connection:
            yield connection

    def connect(self) -> Any:
        """Open a DB-API connection of its own in autocommit mode; the caller closes it.

        Raises:
            LedgerUnavailable: the database is away.
        """
        with _translated():
            pooled = self.engine.raw_connection()
            connection: Any = pooled.driver_connection
            pooled.detach()
            if not self.is_sqlite:
                connection.autocommit = True
            return connection

    def check_schema(self) -> None:
        """Refuse a schema that this version does not know.

        Raises:
            SettingsError: the schema is missing, older or newer; the text says what to do.
        """
        found = self.schema_revision()
        if found is None:
            raise SettingsError("the ledger is empty: run `outlay db upgrade` (serve does it too)")
        if found < SCHEMA_REVISION:
            raise SettingsError(
                f"the ledger's schema is {found}, older than {SCHEMA_REVISION}: "
                "stop serve and run `outlay db upgrade`"
            )
        if found > SCHEMA_REVISION:
            raise SettingsError(
                f"the ledger's schema {found} was made by a newer Outlay than this "
                f"one (it knows up to {SCHEMA_REVISION}): upgrade the program"
            )

    def schema_revision(self) -> str | None:
        """Return the revision of the last migration that ran; None for an empty database."""
        with self.read() as connection:
            if not self.engine.dialect.has_table(connection, "alembic_version"):
                return None
            found = connection.scalar(text("SELECT version_num FROM alembic_version"))
            return None if found is None else str(found)

    def close(self) -> None:
        """Close all pooled connections and the lock file."""
        self.engine.dispose()
        self._reader.dispose()
        if self._lock is not None:
            self._lock.close()


def open_ledger(
    url: str | None,
    *,
    data_dir: Path,
    clock: Clock,
    durability: str = Durability.FULL,
    create: bool = True,
) -> Ledger:
    """Open the ledger at `url`, or `ledger.sqlite3` in the data directory when there is no URL.

    Args:
        url: `sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/NAME`.
        data_dir: where locks live, and the ledger by default; made when missing (mode 0700).
        clock: stamps what the ledger itself writes.
        durability: `full`, or `relaxed` to send calls before their intent is synced to disk.
        create: whether a SQLite file that does not exist is made (mode 0600), empty.

    Raises:
        SettingsError: the URL or the durability is not usable, the SQLite library is too old, or
            there is no ledger and none may be made.
    """
    _refuse_old_sqlite(sqlite.sqlite_version_info)
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    parsed = _parse_url(url or f"sqlite:///{data_dir / FILE_NAME}")
    if parsed.get_backend_name() == "sqlite":
        _prepare_file(Path(parsed.database or ""), create=create)
    try:
        chosen = Durability(durability)
    except ValueError as error:
        raise SettingsError(f"durability is {durability!r}: write full or relaxed") from error
    return Ledger(parsed, data_dir=data_dir, clock=clock, durability=chosen)


def bump_revision(connection: Connection, topic: str) -> int:
    """Raise the revision of a topic (`keys`, `providers`, `prices`) within its change."""
    raised = update(revisions).where(revisions.c.topic == topic)
    changed = connection.execute(raised.values(revision=revisions.c.revision + 1))
    if changed.rowcount == 0:
        connection.execute(revisions.insert().values(topic=topic, revision=1))
    return read_revisions(connection)[topic]


def read_revisions(connection: Connection) -> dict[str, int]:
    """Return the revision of every topic that was ever changed."""
    rows = connection.execute(select(revisions.c.topic, revisions.c.revision))
    return {row.topic: row.revision for row in rows}


def _parse_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise SettingsError(
            "the ledger's URL cannot be read: write sqlite:///PATH or "
            "postgresql://USER:PASSWORD@HOST/NAME"
        ) from error
    backend = parsed.get_backend_name()
    if backend == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed.set(drivername="sqlite+pysqlite")
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    raise SettingsError(f"a ledger cannot be {backend!r}: it is a SQLite file or PostgreSQL")


def _refuse_old_sqlite(found: tuple[int, ...]) -> None:
    if found < OLDEST_SQLITE:
        raise SettingsError(
            f"SQLite {'.'.join(map(str, found))} has the WAL-reset bug; Outlay needs "
            f"{'.'.join(map(str, OLDEST_SQLITE))} or newer: reinstall pysqlite3"
        )


def _prepare_file(path: Path, *, create: bool) -> None:
    """Make an empty file of mode 0600; SQLite gives its mode to the files beside it."""
    if not path.exists():
        if not create:
            raise SettingsError(
                f"there is no ledger at {path}: start `outlay serve` or check OUTLAY_DATA_DIR"
            )
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _engine(url: URL, *, read_only: bool) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, read_only=read_only)
    try:
        one_view = {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}
        options = one_view if read_only else {}
        return create_engine(url, pool_pre_ping=True, execution_options=options)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise SettingsError(
            "a PostgreSQL ledger needs its driver: pip install 'outlay[postgres]'"
        ) from error


def _sqlite_engine(url: URL, *, read_only: bool) -> Engine:
    # Without an adapter the driver searches for one, 1 us for each NULL and boolean it binds.
    sqlite.register_adapter(type(None), {}.get)
    sqlite.register_adapter(bool, int)
    engine = create_engine(url, module=sqlite)
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in _pragmas(read_only=read_only):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _pragmas(*, read_only: bool) -> tuple[str, ...]:
    shared = (f"busy_timeout={BUSY_TIMEOUT_MS}", "wal_autocheckpoint=0", "foreign_keys=ON")
    if read_only:
        return (*shared, "query_only=ON")
    return (*shared, "journal_mode=WAL", "synchronous=FULL")


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the driver's failures into the one that callers know."""
    try:
        yield
    except DBAPIError as error:
        away = isinstance(error, OperationalError | InternalError) or type(error) is DatabaseError
        if not away and not error.connection_invalidated:
            raise
        raise LedgerUnavailable(f"the ledger cannot be used now: {error.orig}") from error
