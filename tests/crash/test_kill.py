"""`kill -9` at random moments and at the n-th write loses no call and counts none twice.

The short form is part of every test run; `make crash` is the long one. OUTLAY_CRASH_KILLS is how
often each installation is hit, OUTLAY_CRASH_SEED repeats a run, OUTLAY_CRASH_RESULT is a file that
gets a line of figures (restart times too, which are not asserted: a busy machine is no defect).
"""

import json
import os
import random
import signal
import statistics
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path

import pytest

from tests.crash.judging import bill_of, events_of, faults, wait_until_swept
from tests.crash.load import Load
from tests.crash.server import Server, new_server, wait_for
from tests.crash.tracing import can_attach, kill_at
from tests.flow.running import running_emulator
from tests.needed import require

pytestmark = pytest.mark.crash

KILLS = int(os.environ.get("OUTLAY_CRASH_KILLS", "10"))
MOST_ANSWERS_BETWEEN = 60
WAYS = (
    "a worker",
    "a worker at a write",
    "everything",
    "a worker at a sync",
    "the control process at a write",
    "a worker",
    "a worker at a write",
    "the supervisor",
    "a worker at a write",
    "everything",
)


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[str]:
    """An emulated provider that outlives every crash of the gateway."""
    with running_emulator(tmp_path / "provider.log") as url:
        yield url


@pytest.fixture(params=[1, 4])
def server(request: pytest.FixtureRequest, provider: str, tmp_path: Path) -> Iterator[Server]:
    """A gateway of one and of four workers; not started yet."""
    made = new_server(provider, tmp_path, workers=request.param)
    try:
        yield made
    finally:
        made.end()


@pytest.mark.timeout(60 * KILLS)
def test_no_call_is_lost_or_counted_twice(server: Server, provider: str) -> None:
    """Each call of the bill has one event: as billed when reported, not below it when swept."""
    seed = int(os.environ.get("OUTLAY_CRASH_SEED", "1"))
    server.start()
    gateway = server.as_gateway()
    load = Load(gateway, label="crash")
    ways = crash(server, load, random.Random(seed))
    wait_until_swept(server)
    bill, events = bill_of(provider), events_of(server)
    assert [] == faults(bill, events)
    assert {"complete", "swept"} == {event.ending for event in events}
    assert load.answered <= sum(event.ending == "complete" for event in events)
    gateway.outlay("verify")
    assert 0 == server.stop()
    endings = Counter(event.ending for event in events)
    record(server, seed=seed, kills=dict(ways), calls={"billed": len(bill), **endings})
    require(can_attach(), "a strace that may attach to processes (for kills at the n-th write)")


def crash(server: Server, load: Load, dice: random.Random) -> Counter[str]:
    """Kill again and again under load; returns how often each way came to its end."""
    done: Counter[str] = Counter()
    with load.running():
        for way in islice(cycle(WAYS), KILLS):
            load.wait_for_answers(dice.randint(1, MOST_ANSWERS_BETWEEN))
            done[kill(server, way, dice)] += 1
        load.wait_for_answers(1)
    return done


def kill(server: Server, way: str, dice: random.Random) -> str:
    """End some of a server's processes; start it again where it cannot do that itself."""
    match way:
        case "everything":
            server.kill_everything()
            server.start()
        case "the supervisor":
            server.kill_supervisor()
            server.wait_until_gone()
            server.start()
        case "the control process at a write":
            control = wait_for(server.control, "a control process")
            return (
                way
                if kill_at(control[0], "pwrite64", dice.randint(1, 30))
                else "the control process"
            )
        case _:
            return _kill_worker(dice.choice(wait_for(server.workers, "a worker")), way, dice)
    return way


def _kill_worker(worker: int, way: str, dice: random.Random) -> str:
    match way:
        case "a worker at a write":
            return way if kill_at(worker, "pwrite64", dice.randint(1, 400)) else "a worker"
        case "a worker at a sync":
            return way if kill_at(worker, "fdatasync", dice.randint(1, 60)) else "a worker"
        case _:
            os.kill(worker, signal.SIGKILL)
            return way


def record(server: Server, *, seed: int, kills: dict[str, int], calls: dict[str, int]) -> None:
    """Append a line of figures to the file that OUTLAY_CRASH_RESULT names, if it names one."""
    path = os.environ.get("OUTLAY_CRASH_RESULT")
    if path is None:
        return
    restarts_s = server.starts_s[1:]
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "workers": server.workers_wanted,
        "seed": seed,
        "kills": {"all": sum(kills.values()), **kills},
        "calls": calls,
        "restarts": len(restarts_s),
        "restart_s": {
            "min": round(min(restarts_s), 2),
            "median": round(statistics.median(restarts_s), 2),
            "max": round(max(restarts_s), 2),
        },
        "cpus": os.cpu_count(),
        "load_average": os.getloadavg(),
    }
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with Path(path).open("a") as result:
        result.write(json.dumps(line) + "\n")
