"""The Journal in SQL: callers on event loops hand their facts to the writer thread and wait.

Fulfils `outlay.ledger.journal.Journal`; `tests/contract` judges it on SQLite and on PostgreSQL.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

from outlay.kernel.clock import Clock
from outlay.kernel.errors import LedgerUnavailable
from outlay.kernel.ids import BootId, RequestId
from outlay.ledger.facts import Correction, Intent, ProviderObject, Refusal, UsageEvent
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.engines import open_writer
from outlay.stores.ledger.entries import Corrections, Deferral, Entry, Fact, Withdrawal
from outlay.stores.ledger.liveness import Boot
from outlay.stores.ledger.syncer import JournalCounts
from outlay.stores.ledger.writer import Fatal, Writer

QUEUE_LIMIT = 10_000
"""Entries waiting before new intents are refused: about a second of work."""
TIMEOUT_S = 5
"""How long a caller waits for its fact before it is told that the ledger is unavailable."""


class SqlJournal:
    """Records facts through one writer thread, in groups."""

    def __init__(self, writer: Writer, boot: Boot, clock: Clock, *, queue_limit: int) -> None:
        """Use `start`."""
        self._writer = writer
        self._boot = boot
        self._clock = clock
        self._queue_limit = queue_limit
        self._closed = False

    @classmethod
    def start(
        cls,
        ledger: Ledger,
        boot_id: BootId,
        clock: Clock,
        *,
        on_fatal: Fatal,
        role: str = "gateway",
        queue_limit: int = QUEUE_LIMIT,
    ) -> Self:
        """Enter the boot into the ledger, hold its liveness lock and start the writer.

        Args:
            ledger: where to write; its schema must be up to date.
            boot_id: this life of this process; every intent recorded here carries it.
            clock: for booking instants and durations.
            on_fatal: called once, from a thread, when the ledger's file cannot be trusted any more
                (a sync failed): it has to end the process, which then starts anew.
            role: what the process is, for people.
            queue_limit: how many entries may wait before intents are refused.

        Raises:
            LedgerUnavailable: the ledger cannot be opened for writing.
            SettingsError: its schema is not this version's.
        """
        ledger.check_schema()
        boot = Boot.begin(ledger, boot_id, clock, role=role)
        writer = Writer(open_writer(ledger, boot), clock, boot_id=boot_id, on_fatal=on_fatal)
        writer.start()
        return cls(writer, boot, clock, queue_limit=queue_limit)

    @property
    def counts(self) -> JournalCounts:
        """What the journal did so far."""
        return self._writer.counts

    @property
    def waiting(self) -> int:
        """How many entries wait for the writer."""
        return self._writer.waiting()

    @property
    def available(self) -> bool:
        """Whether an intent would be accepted now, for readiness probes; asks nobody."""
        return self._refusal() is None

    async def record_intent(self, intent: Intent) -> None:
        """Record a call about to be sent; durable on return (see the protocol)."""
        refusal = self._refusal()
        if refusal is not None:
            raise LedgerUnavailable(refusal)
        entry = Entry(intent, asyncio.get_running_loop().create_future())
        try:
            await self._wait_for(entry)
        except (LedgerUnavailable, asyncio.CancelledError):
            # It may stand by now, or be written in a moment: the call will not be sent.
            entry.abandoned = True
            self._submit(Withdrawal(intent.request_id, self._clock.now_us()))
            raise

    async def record_event(self, event: UsageEvent) -> None:
        """Record what became of a call; survives the end of any process on return.

        After LedgerUnavailable, or when it is cancelled, the event stays queued and is tried again.
        """
        await self._record(event)

    async def record_deferred(self, request_id: RequestId, provider_response_id: str) -> None:
        """Note under which id of the provider a call goes on; durable on return."""
        await self._record(Deferral(request_id, provider_response_id, self._clock.now_us()))

    def record_refusal(self, refusal: Refusal) -> None:
        """Queue a refusal."""
        self._queue(refusal)

    def record_object(self, made: ProviderObject) -> None:
        """Queue who made a provider's id."""
        self._queue(made)

    async def record_corrections(self, corrections: Sequence[Correction]) -> None:
        """Record corrections, all or none; durable on return."""
        await self._record(Corrections(tuple(corrections)))

    async def close(self) -> None:
        """Write what is queued, sync, end the writer, and end the boot when no call is open."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._writer.close)
        with suppress(LedgerUnavailable):  # then a sweep ends the boot
            await asyncio.to_thread(self._boot.end, settled=self._writer.is_settled)

    async def _record(self, fact: Fact) -> None:
        if self._closed or self._writer.broken is not None:
            raise LedgerUnavailable("the ledger's writer has ended")
        await self._wait_for(Entry(fact, asyncio.get_running_loop().create_future()))

    async def _wait_for(self, entry: Entry) -> None:
        waiter = entry.waiter
        if waiter is None:
            raise TypeError("an entry without a waiter cannot be waited for")
        timer = waiter.get_loop().call_later(TIMEOUT_S, _time_out, waiter)
        self._writer.submit(entry)
        try:
            await waiter
        finally:
            timer.cancel()

    def _queue(self, fact: Refusal | ProviderObject) -> None:
        if self._refusal() is None:
            self._submit(fact)
        else:
            self._writer.counts.dropped += 1

    def _submit(self, fact: Fact) -> None:
        self._writer.submit(Entry(fact))

    def _refusal(self) -> str | None:
        """Say why nothing new is accepted; None when it is."""
        if self._closed or self._writer.broken is not None:
            return "the ledger's writer has ended"
        if self._writer.away:
            return "the ledger is away; it is tried again every moment"
        if self._writer.is_stalled:
            return "the ledger does not answer"
        if self._writer.waiting() >= self._queue_limit:
            return f"{self._queue_limit} facts wait for the ledger already"
        return None


def _time_out(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_exception(LedgerUnavailable(f"the ledger did not answer in {TIMEOUT_S} s"))
