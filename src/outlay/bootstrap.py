"""The composition root: makes the rooms of a worker and the jobs of the control process.

The only place that picks concrete classes.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from outlay.configuration import LiveConfiguration, Loaders
from outlay.gateway.metrics import GatewayMetrics
from outlay.gateway.polling import ResponsesPolling
from outlay.gateway.rooms import GatewayLimits, Rooms
from outlay.identity.hashes import KeyedHashes
from outlay.identity.master_key import MasterKey
from outlay.jobs.checkpoint import Checkpointer
from outlay.jobs.poll_deferred import DeferredPoller
from outlay.jobs.schedule import Job
from outlay.jobs.sweep import sweep
from outlay.kernel.clock import SystemClock
from outlay.kernel.errors import LedgerUnavailable
from outlay.kernel.ids import new_boot_id
from outlay.routing.provider_entry import build_providers
from outlay.routing.resolve import ProviderTable
from outlay.settings import Settings
from outlay.stores.ledger.connection import Ledger, open_ledger
from outlay.stores.ledger.journal import SqlJournal
from outlay.stores.ledger.keys import KeyStore
from outlay.stores.ledger.objects import LedgerObjects
from outlay.stores.ledger.prices import ensure_seeded, load_book
from outlay.stores.ledger.providers import ProviderStore
from outlay.stores.ledger.read import list_deferred
from outlay.stores.ledger.unlock import unlock_ledger
from outlay.stores.ledger.upgrade import upgrade_ledger
from outlay.transport.client import HttpTransport
from outlay.transport.proxy import read_proxy_rules

SWEEP_EVERY_S = 2
CHECKPOINT_EVERY_S = 1
CONFIGURATION_EVERY_S = 1
POLL_DEFERRED_EVERY_S = 2


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
    ledger = _open_ledger(settings, clock)
    master_key = unlock_ledger(ledger, key=settings.master_key, key_file=settings.master_key_file)
    boot_id = new_boot_id(clock.now_us())
    journal = await asyncio.to_thread(
        lambda: SqlJournal.start(ledger, boot_id, clock, on_fatal=on_fatal)
    )
    transport = HttpTransport(proxies=read_proxy_rules(os.environ))
    configuration = LiveConfiguration(ledger, _loaders(settings, master_key))
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


@dataclass(frozen=True, slots=True)
class Control:
    """What the control process runs on."""

    ledger: Ledger
    journal: SqlJournal
    transport: HttpTransport
    jobs: tuple[Job, ...]

    async def close(self) -> None:
        """Write what is queued and close everything."""
        await self.transport.close()
        await self.journal.close()
        self.ledger.close()


def prepare(settings: Settings) -> None:
    """Bring the ledger's schema and the price book up to date. Blocks."""
    clock = SystemClock()
    ledger = _open_ledger(settings, clock)
    try:
        upgrade_ledger(ledger)
        unlock_ledger(ledger, key=settings.master_key, key_file=settings.master_key_file)
        ensure_seeded(ledger, clock)
    finally:
        ledger.close()


async def open_control(settings: Settings, *, on_fatal: Callable[[str], None]) -> Control:
    """Open what the jobs work on; `prepare` has run."""
    clock = SystemClock()
    ledger = _open_ledger(settings, clock)
    master_key = unlock_ledger(ledger, key=settings.master_key, key_file=settings.master_key_file)
    journal = await asyncio.to_thread(
        lambda: SqlJournal.start(
            ledger, new_boot_id(clock.now_us()), clock, on_fatal=on_fatal, role="control"
        )
    )
    transport = HttpTransport(proxies=read_proxy_rules(os.environ))
    configuration = LiveConfiguration(ledger, _loaders(settings, master_key))
    poller = DeferredPoller(
        lambda: list_deferred(ledger),
        ResponsesPolling(clock, configuration, KeyedHashes(master_key), settings.price_at_us),
        journal=journal,
        transport=transport,
        find_provider=lambda name: configuration.providers.by_name.get(name),  # noqa: PLW0108 it swaps
    )
    jobs = (
        Job("sweep", SWEEP_EVERY_S, _in_thread(lambda: sweep(ledger, clock))),
        *_checkpoint_jobs(ledger),
        Job("configuration", CONFIGURATION_EVERY_S, configuration.refresh),
        Job("poll deferred calls", POLL_DEFERRED_EVERY_S, poller.poll),
    )
    return Control(ledger, journal, transport, jobs)


def _checkpoint_jobs(ledger: Ledger) -> tuple[Job, ...]:
    if not ledger.is_sqlite:
        return ()
    return (Job("checkpoint", CHECKPOINT_EVERY_S, _in_thread(Checkpointer(ledger).run)),)


def _in_thread(work: Callable[[], object]) -> Callable[[], Awaitable[object]]:
    return lambda: asyncio.to_thread(work)


def _open_ledger(settings: Settings, clock: SystemClock) -> Ledger:
    return open_ledger(
        settings.ledger_url,
        data_dir=settings.data_dir,
        clock=clock,
        durability=settings.durability,
    )


def _loaders(settings: Settings, master_key: MasterKey) -> Loaders:
    def load_providers(ledger: Ledger) -> ProviderTable:
        stored, _findings = ProviderStore(ledger, master_key).load_entries()
        return ProviderTable(build_providers(stored, settings.provider_entries).providers)

    return Loaders(
        keyring=lambda ledger: KeyStore(ledger, master_key).load_keyring(),
        providers=load_providers,
        book=load_book,
    )


def _limits(settings: Settings) -> GatewayLimits:
    return GatewayLimits(
        body_bytes=settings.max_body_bytes,
        answer_bytes=settings.max_answer_bytes,
        in_flight_calls=settings.max_in_flight_calls,
        hang_up_drain_s=settings.hang_up_drain_s,
        upstream=settings.upstream_limits,
    )
