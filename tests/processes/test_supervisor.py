"""The supervisor starts what can be started, again if it must, and deals connections fairly."""

import asyncio
import os
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from outlay.processes import supervisor as supervisor_module
from outlay.processes.supervisor import StartFailed, Supervisor
from outlay.settings import Settings

SERVE = "tests.processes.fake_mains:serve"
FAIL = "tests.processes.fake_mains:fail"
BE_KILLED_AT_FIRST = "tests.processes.fake_mains:be_killed_at_first"
NEVER_BE_READY = "tests.processes.fake_mains:never_be_ready"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket bound to a free port."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Three workers; what dies is started again without a pause."""
    monkeypatch.setattr(supervisor_module, "RESTART_PAUSE_S", 0)
    return Settings(data_dir=tmp_path, workers=3, shutdown_grace_s=1)


def stop() -> None:
    """Tell this process, and so its supervisor, to stop."""
    os.kill(os.getpid(), signal.SIGTERM)


async def ask(listener: socket.socket) -> str:
    """Connect, and return what the process that got the connection says."""
    host, port = listener.getsockname()
    reader, writer = await asyncio.open_connection(host, port)
    try:
        return (await reader.read()).decode()
    finally:
        writer.close()
        await writer.wait_closed()


async def run(supervisor: Supervisor, listener: socket.socket, connections: int) -> list[str]:
    """Run a supervisor, connect so often, and stop it; returns who answered."""
    is_ready = asyncio.Event()
    running = asyncio.create_task(supervisor.run(is_ready.set))
    await is_ready.wait()
    answers = [await ask(listener) for _ in range(connections)]
    stop()
    await running
    return answers


async def test_connections_go_round_the_workers(
    settings: Settings, listener: socket.socket
) -> None:
    """Shares are exact from when all are ready: at most one connection apart."""
    supervisor = Supervisor(settings, listener, control=SERVE, worker=SERVE)
    answers = await run(supervisor, listener, connections=60)
    shares = Counter(answers[-30:])
    assert [10, 10, 10] == list(shares.values())


async def test_what_is_killed_before_it_is_ready_is_tried_again(
    settings: Settings, listener: socket.socket
) -> None:
    supervisor = Supervisor(settings, listener, control=BE_KILLED_AT_FIRST, worker=SERVE)
    assert 1 == len(await run(supervisor, listener, connections=1))


@pytest.mark.parametrize(("control", "worker"), [(FAIL, SERVE), (SERVE, FAIL)])
async def test_what_cannot_start_ends_the_start(
    settings: Settings, listener: socket.socket, control: str, worker: str
) -> None:
    supervisor = Supervisor(settings, listener, control=control, worker=worker)
    with pytest.raises(StartFailed, match="before it was ready"):
        await supervisor.run(pytest.fail)


@pytest.mark.parametrize(("control", "worker"), [(NEVER_BE_READY, SERVE), (SERVE, NEVER_BE_READY)])
async def test_a_start_that_is_stopped_ends_without_a_word(
    settings: Settings, listener: socket.socket, control: str, worker: str
) -> None:
    supervisor = Supervisor(settings, listener, control=control, worker=worker)
    asyncio.get_running_loop().call_later(0.2, stop)
    await asyncio.wait_for(supervisor.run(pytest.fail), 60)
