"""Step 5 of a call: bound its cost and make its intent durable."""

import msgspec

from outlay.attribution.dimensions import Attribution
from outlay.budgets.bound import Bound, bound_call
from outlay.gateway.rooms import Rooms
from outlay.identity.caller import Caller
from outlay.kernel.errors import LedgerUnavailable, Refused
from outlay.kernel.ids import RequestId
from outlay.ledger.facts import Intent
from outlay.routing.provider import Target
from outlay.wire.call import Billing, Call


class Planned(msgspec.Struct, frozen=True, gc=False):
    """A call that may be made, by whom, for what and where to; nothing is recorded yet."""

    request_id: RequestId
    requested_at_us: int
    started_us: int
    caller: Caller
    call: Call
    attribution: Attribution
    target: Target


async def admit(planned: Planned, rooms: Rooms) -> Intent | Refused | None:
    """Record the intent of a call that may cost money; None for a free one.

    The intent is durable when this returns: a crash from here on leaves an open intent, never an
    unseen call.
    """
    if planned.call.route.billing is Billing.FREE:
        return None
    intent = _intent(planned, rooms)
    try:
        await rooms.journal.record_intent(intent)
    except LedgerUnavailable as error:
        return Refused(
            error.code,
            error.category,
            "The ledger cannot be written now, so this call was not sent. Try again shortly; "
            "the operator finds the cause in the gateway's log.",
        )
    return intent


def _intent(planned: Planned, rooms: Rooms) -> Intent:
    call, target = planned.call, planned.target
    bound = _bound(planned, rooms)
    return Intent(
        request_id=planned.request_id,
        boot_id=rooms.boot_id,
        requested_at_us=planned.requested_at_us,
        key_id=planned.caller.key_id,
        provider=target.provider.name,
        wire=call.route.wire,
        operation=call.route.operation,
        stream=call.stream,
        model_requested=call.model,
        model_served=target.model,
        attribution=planned.attribution,
        hold_class=bound.hold_class,
        hold_reasons=bound.reasons,
        bound_nanos=bound.bound_nanos,
        likely_nanos=bound.likely_nanos,
        service_tier=call.shape.service_tier,
        output_limit=call.shape.output_limit,
        temperature_zero=call.temperature_zero,
        has_tools=call.has_tools,
        unmetered=call.route.billing is Billing.UNMETERED,
        deferred=call.background,
        request_hash=rooms.hashes.of_request(call.body) if call.body else None,
        request_bytes=len(call.body),
    )


def _bound(planned: Planned, rooms: Rooms) -> Bound:
    call, target = planned.call, planned.target
    return bound_call(
        rooms.configuration.book,
        provider=target.provider,
        model=target.model,
        wire=call.route.wire,
        operation=call.route.operation,
        shape=call.shape,
        at_us=rooms.price_at_us or planned.requested_at_us,
    )
