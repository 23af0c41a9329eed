"""What a gateway does when it can take no more calls, or cannot write them down."""

import fcntl
import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.bad_input.raw import BODIES, ENVELOPES, Refuser, check
from tests.crash.server import Server, wait_for
from tests.endings.calling import chat_body, opened, post
from tests.flow.running import Gateway
from tests.operation.conftest import NewServer

pytestmark = pytest.mark.timeout(600)

CHAT = "/v1/chat/completions"
IN_FLIGHT = 3


@pytest.fixture(scope="module")
def server(started: NewServer) -> Server:
    """A gateway of one worker that takes three calls at once."""
    limits = {"OUTLAY_MAX_IN_FLIGHT_CALLS": str(IN_FLIGHT), "OUTLAY_HANG_UP_DRAIN_S": "1"}
    return started(workers=1, **limits)


@pytest.fixture(scope="module")
def gateway(server: Server) -> Gateway:
    """The same, with a key."""
    return server.as_gateway()


def test_calls_beyond_the_limit_are_told_to_come_again(gateway: Gateway, emulator_url: str) -> None:
    steering = {"x-emulate": "fault=endless-stream; gap_ms=50"}
    with ExitStack() as streams:
        for _ in range(IN_FLIGHT):
            body = chat_body(stream=True)
            streams.enter_context(opened(gateway, CHAT, body, headers=steering)).read(10)
        refuser = Refuser(gateway, emulator_url)
        for path, envelope in ENVELOPES.items():
            answer = refuser.post(path, BODIES[path])
            check(answer, envelope, 503, "overloaded", retries=True)
            assert "1" == answer.headers["retry-after"]
        refuser.check_provider()
        assert [200, 200] == [status(gateway, page) for page in ("/healthz", "/readyz")]
    wait_for(lambda: post(gateway, CHAT, chat_body()).status == http.client.OK, "a call served")


def test_a_ledger_that_does_not_answer_is_told_by_readiness(gateway: Gateway) -> None:
    """The first calls wait for it in vain; then nobody has to wait, until it is back."""
    assert 200 == status(gateway, "/readyz")
    with held_write_lock(gateway):
        assert 503 == post(gateway, CHAT, chat_body()).status
        wait_for(lambda: status(gateway, "/readyz") == 503, "not ready")
        answer = post(gateway, CHAT, chat_body())
        assert (503, "ledger.unavailable") == (answer.status, answer.json()["error"]["code"])
        assert 200 == status(gateway, "/healthz")
    wait_for(lambda: status(gateway, "/readyz") == 200, "ready again")
    assert 200 == post(gateway, CHAT, chat_body()).status


@contextmanager
def held_write_lock(gateway: Gateway) -> Iterator[None]:
    """Keep everybody from writing the ledger, as a process that hangs while it writes would."""
    with (gateway.data_dir / "ledger.lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def status(gateway: Gateway, path: str) -> int:
    """Ask for one of the gateway's own pages and return its status."""
    try:
        with urllib.request.urlopen(f"{gateway.url}{path}", timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code
