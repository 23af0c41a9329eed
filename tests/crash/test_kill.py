"""`kill -9` at random moments and at the n-th write loses no call and counts none twice.

The short form is part of every test run; `make crash` is the long one (OUTLAY_CRASH_KILLS=200).
"""

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.killing import Load, Server, bill_of, serve_command, tracer
from tests.flow.running import Gateway, running_emulator, running_gateway
from tests.needed import require

pytestmark = pytest.mark.crash

KILLS = int(os.environ.get("OUTLAY_CRASH_KILLS", "20"))
SWEEP_LIMIT_S = 30


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[str]:
    """An emulated provider that outlives every crash of the gateway."""
    with running_emulator(tmp_path / "provider.log") as url:
        yield url


@pytest.fixture
def gateway(provider: str, tmp_path: Path) -> Gateway:
    """A data directory with one key and the address to serve it on; nothing runs yet."""
    with running_gateway(provider, tmp_path / "data", tmp_path / "log") as running:
        return running


def crash(gateway: Gateway, workers: int, kills: int, log: Path, seed: int) -> list[float]:
    """Kill the gateway `kills` times under load, in all three ways; leave it running at the end."""
    dice = random.Random(seed)
    server = Server(gateway, serve_command(gateway, workers))
    load = Load(gateway.url, gateway.key)
    with load.running():
        server.start(log)
        for kill in range(kills):
            time.sleep(dice.uniform(0.05, 0.5))
            if kill % 2:
                server.kill_one_worker(dice)
                continue
            server.kill_everything()
            under = tracer(dice.randint(40, 900)) if kill % 4 == 0 else None
            server.start(log, under=under or ())
    server.kill_everything()
    server.start(log)
    wait_until_swept(gateway)
    assert server.stop() == 0
    return server.restarts_s


def wait_until_swept(gateway: Gateway) -> None:
    """Wait until the sweep has closed every call of the dead."""
    deadline = time.monotonic() + SWEEP_LIMIT_S
    while gateway.outlay("calls", "--open", "--format", "jsonl").strip():
        if time.monotonic() > deadline:
            raise AssertionError("open intents of dead workers were not swept")
        time.sleep(0.2)


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.timeout(3_600)
def test_no_call_is_lost_or_counted_twice(
    provider: str, gateway: Gateway, tmp_path: Path, workers: int
) -> None:
    require(tracer(1), "strace (for kills at the n-th write)")
    restarts_s = crash(gateway, workers, KILLS // 2, tmp_path / "log", seed=workers)
    bill = bill_of(provider)
    events = {event["session"]: event for event in gateway.calls()}
    counts = Counter(event["session"] for event in gateway.calls())
    assert len(bill) > KILLS
    assert [] == [call["emulate_id"] for call in bill if counts[call["emulate_id"]] != 1]
    for call in bill:
        event = events[call["emulate_id"]]
        if event["usage_source"] == "reported":
            assert call["cost_nanos"] == event["cost_nanos"]
        else:
            assert event["ending"] in {"swept", "no_answer", "caller_gone", "cut", "broken_stream"}
        if event["ending"] == "swept":
            assert ("bounded", True) == (
                event["hold_class"],
                call["cost_nanos"] <= event["cost_nanos"],
            )
    assert "swept" in {event["ending"] for event in events.values()}
    gateway.outlay("verify")
