"""The Journal: how facts get into the ledger. `stores/ledger` fulfils it, one suite judges."""

from collections.abc import Sequence
from typing import Protocol

from outlay.kernel.ids import RequestId
from outlay.ledger.facts import Correction, Intent, ProviderObject, Refusal, UsageEvent


class Journal(Protocol):
    """Records facts, many waiting callers in one transaction."""

    async def record_intent(self, intent: Intent) -> None:
        """Record a call about to be sent, with all of its holds or none; durable on return.

        When it is cancelled meanwhile, the call counts as never sent: the journal closes it itself.

        Raises:
            LedgerUnavailable: it could not be written; the call must not be sent.
        """
        ...

    async def record_event(self, event: UsageEvent) -> None:
        """Record what became of a call and settle its holds, in one transaction.

        On return it survives `kill -9` of any process; it is fsynced with the next group. Recording
        the same event again has no effect. An event for a call that the sweep already closed
        becomes a correction.

        Raises:
            LedgerUnavailable: it could not be written; the intent stays open, the event is retried.
            InvariantBroken: another event stands under this id, or there is no such intent.
        """
        ...

    async def record_deferred(self, request_id: RequestId, provider_response_id: str) -> None:
        """Note that a call goes on in the background under the provider's id, to be polled."""
        ...

    def record_refusal(self, refusal: Refusal) -> None:
        """Queue a refusal; written with the next group. Never waits; counts what it must drop."""
        ...

    def record_object(self, made: ProviderObject) -> None:
        """Queue who made a provider's id; written with the next group. The first maker stays."""
        ...

    async def record_corrections(self, corrections: Sequence[Correction]) -> None:
        """Record corrections, all or none; durable on return."""
        ...

    async def close(self) -> None:
        """Write what is queued, fsync and end the writer."""
        ...
