"""What reaches the disk before a caller hears of it, as the kernel sees it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from outlay.jobs.sweep import sweep
from outlay.kernel.clock import SystemClock
from outlay.ledger.facts import Ending
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.read import iterate_calls
from outlay.stores.ledger.verify import verify_ledger

pytestmark = pytest.mark.crash
ROOT = Path(__file__).resolve().parents[2]


def _run(
    strace: str, ledger: Ledger, log: Path, *options: str, calls: int = 5
) -> "subprocess.CompletedProcess[str]":
    """Record calls in a process under strace; `log` is what it asked of the kernel."""
    watched = "trace=write,pwrite64,fsync,fdatasync"
    worker = [sys.executable, "-m", "tests.stores.syncing_worker", str(ledger.data_dir), str(calls)]
    return subprocess.run(
        [
            strace,
            "-f",
            "--seccomp-bpf",
            "-y",
            "-qq",
            "-o",
            str(log),
            "-e",
            watched,
            *options,
            *worker,
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


_WROTE = re.compile(r"pwrite64\(\d+<[^>]*-wal>")
_SYNCED = re.compile(r"fdatasync(\(\d+<[^>]*-wal>\)| resumed).*= 0")
_SAID = re.compile(r'write\(1<[^>]*>, "(sent|ended) ')


def _said(log: Path) -> list[str]:
    """Reduce the log to: a write to the write-ahead log, a sync of it, a word of the worker."""
    told = []
    for line in log.read_text().splitlines():
        if _WROTE.search(line):
            told.append("wrote")
        elif _SYNCED.search(line):
            told.append("synced")
        elif said := _SAID.search(line):
            told.append(said[1])
    return told


def test_an_intent_is_synced_before_its_call_may_be_sent(
    strace: str, sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    """A settlement is written, not synced, before its caller hears of it."""
    done = _run(strace, sqlite_ledger, tmp_path / "log")
    assert done.returncode == 0, done.stderr
    unsynced = False
    settled_unsynced = 0
    for word in _said(tmp_path / "log"):
        if word in ("wrote", "synced"):
            unsynced = word == "wrote"
        elif word == "sent":
            assert not unsynced
        else:
            settled_unsynced += unsynced
    assert settled_unsynced > 0


def test_after_a_failed_sync_the_process_ends_without_a_word(
    strace: str, sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    """The call whose intent was being synced is never reported as sent."""
    fault = "inject=fdatasync:error=EIO:when=3+"
    done = _run(strace, sqlite_ledger, tmp_path / "log", "-e", fault, calls=20)
    assert done.returncode == 3, done.stderr
    said = done.stdout.splitlines()
    assert "Input/output error" in said[-1]
    assert len([line for line in said if line.startswith("sent")]) < 20


@pytest.mark.parametrize("number", [5, 9, 14, 20, 27])
def test_killed_at_a_write_nothing_that_was_said_is_lost(
    strace: str, sqlite_ledger: Ledger, tmp_path: Path, number: int
) -> None:
    fault = f"inject=pwrite64:signal=SIGKILL:when={number}"
    done = _run(strace, sqlite_ledger, tmp_path / "log", "-e", fault, calls=20)
    said = done.stdout.splitlines()
    sweep(sqlite_ledger, SystemClock())
    calls = {str(one.intent.request_id): one.event.ending for one in iterate_calls(sqlite_ledger)}
    sent = {line.split()[1] for line in said if line.startswith("sent")}
    ended = {line.split()[1] for line in said if line.startswith("ended")}
    assert sent <= set(calls)
    assert {calls[one] for one in ended} <= {Ending.COMPLETE}
    assert [] == [finding for check in verify_ledger(sqlite_ledger) for finding in check.findings]


def test_a_full_disk_refuses_and_loses_nothing(
    strace: str, sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    fault = "inject=pwrite64:error=ENOSPC:when=9..12"
    done = _run(strace, sqlite_ledger, tmp_path / "log", "-e", fault, calls=20)
    sweep(sqlite_ledger, SystemClock())
    calls = {str(one.intent.request_id) for one in iterate_calls(sqlite_ledger)}
    sent = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("sent")}
    assert sent <= calls
    assert [] == [finding for check in verify_ledger(sqlite_ledger) for finding in check.findings]
