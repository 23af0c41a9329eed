"""The sync thread: brings what was committed onto the disk, then tells those who wait for it."""

from dataclasses import dataclass
from queue import Empty, SimpleQueue

from outlay.kernel.clock import Clock
from outlay.stores.ledger.engines import WriterEngine
from outlay.stores.ledger.entries import Entry, fail, resolve

IDLE_SYNC_S = 0.1
"""After how long settlements that no intent followed are synced."""


@dataclass(slots=True)
class JournalCounts:
    """What the journal did so far, for `/metrics`; durations in microseconds."""

    groups: int = 0
    entries: int = 0
    syncs: int = 0
    longest_group_us: int = 0
    longest_lock_wait_us: int = 0
    longest_sync_us: int = 0
    quarantined: int = 0
    dropped: int = 0


class Syncer:
    """Syncs in a thread of its own; `run` is that thread's work."""

    def __init__(self, engine: WriterEngine, clock: Clock, counts: JournalCounts) -> None:
        """Sync what is committed through `engine`."""
        self._engine = engine
        self._clock = clock
        self._counts = counts
        self._queue: SimpleQueue[list[Entry] | None] = SimpleQueue()
        self._marked = False
        self.busy_since_us: int | None = None

    def sync_now(self, entries: list[Entry]) -> None:
        """Sync as soon as the running sync is done, then resolve `entries`."""
        self._queue.put(entries)

    def sync_later(self) -> None:
        """Sync within `IDLE_SYNC_S`, unless somebody asks for it sooner."""
        if not self._marked:
            self._marked = True
            self._queue.put([])

    def close(self) -> None:
        """End the thread after a last sync."""
        self._queue.put(None)

    def run(self) -> None:
        """Sync until closed.

        Raises:
            OSError: a sync failed; what was committed before may not be on the disk.
        """
        closing = False
        while not closing:
            waiting, closing = self._take()
            self._sync(waiting)

    def _take(self) -> tuple[list[Entry], bool]:
        """Wait until something must be synced; return who waits, and whether this is the end."""
        item = self._first()
        waiting: list[Entry] = []
        while item is not None:
            waiting += item
            if self._queue.empty():
                return waiting, False
            item = self._queue.get()
        return waiting, True

    def _first(self) -> list[Entry] | None:
        """Wait for somebody in a hurry, or until a mark is old enough."""
        item = self._queue.get()
        while item == []:
            try:
                item = self._queue.get(timeout=IDLE_SYNC_S)
            except Empty:
                return []
        return item

    def _sync(self, waiting: list[Entry]) -> None:
        self._marked = False
        began_us = self.busy_since_us = self._clock.monotonic_us()
        try:
            self._engine.sync()
        except OSError as error:
            fail(waiting, error)
            raise
        finally:
            self.busy_since_us = None
        took_us = self._clock.monotonic_us() - began_us
        self._counts.syncs += 1
        self._counts.longest_sync_us = max(self._counts.longest_sync_us, took_us)
        resolve(waiting)
