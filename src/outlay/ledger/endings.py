"""Facts that follow from other facts when a call does not end by itself."""

from outlay.kernel.ids import RequestId
from outlay.ledger.facts import Correction, Ending, Intent, UsageEvent
from outlay.pricing.cost import Cost, CostBasis
from outlay.usage.usage import UsageSource


def withdrawn_event(request_id: RequestId, at_us: int) -> UsageEvent:
    """Close an intent whose call was never sent, since its caller had been told so."""
    return UsageEvent(
        request_id, at_us, Ending.NEVER_SENT, status=None, findings=("intent_withdrawn",)
    )


def swept_event(intent: Intent, at_us: int) -> UsageEvent:
    """Close the intent of a dead process: budgets keep the bound, reports show the likely cost."""
    basis = CostBasis.NONE if intent.bound_nanos is None else CostBasis.BOUND
    return UsageEvent(
        intent.request_id,
        at_us,
        Ending.SWEPT,
        status=None,
        usage_source=UsageSource.ESTIMATED,
        cost=Cost(intent.bound_nanos, basis),
        likely_cost_nanos=intent.likely_nanos,
        findings=("swept",),
    )


def late_correction(event: UsageEvent, present_nanos: int | None, booked_at_us: int) -> Correction:
    """Turn the event of a call that the sweep has closed into a correction, always the same one."""
    return Correction(
        correction_id="cor_" + event.request_id.removeprefix("req_"),
        request_id=event.request_id,
        booked_at_us=booked_at_us,
        reason="the call's own event came after the sweep",
        previous_cost_nanos=present_nanos,
        cost=event.cost,
        usage=event.usage,
        usage_source=event.usage_source,
        raw_usage=event.raw_usage,
        ending=event.ending,
        status=event.status,
    )
