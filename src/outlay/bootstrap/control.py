"""Makes the jobs of the control process, and prepares the ledger for everybody."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from outlay.bootstrap.opening import loaders, open_configured_ledger, unlock
from outlay.configuration import LiveConfiguration
from outlay.gateway.polling import ResponsesPolling
from outlay.identity.hashes import KeyedHashes
from outlay.jobs.checkpoint import Checkpointer
from outlay.jobs.poll_deferred import DeferredPoller
from outlay.jobs.schedule import Job
from outlay.jobs.sweep import sweep
from outlay.kernel.clock import SystemClock
from outlay.kernel.ids import new_boot_id
from outlay.settings import Settings
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.journal import SqlJournal
from outlay.stores.ledger.prices import ensure_seeded
from outlay.stores.ledger.read import list_deferred
from outlay.stores.ledger.upgrade import upgrade_ledger
from outlay.transport.client import HttpTransport
from outlay.transport.proxy import read_proxy_rules

SWEEP_EVERY_S = 2
CHECKPOINT_EVERY_S = 1
CONFIGURATION_EVERY_S = 1
POLL_DEFERRED_EVERY_S = 2


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
    ledger = open_configured_ledger(settings, clock)
    try:
        upgrade_ledger(ledger)
        unlock(ledger, settings)
        ensure_seeded(ledger, clock)
    finally:
        ledger.close()


async def open_control(settings: Settings, *, on_fatal: Callable[[str], None]) -> Control:
    """Open what the jobs work on; `prepare` has run."""
    clock = SystemClock()
    ledger = open_configured_ledger(settings, clock)
    master_key = unlock(ledger, settings)
    journal = await asyncio.to_thread(
        lambda: SqlJournal.start(
            ledger, new_boot_id(clock.now_us()), clock, on_fatal=on_fatal, role="control"
        )
    )
    transport = HttpTransport(proxies=read_proxy_rules(os.environ))
    configuration = LiveConfiguration(ledger, loaders(settings, master_key))
    poller = DeferredPoller(
        lambda: list_deferred(ledger),
        ResponsesPolling(clock, configuration, KeyedHashes(master_key), settings.price_at_us),
        journal=journal,
        transport=transport,
        find_provider=lambda name: configuration.providers.by_name.get(name),  # noqa: PLW0108 it swaps
        clock=clock,
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
