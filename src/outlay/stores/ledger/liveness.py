"""Whether the process of a boot lives: a lock that the kernel or the server frees when it ends.

On SQLite each boot holds `flock` on a file of its own beside the ledger, on PostgreSQL the advisory
lock of its writer's session. Age alone never makes a boot dead. Source: ADR 0009.
"""

import fcntl
import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import func, insert, select, text, update

from outlay.kernel.clock import Clock
from outlay.kernel.ids import BootId
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.schema import boots, intents

FOLDER = "boots"


class Boot:
    """One life of this process, entered in the ledger and held by a lock until it ends."""

    def __init__(self, ledger: Ledger, boot_id: BootId, clock: Clock, lock: int | None) -> None:
        """Use `begin`."""
        self.boot_id = boot_id
        self._ledger = ledger
        self._clock = clock
        self._lock = lock

    @classmethod
    def begin(cls, ledger: Ledger, boot_id: BootId, clock: Clock, *, role: str) -> Self:
        """Hold the lock, then enter the boot: a sweep never sees it without its lock.

        Raises:
            LedgerUnavailable: the ledger cannot be written.
        """
        lock = _lock_file(ledger, boot_id) if ledger.is_sqlite else None
        newest = select(func.coalesce(func.max(intents.c.seq), 0)).scalar_subquery()
        entered = insert(boots).values(
            boot_id=boot_id,
            node=socket.gethostname(),
            pid=os.getpid(),
            role=role,
            started_at_us=clock.now_us(),
            low_water_seq=newest,
        )
        with ledger.write() as connection:
            connection.execute(entered)
        return cls(ledger, boot_id, clock, lock)

    def hold(self, session: Any) -> None:
        """Hold the boot's advisory lock on a new PostgreSQL session, and revive the boot.

        A sweep may have taken it for dead while the server was away; its calls were closed then,
        and their late events become corrections.
        """
        session.execute("SELECT pg_advisory_lock(%s)", (_key(self.boot_id),))
        session.execute("UPDATE boots SET ended_at_us = NULL WHERE boot_id = %s", (self.boot_id,))

    def end(self, *, settled: bool) -> None:
        """Give the lock back. A boot without open calls has ended; any other is left to the sweep.

        Raises:
            LedgerUnavailable: the ledger cannot be written; a sweep ends the boot then.
        """
        try:
            if settled:
                mark_ended(self._ledger, self.boot_id, self._clock.now_us())
        finally:
            if self._lock is not None:
                if settled:
                    _lock_path(self._ledger, self.boot_id).unlink(missing_ok=True)
                os.close(self._lock)
                self._lock = None


def mark_ended(ledger: Ledger, boot_id: str, ended_at_us: int) -> None:
    """Note that a boot has ended and left nothing open."""
    with ledger.write() as connection:
        ended = update(boots).where(boots.c.boot_id == boot_id)
        connection.execute(ended.values(ended_at_us=ended_at_us))


@contextmanager
def dead(ledger: Ledger, boot_id: str) -> Iterator[bool]:
    """Say whether a boot's process has ended; if so, nobody else finds that during the block."""
    held = _file_is_free(ledger, boot_id) if ledger.is_sqlite else _key_is_free(ledger, boot_id)
    with held as is_dead:
        yield is_dead


def forget(ledger: Ledger, boot_id: str) -> None:
    """Remove what a swept boot left beside the ledger."""
    if ledger.is_sqlite:
        _lock_path(ledger, boot_id).unlink(missing_ok=True)


@contextmanager
def _file_is_free(ledger: Ledger, boot_id: str) -> Iterator[bool]:
    file = _open(_lock_path(ledger, boot_id))
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(file)


@contextmanager
def _key_is_free(ledger: Ledger, boot_id: str) -> Iterator[bool]:
    with ledger.read() as connection:
        key = {"key": _key(boot_id)}
        free = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key))
        try:
            yield free
        finally:
            if free:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)


def _lock_file(ledger: Ledger, boot_id: str) -> int:
    file = _open(_lock_path(ledger, boot_id))
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _open(path: Path) -> int:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _lock_path(ledger: Ledger, boot_id: str) -> Path:
    return ledger.path.parent / FOLDER / f"{boot_id}.lock"


def _key(boot_id: str) -> int:
    """Turn a boot id into the 64-bit number that names its advisory lock."""
    digest = hashlib.blake2b(boot_id.encode(), digest_size=8, person=b"outlay-boot").digest()
    return int.from_bytes(digest, signed=True)
