"""What waits to be written: a fact, who waits for it, and what became of it."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from outlay.kernel.errors import LedgerUnavailable
from outlay.kernel.ids import RequestId
from outlay.ledger.facts import Correction, Intent, ProviderObject, Refusal, UsageEvent


@dataclass(frozen=True, slots=True)
class Deferral:
    """A call goes on in the background under the provider's id."""

    request_id: RequestId
    provider_response_id: str
    noted_at_us: int


@dataclass(frozen=True, slots=True)
class Corrections:
    """Corrections that are recorded together or not at all."""

    corrections: tuple[Correction, ...]


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """An intent that may stand though its caller was told "no": it is closed as never sent."""

    request_id: RequestId
    withdrawn_at_us: int


PlainFact = Intent | UsageEvent | Refusal | ProviderObject
"""What is written by an INSERT alone."""
Fact = PlainFact | Deferral | Corrections | Withdrawal
"""What the journal writes."""


class Lane(Enum):
    """How urgently a fact must reach the disk, and whether it needs more than an INSERT."""

    SETTLEMENT = auto()
    DURABLE = auto()
    ASKING = auto()


_LANES = {
    Intent: Lane.DURABLE,
    UsageEvent: Lane.SETTLEMENT,
    Refusal: Lane.SETTLEMENT,
    ProviderObject: Lane.SETTLEMENT,
    Deferral: Lane.ASKING,
    Corrections: Lane.ASKING,
    Withdrawal: Lane.ASKING,
}


@dataclass(slots=True, eq=False)
class Entry:
    """A fact on its way into the ledger.

    `waiter` is the future of the caller on its loop (None: nobody waits). `error` is what its
    caller is told; `abandoned` says that the caller has gone and the fact is not to be written.
    """

    fact: Fact
    waiter: "asyncio.Future[None] | None" = None
    error: BaseException | None = None
    abandoned: bool = False

    @property
    def lane(self) -> Lane:
        """Say how it is written."""
        return _LANES[type(self.fact)]


def resolve(entries: Iterable[Entry]) -> None:
    """Tell the callers of these entries what became of them: one wake-up per event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Entry]] = {}
    for entry in entries:
        if entry.waiter is not None:
            by_loop.setdefault(entry.waiter.get_loop(), []).append(entry)
    for loop, waiting in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_wake, waiting)


def fail(entries: Sequence[Entry], cause: BaseException) -> None:
    """Tell the callers of these entries that the ledger cannot be written now."""
    for entry in entries:
        entry.error = LedgerUnavailable(f"the ledger cannot be written now: {cause}")
        entry.error.__cause__ = cause
    resolve(entries)


def _wake(entries: list[Entry]) -> None:
    for entry in entries:
        if entry.waiter is None or entry.waiter.done():
            continue
        if entry.error is None:
            entry.waiter.set_result(None)
        else:
            entry.waiter.set_exception(entry.error)
