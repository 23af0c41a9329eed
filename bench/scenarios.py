"""What is measured: each scenario's load, and how the gateway runs for it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scenario:
    """One load on one set-up.

    Attributes:
        connections: kept open for the whole run.
        rate: calls a second over all connections; 0 is a closed loop.
        stream: ask for a stream of 20 chunks, a millisecond apart.
        workers: gateway processes.
        sync_us: microseconds added to each fsync and fdatasync.
        cores: what the gateway may run on (taskset's list).
    """

    name: str
    connections: int = 64
    rate: int = 0
    stream: bool = False
    workers: int = 1
    sync_us: int = 0
    cores: str = "0"


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("json"),
        Scenario("json-500", rate=500),
        Scenario("stream", connections=256, stream=True),
        Scenario("stream-100", rate=100, stream=True),
        Scenario("slow-sync-500", rate=500, sync_us=5_000),
        Scenario("slow-sync", sync_us=5_000),
        Scenario("workers-4", workers=4, cores="0,1"),
    )
}
