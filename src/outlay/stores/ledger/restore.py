"""Puts a backup in the place of a SQLite ledger; what stood there is kept beside it."""

import os
import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pysqlite3 import dbapi2 as sqlite

from outlay.kernel.clock import Clock, from_us
from outlay.stores.ledger.backup import (
    BackupFacts,
    BackupRefused,
    check_backup,
    sha256_of,
    sync_directory,
)
from outlay.stores.ledger.connection import LOCK_NAME
from outlay.stores.ledger.write_lock import WriteLock


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did.

    Attributes:
        backup: what was put back.
        kept: where the ledger that stood there is now; None when there was none.
        revived_key_ids: keys that are active again though they had been revoked since the backup;
            None when no ledger stood there to tell.
    """

    backup: BackupFacts
    kept: Path | None
    revived_key_ids: frozenset[str] | None


def restore_backup(backup: Path, ledger_path: Path, clock: Clock, *, replace: bool) -> Restored:
    """Check a backup and put it where the ledger is. The caller keeps `serve` from running.

    Raises:
        BackupRefused: the backup is not sound, or a ledger stands there and may not be replaced.
    """
    facts = check_backup(backup)
    ledger_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = WriteLock(ledger_path.parent / LOCK_NAME)
    try:
        with lock.held():
            return _put_back(facts, ledger_path, clock, replace=replace)
    finally:
        lock.close()


def _put_back(facts: BackupFacts, path: Path, clock: Clock, *, replace: bool) -> Restored:
    if path.exists() and not replace and _holds_something(path):
        raise BackupRefused(
            f"a ledger stands at {path} already: --force replaces it (it is kept beside, renamed)"
        )
    draft = path.with_name(f"{path.name}.restoring")
    try:
        _copy(facts, draft)
        revoked = _revoked_keys(path) if path.exists() else None
        kept = _set_aside(path, clock) if path.exists() else None
        draft.rename(path)
        sync_directory(path.parent)
    finally:
        draft.unlink(missing_ok=True)
    revived = None if revoked is None else facts.active_key_ids & revoked
    return Restored(facts, kept, revived)


def _copy(facts: BackupFacts, draft: Path) -> None:
    """Copy the backup and check the copy: the disk may be full or faulty just now."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    with facts.path.open("rb") as source, os.fdopen(os.open(draft, flags, 0o600), "wb") as target:
        shutil.copyfileobj(source, target)
        target.flush()
        os.fsync(target.fileno())
    if sha256_of(draft) != facts.sha256:
        raise BackupRefused(f"{facts.path} changed while it was copied, or the disk is faulty")


def _holds_something(path: Path) -> bool:
    """Say whether a file is more than an empty ledger; an unreadable one may hold anything."""
    try:
        with closing(sqlite.connect(path)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
            if not tables:
                return False
            query = "SELECT EXISTS (SELECT 1 FROM intents) OR EXISTS (SELECT 1 FROM api_keys)"
            return bool(connection.execute(query).fetchone()[0])
    except sqlite.Error:
        return True


def _revoked_keys(path: Path) -> frozenset[str] | None:
    """Return the keys that the present ledger knows as revoked; None when it cannot be read."""
    try:
        with closing(sqlite.connect(path)) as connection:
            rows = connection.execute("SELECT key_id FROM api_keys WHERE revoked_at_us IS NOT NULL")
            return frozenset(key_id for (key_id,) in rows)
    except sqlite.Error:
        return None


def _set_aside(path: Path, clock: Clock) -> Path:
    """Rename the present ledger with everything that belongs to it."""
    stamp = from_us(clock.now_us()).strftime("%Y%m%dT%H%M%S%fZ")
    kept = path.with_name(f"{path.name}.before-restore-{stamp}")
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(kept.with_name(kept.name + suffix))
    return kept
