"""The kernel file lock that every writer of a SQLite ledger queues on.

With SQLite's own waiting one of two busy processes starves for seconds (measured: 4 s, with a slow
disk 8 s); behind `flock` the longest wait is about the work ahead in the queue. Source: ADR 0008.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class WriteLock:
    """One lock file. Threads of a process queue on a mutex, processes on the file."""

    def __init__(self, path: Path) -> None:
        """Open the lock file, readable by its owner only; nothing is locked yet."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._mutex = threading.Lock()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock for a block; waits for as long as another holds it. Not re-entrant."""
        with self._mutex:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the lock file. Harmless twice."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)
