"""Copies SQLite's write-ahead log into the ledger's file; only the control process does it.

A commit that checkpointed by itself would sync the database within the write lock (measured: 17 ms
at p99 on a disk with 5 ms a sync). Source: ADR 0008.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outlay.stores.ledger.connection import Ledger

TRUNCATE_BYTES = 64 * 1024 * 1024
"""A log of this size begins anew, which needs the write lock for a moment."""
PATIENCE_MS = 50
"""How long a new beginning waits for readers while it holds the write lock."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint did: frames in the log, frames copied, and the size of the log after it."""

    log_frames: int
    copied_frames: int
    log_bytes: int


class Checkpointer:
    """Checkpoints on a connection of its own, kept open between runs."""

    def __init__(self, ledger: Ledger, *, truncate_bytes: int = TRUNCATE_BYTES) -> None:
        """Work on a SQLite ledger; nothing is opened yet.

        Raises:
            SettingsError: the ledger is a PostgreSQL database, which checkpoints itself.
        """
        self._ledger = ledger
        self._log = Path(f"{ledger.path}-wal")
        self._truncate_bytes = truncate_bytes
        self._connection: Any = None

    def run(self) -> Checkpoint:
        """Copy what can be copied without making anybody wait; begin a log anew that is too large.

        Raises:
            LedgerUnavailable: the ledger cannot be opened.
        """
        if self._connection is None:
            self._connection = self._ledger.connect()
            self._connection.execute(f"PRAGMA busy_timeout={PATIENCE_MS}")
        copied = self._checkpoint("PASSIVE")
        if copied.log_bytes < self._truncate_bytes:
            return copied
        with self._ledger.locked():
            return self._checkpoint("TRUNCATE")

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _checkpoint(self, mode: str) -> Checkpoint:
        _, frames, copied = self._connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        return Checkpoint(frames, copied, self._log.stat().st_size)
