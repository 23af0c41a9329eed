"""Step 8 of a call: meter, price and record it. Runs once for every ending."""

from typing import Protocol

import msgspec
import structlog

from outlay.gateway.admit import Planned
from outlay.gateway.rooms import Configuration, Hashes, Rooms
from outlay.kernel.clock import Clock
from outlay.kernel.errors import InvariantBroken, LedgerUnavailable
from outlay.ledger.facts import Ending, Intent, ProviderObject, UsageEvent
from outlay.pricing.cost import NO_COST, Cost, CostBasis
from outlay.routing.provider import Provider
from outlay.usage.answer import Answer
from outlay.usage.usage import NO_USAGE, Metered, UsageSource
from outlay.wire.call import Call, Wire
from outlay.wire.metering import meter

_log = structlog.get_logger("outlay.gateway")

UNBILLED = frozenset({Ending.NEVER_SENT, Ending.PROVIDER_ERROR})
"""Endings that cost nothing unless the provider states usage all the same."""


class Bookkeeping(Protocol):
    """What making an event needs: the worker's rooms, or the poller's."""

    @property
    def clock(self) -> Clock:
        """The clock that the call was begun by."""
        ...

    @property
    def configuration(self) -> Configuration:
        """Where the price book is."""
        ...

    @property
    def hashes(self) -> Hashes:
        """Keyed hashes."""
        ...

    @property
    def price_at_us(self) -> int | None:
        """The instant whose prices apply; None: the call's own."""
        ...


class Ended(msgspec.Struct, gc=False):
    """How the exchange with the provider went, as far as it went."""

    ending: Ending
    status: int | None = None
    answer: Answer | None = None
    first_byte_us: int | None = None
    response_bytes: int = 0
    cut_reason: str | None = None


class Made(msgspec.Struct, frozen=True, gc=False):
    """A call that was made: what was asked of whom, under which intent, since when (monotonic)."""

    call: Call
    provider: Provider
    intent: Intent
    started_us: int


async def finish(planned: Planned, intent: Intent, ended: Ended, rooms: Rooms) -> UsageEvent | None:
    """Write the one event of a call together with the settlement of its holds, and return it.

    A call whose work goes on at the provider has none yet: it stays open, and None is returned.

    When the ledger cannot be written the answer is delivered all the same: the intent stays open
    and the journal keeps trying.
    """
    made = Made(planned.call, planned.target.provider, intent, planned.started_us)
    event = make_event(made, ended, rooms)
    _remember_object(planned, event, rooms)
    _count(made, event, rooms)
    try:
        if await _record_deferred(event, ended, rooms):
            return None
        await rooms.journal.record_event(event)
    except (LedgerUnavailable, InvariantBroken):
        rooms.metrics.unsettled.inc()
        _log.exception("event not written, the intent stays open", request_id=event.request_id)
    return event


async def _record_deferred(event: UsageEvent, ended: Ended, rooms: Rooms) -> bool:
    """Leave a call open whose work goes on at the provider; False when it has ended."""
    answer = ended.answer
    if answer is None or not answer.deferred or answer.response_id is None:
        return False
    await rooms.journal.record_deferred(event.request_id, answer.response_id)
    return True


def make_event(made: Made, ended: Ended, rooms: Bookkeeping) -> UsageEvent:
    """Meter and price a call that has ended, in whatever way."""
    intent, answer = made.intent, ended.answer or Answer()
    metered = _meter(made, ended)
    cost = _cost(made, ended, metered, rooms)
    now_us = rooms.clock.monotonic_us()
    return UsageEvent(
        request_id=intent.request_id,
        finished_at_us=intent.requested_at_us + now_us - made.started_us,
        ending=ended.ending,
        status=ended.status,
        usage=metered.usage,
        usage_source=metered.source,
        raw_usage=answer.raw_usage,
        cost=cost,
        likely_cost_nanos=intent.likely_nanos if cost.basis is CostBasis.BOUND else None,
        model_returned=answer.model_returned,
        service_tier=answer.service_tier,
        finish_reason=answer.finish_reason,
        response_id_hash=answer.response_id and rooms.hashes.of_response_id(answer.response_id),
        first_byte_us=ended.first_byte_us and ended.first_byte_us - made.started_us,
        latency_us=now_us - made.started_us,
        response_bytes=ended.response_bytes,
        cut_reason=ended.cut_reason,
        findings=tuple([finding.code for finding in metered.findings]),
    )


def _meter(made: Made, ended: Ended) -> Metered:
    answer, complete = ended.answer, ended.ending is Ending.COMPLETE
    if not complete and _was_not_served(ended):
        return Metered(NO_USAGE, UsageSource.NONE)
    if answer is None or not _saw_answer(made, ended):
        return Metered(NO_USAGE, UsageSource.ESTIMATED)
    return meter(made.call, made.provider, answer, complete=complete)


def _was_not_served(ended: Ended) -> bool:
    """Tell whether the provider never got the call, or answered an error and states no usage."""
    if ended.ending is Ending.PROVIDER_ERROR:
        return ended.answer is None or ended.answer.raw_usage is None
    return ended.ending is Ending.NEVER_SENT


def _saw_answer(made: Made, ended: Ended) -> bool:
    """Tell whether anything of a billable answer was read.

    If not, the call is settled at its bound: the provider probably did the work and bills it. That
    holds for an answer of status 200 too in which nothing is readable (torn or broken JSON).
    """
    answer = ended.answer
    if answer is None:
        return False
    if answer.raw_usage is not None or answer.output_tokens_seen > 0:
        return True
    says_something = answer.finish_reason or answer.response_id or answer.model_returned
    is_embedding = made.call.shape.output_limit == 0
    return ended.ending is Ending.COMPLETE and bool(says_something or is_embedding)


def _cost(made: Made, ended: Ended, metered: Metered, rooms: Bookkeeping) -> Cost:
    if metered.source is UsageSource.NONE and ended.ending in UNBILLED:
        return NO_COST
    intent, answer = made.intent, ended.answer or Answer()
    if not _saw_answer(made, ended):
        return Cost(cost_nanos=intent.bound_nanos, basis=CostBasis.BOUND)
    return rooms.configuration.book.price(
        provider=made.provider.price_provider or made.provider.name,
        model_requested=intent.model_requested,
        model_served=intent.model_served,
        model_returned=answer.model_returned,
        usage=metered.usage,
        at_us=rooms.price_at_us or intent.requested_at_us,
        service_tier=answer.service_tier,
        stated_cost_nanos=metered.stated_cost_nanos,
    )


def _remember_object(planned: Planned, event: UsageEvent, rooms: Rooms) -> None:
    """Note who made a stored response, so that only its key or department can ask for it.

    The department is the pinned one: a header could name any.
    """
    if planned.call.route.wire is not Wire.OPENAI_RESPONSES or event.response_id_hash is None:
        return
    rooms.journal.record_object(
        ProviderObject(
            object_hash=event.response_id_hash,
            provider=planned.target.provider.name,
            key_id=planned.caller.key_id,
            department=planned.caller.pins.get("department"),
            request_id=planned.request_id,
            created_at_us=planned.requested_at_us,
        )
    )


def _count(made: Made, event: UsageEvent, rooms: Rooms) -> None:
    rooms.metrics.count_call(
        (made.provider.name, made.intent.wire, event.ending),
        latency_us=event.latency_us,
        cost_nanos=event.cost.cost_nanos,
    )
