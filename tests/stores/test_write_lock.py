"""The file lock that writers of a SQLite ledger queue on."""

import multiprocessing
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from outlay.stores.ledger.write_lock import WriteLock


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[WriteLock]:
    made = WriteLock(tmp_path / "ledger.lock")
    yield made
    made.close()


def test_threads_of_a_process_queue_up(lock: WriteLock) -> None:
    inside, entered = threading.Event(), []

    def enter() -> None:
        inside.set()
        with lock.held():
            entered.append("second")

    with lock.held():
        thread = threading.Thread(target=enter)
        thread.start()
        assert inside.wait(10)
        entered.append("first")
    thread.join(10)
    assert entered == ["first", "second"]


def _enter(path: Path, started: "multiprocessing.synchronize.Event", done: object) -> None:
    lock = WriteLock(path)
    started.set()
    with lock.held():
        done.send("second")  # type: ignore[attr-defined]


def test_processes_queue_up(tmp_path: Path, lock: WriteLock) -> None:
    context = multiprocessing.get_context("spawn")
    started = context.Event()
    mine, theirs = context.Pipe()
    with lock.held():
        other = context.Process(target=_enter, args=(tmp_path / "ledger.lock", started, theirs))
        other.start()
        assert started.wait(30)
        assert not mine.poll(0)
    assert mine.recv() == "second"
    other.join(30)


def test_a_block_that_raises_gives_the_lock_back(lock: WriteLock) -> None:
    with pytest.raises(KeyError), lock.held():
        raise KeyError
    with lock.held():
        pass
