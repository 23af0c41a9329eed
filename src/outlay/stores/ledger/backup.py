"""Backups of a SQLite ledger: taken while others write, checked, and put back as a whole.

A backup is one file of mode 0600 with a checksum beside it (`FILE.sha256`, as `sha256sum -c` reads
it). The master key is not in it: without that key no secret in a backup can be opened.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pysqlite3 import dbapi2 as sqlite

from outlay.kernel.errors import Category, OutlayError
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.schema import SCHEMA_REVISION

PAGES_PER_STEP = 2_000
"""Pages copied between two words of progress (about 8 MB)."""
BLOCK_BYTES = 1 << 20

CopyProgress = Callable[[int, int], None]
"""Told how many pages are copied, and how many there are."""


class BackupRefused(OutlayError):
    """A backup cannot be taken or put back; the text says why and what to do."""

    code = "backup.refused"
    category = Category.CONFLICT


@dataclass(frozen=True, slots=True)
class BackupFacts:
    """What a backup holds: its schema, its newest fact (None: no facts), its active API keys."""

    path: Path
    sha256: str
    bytes: int
    schema_revision: str
    newest_booked_at_us: int | None
    active_key_ids: frozenset[str]


def take_backup(ledger: Ledger, path: Path, *, progress: CopyProgress) -> BackupFacts:
    """Copy the ledger as it is at this moment into a new file. Blocks; writers go on.

    Raises:
        BackupRefused: the file exists already, or the copy is not sound.
        SettingsError: the ledger is a PostgreSQL database.
        LedgerUnavailable: the ledger cannot be read.
    """
    if path.exists() or ledger.path == path:
        raise BackupRefused(f"{path} exists already: choose another name")
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    try:
        _copy_database(ledger, draft, progress)
        facts = read_backup(draft)
        _write_checksum(path, facts.sha256)
        os.link(draft, path)
        sync_directory(path.parent)
    except (OSError, sqlite.Error) as error:
        raise BackupRefused(f"{path} cannot be written: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
    return facts


def check_backup(path: Path) -> BackupFacts:
    """Check a backup file: its checksum, its pages, and that this version knows its schema.

    Raises:
        BackupRefused: it is not what was written, damaged, not a ledger, or of a newer version.
    """
    recorded = _read_checksum(path)
    facts = read_backup(path)
    if facts.sha256 != recorded:
        raise BackupRefused(f"{path} is not what was backed up: its checksum differs")
    if facts.schema_revision > SCHEMA_REVISION:
        raise BackupRefused(
            f"{path} was made by a newer Outlay (schema {facts.schema_revision}): use that version"
        )
    return facts


def read_backup(path: Path) -> BackupFacts:
    """Read what a backup holds, after checking its pages.

    Raises:
        BackupRefused: it is damaged or not a ledger.
    """
    try:
        connection = sqlite.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    except sqlite.Error as error:
        raise BackupRefused(f"{path} cannot be opened: {error}") from error
    try:
        return _read_facts(connection, path)
    except sqlite.Error as error:
        raise BackupRefused(f"{path} is not a sound ledger: {error}") from error
    finally:
        connection.close()


def sha256_of(path: Path) -> str:
    """Hash a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def sync_directory(path: Path) -> None:
    """Make new names in a directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy_database(ledger: Ledger, draft: Path, progress: CopyProgress) -> None:
    """Copy every page of one view of the ledger, which is held open for as long as that takes."""
    os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    source = ledger.connect()
    target = sqlite.connect(draft, isolation_level=None)

    def told(_status: int, remaining: int, total: int) -> None:
        progress(total - remaining, total)

    try:
        source.execute("BEGIN")
        source.execute("SELECT 1 FROM boots LIMIT 1").fetchall()
        source.backup(target, pages=PAGES_PER_STEP, progress=told, sleep=0)
        source.execute("ROLLBACK")
        target.execute("PRAGMA journal_mode=DELETE")
    finally:
        target.close()
        source.close()
    with draft.open("rb") as file:
        os.fsync(file.fileno())


def _read_facts(connection: Any, path: Path) -> BackupFacts:
    damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if damage != "ok":
        raise BackupRefused(f"{path} is damaged: {damage}")
    (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    (newest,) = connection.execute(
        "SELECT max(booked_at_us) FROM (SELECT booked_at_us FROM intents UNION ALL "
        "SELECT booked_at_us FROM usage_events)"
    ).fetchone()
    keys = connection.execute("SELECT key_id FROM api_keys WHERE revoked_at_us IS NULL")
    active = frozenset(key_id for (key_id,) in keys)
    size = path.stat().st_size
    return BackupFacts(path, sha256_of(path), size, revision, newest, active)


def checksum_path(path: Path) -> Path:
    """Return the file that holds the checksum of a backup."""
    return path.with_name(f"{path.name}.sha256")


def _write_checksum(path: Path, sha256: str) -> None:
    beside = checksum_path(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    with os.fdopen(os.open(beside, flags, 0o600), "w") as file:
        file.write(f"{sha256}  {path.name}\n")
        file.flush()
        os.fsync(file.fileno())


def _read_checksum(path: Path) -> str:
    if not path.is_file():
        raise BackupRefused(f"there is no backup {path}")
    beside = checksum_path(path)
    try:
        return beside.read_text().split()[0]
    except (OSError, IndexError) as error:
        raise BackupRefused(
            f"{beside} is missing or empty: without the checksum nobody knows whether {path} is "
            "whole. Put it back beside the backup"
        ) from error
