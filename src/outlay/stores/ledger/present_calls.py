"""Calls as they count today: an intent, its event, and the newest correction where one stands.

Every reader of calls selects from here: all agree on what a call cost and whether it counts.
"""

from typing import Any

from sqlalchemy import ColumnElement, Join, and_, case, func, select

from outlay.pricing.cost import CostBasis
from outlay.stores.ledger.schema import corrections, imports, intents, usage_events


def ended_calls() -> Join:
    """Join each call that has an event with its newest correction."""
    return _corrected(intents.join(usage_events, _same_call(usage_events)))


def all_calls() -> Join:
    """Join each call, also one that is still open, with its event and its newest correction."""
    return _corrected(intents.outerjoin(usage_events, _same_call(usage_events)))


def is_published() -> ColumnElement[bool]:
    """Say that a call counts: it is of no import, or of one that is published."""
    hidden = select(imports.c.import_id).where(imports.c.published_at_us.is_(None))
    published: ColumnElement[bool] = intents.c.boot_id.not_in(hidden)
    return published


def is_corrected() -> ColumnElement[bool]:
    """Say that a correction of the call stands."""
    return corrections.c.seq.is_not(None)


def present(name: str) -> ColumnElement[Any]:
    """Take a column of usage or cost from the newest correction, else from the event."""
    return case((is_corrected(), corrections.c[name]), else_=usage_events.c[name])


def present_status() -> ColumnElement[Any]:
    """Take the status from a late event, which comes as a correction, else from the event."""
    return _late_or_recorded("status")


def present_ending() -> ColumnElement[Any]:
    """Take the ending from a late event, which comes as a correction, else from the event."""
    return _late_or_recorded("ending")


def present_cost_nanos() -> ColumnElement[Any]:
    """Take what a call costs in reports; one settled at its bound counts at its likely cost.

    The bound is what budgets keep (product.md 6): in an outage of a provider it would show readers
    many times what can have been spent. Null is unpriced.
    """
    likely = func.coalesce(usage_events.c.likely_cost_nanos, usage_events.c.cost_nanos)
    return case(
        (is_corrected(), corrections.c.cost_nanos),
        (usage_events.c.cost_basis == CostBasis.BOUND.value, likely),
        else_=usage_events.c.cost_nanos,
    )


def _late_or_recorded(name: str) -> ColumnElement[Any]:
    """Take what only the correction by a late event states; later ones leave it as it is."""
    late = corrections.alias()
    stated = (late.c.request_id == intents.c.request_id, late.c[name].is_not(None))
    newest = select(late.c[name]).where(*stated).order_by(late.c.seq.desc()).limit(1)
    found = newest.correlate(intents).scalar_subquery()
    recorded = usage_events.c[name]
    return case((is_corrected(), func.coalesce(found, recorded)), else_=recorded)


def _corrected(calls: Join) -> Join:
    later = corrections.alias()
    newest = select(func.max(later.c.seq)).where(later.c.request_id == intents.c.request_id)
    is_newest = corrections.c.seq == newest.correlate(intents).scalar_subquery()
    return calls.outerjoin(corrections, and_(_same_call(corrections), is_newest))


def _same_call(table: Any) -> ColumnElement[bool]:
    joined: ColumnElement[bool] = table.c.request_id == intents.c.request_id
    return joined
