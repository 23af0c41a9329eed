"""A worker's own pages: whether it lives, whether it can take calls, and its numbers."""

import asyncio
import os
from collections.abc import Callable

from prometheus_client import CollectorRegistry, generate_latest, multiprocess

from outlay.gateway.asgi import Page
from outlay.kernel.errors import LedgerUnavailable

_TEXT = b"text/plain; charset=utf-8"
_METRICS = b"text/plain; version=0.0.4; charset=utf-8"


class Pages:
    """`/healthz`, `/readyz` and `/metrics`; none of them shows text that a caller chose."""

    def __init__(self, registry: CollectorRegistry, check_ledger: Callable[[], None]) -> None:
        """Take this worker's registry, and a check that raises when the ledger cannot be used."""
        self._registry = registry
        self._check_ledger = check_ledger

    def by_path(self) -> dict[str, Page]:
        """Return the pages by their path."""
        return {"/healthz": self._health, "/readyz": self._readiness, "/metrics": self._metrics}

    async def _health(self) -> tuple[int, bytes, bytes]:
        return 200, _TEXT, b"ok\n"

    async def _readiness(self) -> tuple[int, bytes, bytes]:
        """Answer 503 while the ledger cannot be used: calls are refused then. Repairs nothing."""
        try:
            self._check_ledger()
        except LedgerUnavailable:
            return 503, _TEXT, b"the ledger cannot be used now\n"
        return 200, _TEXT, b"ready\n"

    async def _metrics(self) -> tuple[int, bytes, bytes]:
        return 200, _METRICS, await asyncio.to_thread(self._collect)

    def _collect(self) -> bytes:
        """Add up the counters of all workers, or of this one when it runs alone."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
