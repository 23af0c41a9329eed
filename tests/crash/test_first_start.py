"""A first start that is killed anywhere leaves nothing behind that stops the next one."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from outlay.bootstrap.control import prepare
from outlay.kernel.clock import SystemClock
from outlay.settings import Settings
from outlay.stores.ledger.connection import open_ledger
from outlay.stores.ledger.prices import load_book
from outlay.stores.ledger.unlock import unlock_ledger
from outlay.stores.ledger.verify import verify_ledger

pytestmark = pytest.mark.crash

PREPARING = """
import sys, pathlib
from outlay.bootstrap.control import prepare
from outlay.settings import Settings
prepare(Settings(data_dir=pathlib.Path(sys.argv[1])))
"""
POINTS = [
    ("pwrite64", 1),  # the first page of an empty file
    ("pwrite64", 60),  # within the migrations
    ("pwrite64", 150),  # within the prices
    ("fsync", 2),
    ("fsync", 9),
    ("write", 1),  # the draft of the master key
    ("link", 1),  # its name
]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("system_call", "nth"), POINTS)
def test_a_first_start_that_was_killed_is_finished_by_the_next(
    strace: str, tmp_path: Path, system_call: str, nth: int
) -> None:
    killed = subprocess.run(
        [
            *(strace, "-f", "-qq", "-o", "/dev/null", "-e", f"trace={system_call}"),
            *("-e", f"inject={system_call}:signal=SIGKILL:when={nth}"),
            *(sys.executable, "-c", PREPARING, str(tmp_path)),
        ],
        check=False,
    )
    assert -signal.SIGKILL == killed.returncode
    prepare(Settings(data_dir=tmp_path))
    ledger = open_ledger(None, data_dir=tmp_path, clock=SystemClock(), create=False)
    try:
        ledger.check_schema()
        unlock_ledger(ledger, key=None, key_file=None)
        assert load_book(ledger).revision
        assert [] == [check.name for check in verify_ledger(ledger) if check.failures]
    finally:
        ledger.close()
