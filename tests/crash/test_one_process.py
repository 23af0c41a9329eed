"""Each kind of process may be killed alone: what the others do then."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.judging import events_of
from tests.crash.load import Load
from tests.crash.server import Server, new_server, wait_for
from tests.endings.calling import chat_body, opened
from tests.flow.running import running_emulator

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]

CHAT = "/v1/chat/completions"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A running gateway of two workers in front of an emulated provider."""
    with running_emulator(tmp_path / "provider.log") as provider:
        made = new_server(provider, tmp_path, workers=2)
        try:
            made.start()
            yield made
        finally:
            made.end()


def test_calls_go_on_while_the_control_process_is_away(server: Server) -> None:
    load = Load(server.as_gateway(), label="control")
    with load.running():
        load.wait_for_answers(5)
        (killed,) = server.control()
        os.kill(killed, signal.SIGKILL)
        load.wait_for_answers(20)
        (new,) = wait_for(server.control, "a new control process")
    assert (0, True) == (load.failed, new != killed)


def test_a_fork_server_that_died_is_replaced_with_the_next_process(server: Server) -> None:
    """The processes that it made go on; the supervisor knows them by their channels."""
    before = {*server.workers(), *server.control()}
    for pid in server.fork_servers():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not server.fork_servers(), "the fork server is gone")
    assert before == {*server.workers(), *server.control()}
    killed = server.workers()[0]
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: len({*server.workers()} - {killed}) == 2, "a new worker")
    assert 0 == server.stop()
    server.wait_until_gone()


def test_workers_finish_their_calls_and_end_when_the_supervisor_is_killed(server: Server) -> None:
    """Nobody is left: no worker, no fork server. The next start finds everything free."""
    gateway = server.as_gateway()
    steering = {"x-cost-session": "supervisor", "x-emulate": "gap_ms=50; output_tokens=20"}
    with opened(gateway, CHAT, chat_body(stream=True), headers=steering) as stream:
        stream.read(10)
        server.kill_supervisor()
        assert stream.read().endswith(b"data: [DONE]\n\n")
    server.wait_until_gone()
    assert [("supervisor", "complete", "reported")] == [
        (event.session, event.ending, event.usage_source) for event in events_of(server)
    ]
    server.start()
