"""Fixtures that every room's tests may ask for: the recordings, and the databases Debian brings."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings

from tests.needed import require

_ROOT = Path(__file__).resolve().parents[1]

# A busy machine is no reason to fail: properties are judged by their examples, not by their time.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def real_dir() -> Path:
    """The folder of recorded provider exchanges; they are not part of this repository."""
    path = Path(os.environ.get("OUTLAY_REAL_DIR", _ROOT.parent / "shared" / "real"))
    if not path.is_dir():
        pytest.skip(f"no recordings at {path} (set OUTLAY_REAL_DIR)")
    return path


@pytest.fixture(scope="session")
def postgres_bin() -> Path:
    """The folder of Debian's newest PostgreSQL server programs (initdb, pg_ctl)."""
    pg_config = shutil.which("pg_config")
    if pg_config:
        told = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=True)
        candidates = [Path(told.stdout.strip())]
    else:
        candidates = []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = next((path for path in candidates if (path / "initdb").exists()), None)
    require(found, "PostgreSQL's server (Debian: postgresql)")
    assert found is not None
    return found


@pytest.fixture(scope="session")
def strace() -> str:
    """The path of strace, which ends a process at its n-th write."""
    found = shutil.which("strace")
    require(found, "strace")
    assert found is not None
    return found
