"""The open intents of one boot, so that a sweep need not look at every intent there ever was."""

from collections.abc import Sequence

from outlay.ledger.facts import Intent, UsageEvent
from outlay.stores.ledger.entries import Deferral, Entry, Withdrawal


class OpenCalls:
    """Which intents have no event yet, and up to which sequence number there is none."""

    def __init__(self, newest_seq: int) -> None:
        """Begin when `newest_seq` is the newest intent of all boots."""
        self._after: dict[str, int] = {}
        self._newest_seq = newest_seq

    def __len__(self) -> int:
        """Count the open intents."""
        return len(self._after)

    def note(self, entries: Sequence[Entry]) -> None:
        """Take in what has been committed. A deferred call is the poller's, not the sweep's."""
        for entry in entries:
            fact = entry.fact
            if entry.error is not None:
                continue
            if isinstance(fact, Intent):
                self._after[fact.request_id] = self._newest_seq
            elif isinstance(fact, UsageEvent | Withdrawal | Deferral):
                self._after.pop(fact.request_id, None)

    def low_water_seq(self, newest_seq: int) -> int:
        """Return up to where all intents of this boot are closed.

        Args:
            newest_seq: the newest intent of all boots; what this boot writes later is newer.
        """
        self._newest_seq = newest_seq
        return next(iter(self._after.values()), newest_seq)
