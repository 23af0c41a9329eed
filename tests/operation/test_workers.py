"""Four workers on one port: each has its share, and together they are one gateway."""

import os
import re
import signal
import subprocess
import urllib.request
from collections import Counter

import pytest

from tests.crash.load import Load
from tests.crash.server import Server
from tests.endings.calling import chat_body, post, wait_for
from tests.flow.running import OUTLAY, Gateway
from tests.operation.conftest import NewServer

pytestmark = pytest.mark.timeout(600)

WORKERS = 4
CALLS = 200
CANARY = "canary-of-a-caller-7b1e"


@pytest.fixture(scope="module")
def server(started: NewServer) -> Server:
    """A gateway of four workers."""
    return started(workers=WORKERS)


@pytest.fixture(scope="module")
def gateway(server: Server) -> Gateway:
    """The same, with a key."""
    return server.as_gateway()


def test_each_worker_serves_its_share(server: Server, gateway: Gateway) -> None:
    load = Load(gateway, label="share")
    with load.running():
        load.wait_for_answers(CALLS)
    of_boots = "SELECT boot_id FROM intents WHERE session LIKE 'share-%'"
    calls = Counter(boot for (boot,) in server.ledger_rows(of_boots))
    assert WORKERS == len(calls)
    assert min(calls.values()) >= calls.total() / WORKERS / 2


def test_metrics_add_up_all_workers_and_show_no_callers_text(
    server: Server, gateway: Gateway
) -> None:
    before = calls_counted(server)
    told = {"x-cost-user": CANARY, "x-cost-feature": CANARY, "x-cost-canary": CANARY}
    for _ in range(WORKERS * 2):
        post(gateway, "/v1/chat/completions", chat_body(), headers=told)
    for body in (chat_body(model=CANARY), chat_body(model=f"openai/{CANARY}")):
        post(gateway, "/v1/chat/completions", body, headers=told)
    post(gateway, f"/v1/{CANARY}", {})
    assert WORKERS * 2 + 1 == calls_counted(server) - before
    shown = page(server, "/metrics")
    assert CANARY not in shown
    assert gateway.key not in shown
    for name in ("outlay_refusals_total", "outlay_cost_nanos_total", "outlay_in_flight_calls"):
        assert f"\n{name}" in shown


def test_counters_outlive_a_worker(server: Server) -> None:
    before = calls_counted(server)
    killed = server.workers()[0]
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: killed not in server.workers() and len(server.workers()) == WORKERS)
    assert before == calls_counted(server)


def test_calls_in_flight_are_shown(server: Server, gateway: Gateway) -> None:
    wait_for(lambda: "outlay_in_flight_calls 0.0" in page(server, "/metrics"))


def test_a_second_server_on_the_same_data_is_refused(server: Server) -> None:
    command = [str(OUTLAY), "serve", "--port", "0"]
    refused = subprocess.run(
        command, env=dict(server.environment), capture_output=True, text=True, check=False
    )
    assert (1, "") == (refused.returncode, refused.stdout)
    assert "another `outlay serve` runs on" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "ok\n" == page(server, "/healthz")


def calls_counted(server: Server) -> int:
    """Add up the calls that the metrics tell."""
    counted = re.findall(
        r"^outlay_calls_total\{.*\} (\S+)$", page(server, "/metrics"), re.MULTILINE
    )
    return sum(int(float(count)) for count in counted)


def page(server: Server, path: str) -> str:
    """Read one of the gateway's own pages."""
    with urllib.request.urlopen(f"{server.url}{path}", timeout=60) as answer:
        return str(answer.read().decode())
