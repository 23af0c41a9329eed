"""The gateway's counters. No label ever carries text that a caller chose."""

from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.005, 0.02, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class _CallCounters(NamedTuple):
    """What the calls of one provider, wire format and ending add to."""

    calls: Counter
    seconds: Histogram
    cost_nanos: Counter
    unpriced: Counter


class GatewayMetrics:
    """Counters of one worker; `/metrics` adds up those of all workers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Create the counters in `registry`."""
        self.calls = Counter(
            "outlay_calls_total",
            "Calls recorded, by provider, wire format and ending",
            ("provider", "wire", "ending"),
            registry=registry,
        )
        self.free_calls = Counter(
            "outlay_free_calls_total",
            "Calls passed on that cost nothing and have no event",
            ("provider", "operation"),
            registry=registry,
        )
        self.refusals = Counter(
            "outlay_refusals_total",
            "Calls declined before they were sent, by code",
            ("code",),
            registry=registry,
        )
        self.cost_nanos = Counter(
            "outlay_cost_nanos_total",
            "Cost of priced calls in nano-USD",
            ("provider",),
            registry=registry,
        )
        self.unpriced_calls = Counter(
            "outlay_unpriced_calls_total",
            "Calls whose model or meter has no price",
            ("provider",),
            registry=registry,
        )
        self.unsettled = Counter(
            "outlay_unsettled_calls_total",
            "Calls answered whose event could not be written at once",
            registry=registry,
        )
        self.in_flight = Gauge(
            "outlay_in_flight_calls",
            "Calls being served now",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.seconds = Histogram(
            "outlay_call_duration_seconds",
            "From the request's head to the last byte of the answer, provider included",
            ("wire",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._call_counters: dict[tuple[str, str, str], _CallCounters] = {}

    def count_call(
        self, kind: tuple[str, str, str], *, latency_us: int | None, cost_nanos: int | None
    ) -> None:
        """Count a call that was recorded; its `kind` is its provider, wire format and ending."""
        found = self._call_counters.get(kind) or self._find(kind)
        found.calls.inc()
        if latency_us is not None:
            found.seconds.observe(latency_us / 1_000_000)
        if cost_nanos is None:
            found.unpriced.inc()
        else:
            found.cost_nanos.inc(cost_nanos)

    def _find(self, kind: tuple[str, str, str]) -> _CallCounters:
        """Look the counters of a kind up, once: there are as many kinds as labels, so few."""
        provider, wire, _ending = kind
        found = self._call_counters[kind] = _CallCounters(
            self.calls.labels(*kind),
            self.seconds.labels(wire),
            self.cost_nanos.labels(provider),
            self.unpriced_calls.labels(provider),
        )
        return found
