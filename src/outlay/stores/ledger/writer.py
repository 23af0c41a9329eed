"""The writer thread: everything that waits becomes one transaction."""

import threading
import time
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue

from outlay.kernel.clock import Clock
from outlay.ledger.facts import Intent, ProviderObject, Refusal
from outlay.stores.ledger.engines import Failure, Syncing, WriterEngine
from outlay.stores.ledger.entries import (
    Corrections,
    Entry,
    Lane,
    fail,
    resolve,
)
from outlay.stores.ledger.group import GroupWriter
from outlay.stores.ledger.open_calls import OpenCalls
from outlay.stores.ledger.syncer import JournalCounts, Syncer

LARGEST_GROUP = 512
"""Entries per transaction: bounds how long the write lock is held (about 10 us a row)."""
RETRY_S = 0.25
"""How often a ledger that is away is tried again."""
STALLED_S = 5
"""How long a write or a sync may take before the ledger counts as not answering: another process
hangs while it holds the write lock, or the disk does."""
CLOSING_TRIES = 20
"""How often closing tries to write what a ledger that is away did not take."""
LOW_WATER_S = 1
"""How often the sweep's starting point is moved on."""
MOST_RETRIED = 100_000
"""Refusals are dropped, and counted, beyond this many entries kept while the ledger is away. Events
are never dropped: there are no more than calls open, since no intent is accepted meanwhile."""

Fatal = Callable[[str], None]
"""Called with the reason when the ledger's file cannot be trusted any more: ends the process."""


class Writer:
    """Takes entries from any thread and writes them in groups on its own."""

    def __init__(
        self, engine: WriterEngine, clock: Clock, *, boot_id: str, on_fatal: Fatal
    ) -> None:
        """Write through `engine`, which nobody else uses; `start` begins."""
        self.counts = JournalCounts()
        self.broken: BaseException | None = None
        self.away = False
        self._engine = engine
        self._clock = clock
        self._boot_id = boot_id
        self._on_fatal = on_fatal
        self._group = GroupWriter(engine, clock)
        self._syncer = Syncer(engine, clock, self.counts)
        self._queue: SimpleQueue[Entry | None] = SimpleQueue()
        self._retry: list[Entry] = []
        self._busy_since_us: int | None = None
        self._low_water_seq = self._group.newest_intent_seq()
        self._low_water_at_us = clock.monotonic_us()
        self._moved = False
        self._open = OpenCalls(self._low_water_seq)
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,), name=name, daemon=True)
            for work, name in ((self._run, "ledger-writer"), (self._syncer.run, "ledger-sync"))
        ]

    def start(self) -> None:
        """Start both threads."""
        for thread in self._threads:
            thread.start()

    def submit(self, entry: Entry) -> None:
        """Queue an entry."""
        self._queue.put(entry)

    def waiting(self) -> int:
        """Count the entries that no transaction has taken up yet."""
        return self._queue.qsize()

    @property
    def is_stalled(self) -> bool:
        """Whether a write or a sync has taken so long that nobody should wait behind it."""
        began = [us for us in (self._busy_since_us, self._syncer.busy_since_us) if us is not None]
        return bool(began) and self._clock.monotonic_us() - min(began) > STALLED_S * 1_000_000

    @property
    def is_settled(self) -> bool:
        """Whether no call of this boot is open."""
        return not self._open and not self._retry and self.broken is None

    def close(self) -> None:
        """Write what is queued, sync, and end both threads. Blocks."""
        self._queue.put(None)
        for thread in self._threads:
            thread.join()
        self._engine.close()

    def _guarded(self, work: Callable[[], None]) -> None:
        """Run a thread's work; a failure in it ends the journal, and then the process."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the outermost boundary of a thread
            self.broken = error
            self._queue.put(None)
            self._syncer.close()
            fail(self._drain(), error)
            self._on_fatal(f"{type(error).__name__}: {error}")

    def _run(self) -> None:
        closing = False
        while not closing and self.broken is None:
            entries, closing = self._take()
            self._write(entries)
            self._move_low_water(at_once=closing)
        for _ in range(CLOSING_TRIES):
            if not self._retry or self.broken is not None:
                break
            time.sleep(RETRY_S)
            self._write([])
        self._syncer.close()

    # --- taking ----------------------------------------------------------------------------------

    def _take(self) -> tuple[list[Entry], bool]:
        """Wait for entries; return what is there, and whether this is the end."""
        entries: list[Entry] = []
        try:
            item = self._queue.get(timeout=self._patience_s())
        except Empty:
            return entries, False
        while item is not None:
            entries.append(item)
            if self._queue.empty() or len(entries) == LARGEST_GROUP:
                return entries, False
            item = self._queue.get()
        return entries, True

    def _patience_s(self) -> float | None:
        """Say how long to wait for entries: until called, unless something is left to do."""
        if self.away or self._retry:
            return RETRY_S
        return LOW_WATER_S if self._moved else None

    def _drain(self) -> list[Entry]:
        entries = []
        while not self._queue.empty():
            item = self._queue.get()
            if item is not None:
                entries.append(item)
        return entries

    # --- writing ---------------------------------------------------------------------------------

    def _write(self, entries: list[Entry]) -> None:
        again, self._retry = self._retry, []
        if self.away and not again and not entries:
            self._probe()
        for part in self._parts(again + entries):
            self._write_part(part)
        self.counts.longest_lock_wait_us = self._engine.longest_lock_wait_us
        self.counts.quarantined = self._group.quarantined

    def _parts(self, entries: list[Entry]) -> Iterator[list[Entry]]:
        """Split a group by how it is written; settlements stand first where commits sync."""
        lanes: dict[Lane, list[Entry]] = {lane: [] for lane in Lane}
        for entry in entries:
            if not entry.abandoned:
                lanes[entry.lane].append(entry)
        settlements, durable = lanes[Lane.SETTLEMENT], lanes[Lane.DURABLE]
        if self._engine.syncing is Syncing.AT_COMMIT:
            yield settlements
            yield durable
        else:
            yield settlements + durable
        yield lanes[Lane.ASKING]

    def _write_part(self, part: list[Entry]) -> None:
        if not part:
            return
        began_us = self._busy_since_us = self._clock.monotonic_us()
        durable = any(entry.lane is not Lane.SETTLEMENT for entry in part)
        asking = part[0].lane is Lane.ASKING
        write = self._group.write_carefully if asking else self._group.write_quickly
        try:
            write(part, durable=durable)
        except Exception as error:  # noqa: BLE001 - judged: away is retried, broken ends the thread
            self._give_up(part, error)
            return
        finally:
            self._busy_since_us = None
        self.away = False
        self._moved = True
        self._open.note(part)
        self._count(part, self._clock.monotonic_us() - began_us)
        self._acknowledge(part)

    def _acknowledge(self, part: list[Entry]) -> None:
        """Resolve what is safe already; the rest when it is synced."""
        if self._engine.syncing is Syncing.AFTER_COMMIT:
            durable = [entry for entry in part if entry.lane is not Lane.SETTLEMENT]
            if durable:
                self._syncer.sync_now(durable)
                part = [entry for entry in part if entry.lane is Lane.SETTLEMENT]
        resolve(part)
        if part and self._engine.syncing is not Syncing.AT_COMMIT:
            self._syncer.sync_later()

    def _count(self, part: list[Entry], took_us: int) -> None:
        self.counts.groups += 1
        self.counts.entries += len(part)
        self.counts.longest_group_us = max(self.counts.longest_group_us, took_us)

    # --- when it cannot be written ---------------------------------------------------------------

    def _give_up(self, part: list[Entry], error: Exception) -> None:
        """Tell the callers; keep for another try what must not be lost.

        Raises:
            Exception: `error` again, when the ledger is broken.
        """
        failure = self._engine.judge(error)
        if failure is not Failure.AWAY:
            fail(part, error)
        if failure is Failure.BROKEN:
            raise error
        if failure is Failure.ROW:
            return
        self.away = True
        for entry in part:
            self._keep(entry)
        fail(part, error)

    def _keep(self, entry: Entry) -> None:
        fact = entry.fact
        if isinstance(fact, Intent | Corrections):
            return
        if isinstance(fact, Refusal | ProviderObject) and len(self._retry) >= MOST_RETRIED:
            self.counts.dropped += 1
            return
        self._retry.append(Entry(fact))

    def _probe(self) -> None:
        """See whether a ledger that was away is back; nothing is written by it."""
        try:
            self._group.newest_intent_seq()
        except Exception as error:  # noqa: BLE001 - judged, as above
            self._give_up([], error)
        else:
            self.away = False

    def _move_low_water(self, *, at_once: bool) -> None:
        """Note once a second up to where this boot's intents are closed."""
        now_us = self._clock.monotonic_us()
        early = now_us - self._low_water_at_us < LOW_WATER_S * 1_000_000
        if self.away or not self._moved or (early and not at_once):
            return
        self._low_water_at_us = self._busy_since_us = now_us
        self._moved = False
        try:
            reached = self._open.low_water_seq(self._group.newest_intent_seq())
            if reached > self._low_water_seq:
                self._group.advance_low_water(self._boot_id, reached)
                self._low_water_seq = reached
        except Exception as error:  # noqa: BLE001 - judged, as above
            self._give_up([], error)
        finally:
            self._busy_since_us = None
