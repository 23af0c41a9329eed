"""Makes the rooms of a gateway worker.

It imports nothing that only the control process needs: each worker would pay for it at every start.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from outlay.bootstrap.opening import loaders, open_configured_ledger, unlock
from outlay.configuration import LiveConfiguration
from outlay.gateway.metrics import GatewayMetrics
from outlay.gateway.rooms import GatewayLimits, Rooms
from outlay.identity.hashes import KeyedHashes
from outlay.kernel.clock import SystemClock
from outlay.kernel.errors import LedgerUnavailable
from outlay.kernel.ids import new_boot_id
from outlay.settings import Settings
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.journal import SqlJournal
from outlay.stores.ledger.objects import LedgerObjects
from outlay.transport.client import HttpTransport
from outlay.transport.proxy import read_proxy_rules


@dataclass(frozen=True, slots=True)
class Worker:
    """What a gateway worker runs on; `close` gives it all back."""

    rooms: Rooms
    registry: CollectorRegistry
    ledger: Ledger
    journal: SqlJournal
    transport: HttpTransport
    configuration: LiveConfiguration

    def check_ledger(self) -> None:
        """Raise LedgerUnavailable when a call could not be recorded now."""
        if not self.journal.available:
            raise LedgerUnavailable("the journal takes nothing now")

    async def close(self) -> None:
        """Write what is queued and close everything."""
        await self.transport.close()
        await self.journal.close()
        self.ledger.close()


async def open_worker(settings: Settings, *, on_fatal: Callable[[str], None]) -> Worker:
    """Open everything a worker needs.

    Args:
        settings: of this installation; its schema is current and a price book is there.
        on_fatal: called when the ledger's file cannot be trusted any more; it ends the process.
    """
    clock = SystemClock()
    ledger = open_configured_ledger(settings, clock)
    master_key = unlock(ledger, settings)
    boot_id = new_boot_id(clock.now_us())
    journal = await asyncio.to_thread(
        lambda: SqlJournal.start(ledger, boot_id, clock, on_fatal=on_fatal)
    )
    transport = HttpTransport(proxies=read_proxy_rules(os.environ))
    configuration = LiveConfiguration(ledger, loaders(settings, master_key))
    registry = CollectorRegistry()
    rooms = Rooms(
        boot_id=boot_id,
        clock=clock,
        limits=_limits(settings),
        configuration=configuration,
        journal=journal,
        objects=LedgerObjects(ledger),
        transport=transport,
        hashes=KeyedHashes(master_key),
        metrics=GatewayMetrics(registry),
        price_at_us=settings.price_at_us,
    )
    return Worker(rooms, registry, ledger, journal, transport, configuration)


def _limits(settings: Settings) -> GatewayLimits:
    return GatewayLimits(
        body_bytes=settings.max_body_bytes,
        answer_bytes=settings.max_answer_bytes,
        in_flight_calls=settings.max_in_flight_calls,
        hang_up_drain_s=settings.hang_up_drain_s,
        upstream=settings.upstream_limits,
    )
