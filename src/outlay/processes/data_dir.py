"""The data directory of a running `serve`: one at a time, and a clean place for its counters."""

import fcntl
import os
import shutil
from pathlib import Path
from typing import IO

from outlay.kernel.errors import SettingsError

_LOCK_NAME = "serve.lock"
_METRICS_NAME = "metrics"


def claim(data_dir: Path) -> IO[bytes]:
    """Make the directory if needed and take it for this process; kept until the file is closed.

    Raises:
        SettingsError: another `outlay serve` runs on it, or it cannot be made.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        lock = os.fdopen(os.open(data_dir / _LOCK_NAME, flags, 0o600), "ab")
    except OSError as error:
        raise SettingsError(f"the data directory cannot be used: {error}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise SettingsError(
            f"another `outlay serve` runs on {data_dir}: stop it, or choose another --data-dir"
        ) from error
    return lock


def prepare_metrics(data_dir: Path) -> None:
    """Start the counters of all processes from zero, in files that every process can add up."""
    directory = data_dir / _METRICS_NAME
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
