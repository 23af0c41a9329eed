"""The rules that hold for every recorded fact, as findings. Pure: `stores` reads the rows.

Each rule is checked from what is recorded alone, so that a ledger can be judged years later.
"""

from collections.abc import Iterator

from outlay.kernel.findings import Finding
from outlay.ledger.facts import Correction, Ending, Intent, UsageEvent
from outlay.ledger.recompute import contract_token_costs, list_token_costs, tool_costs
from outlay.pricing.cost import Cost, CostBasis
from outlay.usage.usage import Usage, UsageSource


def check_event(intent: Intent, event: UsageEvent) -> Iterator[Finding]:
    """Check the event of a call against itself and its intent."""
    where = f"usage event of {event.request_id}"
    yield from check_usage(event.usage, where)
    yield from check_cost(event.usage, event.cost, where)
    if event.ending is Ending.SWEPT:
        yield from _check_swept(intent, event, where)
    elif event.cost.basis is CostBasis.BOUND and event.cost.cost_nanos != intent.bound_nanos:
        yield _odd("cost_not_at_bound", where, event.cost.cost_nanos, intent.bound_nanos)
    if event.ending is Ending.NEVER_SENT and event.cost.cost_nanos != 0:
        yield _odd("unsent_call_costs", where, event.cost.cost_nanos, 0)


def check_correction(correction: Correction, present_nanos: int | None) -> Iterator[Finding]:
    """Check a correction against itself and what counted before it."""
    where = f"correction {correction.correction_id} of {correction.request_id}"
    yield from check_usage(correction.usage, where)
    yield from check_cost(correction.usage, correction.cost, where)
    if correction.previous_cost_nanos != present_nanos:
        previous = correction.previous_cost_nanos
        yield _odd("correction_chain_broken", where, previous, present_nanos)


def check_usage(usage: Usage, where: str) -> Iterator[Finding]:
    """Check that quantities are positive."""
    for one in usage.passes:
        for meter, quantity in one.quantities.items():
            if quantity <= 0:
                yield _odd(f"quantity_of_{meter.value}", where, quantity, "more than 0")


def check_cost(usage: Usage, cost: Cost, where: str) -> Iterator[Finding]:
    """Check that the cost is the one its basis names, and that its parts can be explained."""
    for named in (cost.cost_nanos, cost.tool_cost_nanos, cost.list_token_cost_nanos):
        if named is not None and named < 0:
            yield _odd("negative_cost", where, named, "at least 0")
    expected = _expected_cost(cost)
    if cost.basis is not CostBasis.BOUND and cost.cost_nanos != expected:
        yield _odd("cost_is_not_its_basis", where, cost.cost_nanos, expected)
    if cost.unit_prices:
        yield from _check_parts(usage, cost, where)


def _expected_cost(cost: Cost) -> int | None:
    """Return what the basis says the cost is; 0 is also right where there is no basis."""
    match cost.basis:
        case CostBasis.STATED:
            return cost.stated_cost_nanos
        case CostBasis.CONTRACT:
            return cost.contract_cost_nanos
        case CostBasis.LIST:
            return _sum(cost.list_token_cost_nanos, cost.tool_cost_nanos)
        case CostBasis.NONE:
            return 0 if cost.cost_nanos == 0 else None
        case CostBasis.BOUND:
            return cost.cost_nanos


def _check_parts(usage: Usage, cost: Cost, where: str) -> Iterator[Finding]:
    """Make the parts again from usage and unit prices."""
    listed, tools = cost.list_token_cost_nanos, cost.tool_cost_nanos
    if listed is not None and listed not in list_token_costs(usage, cost):
        yield _odd("list_token_cost", where, listed, sorted(list_token_costs(usage, cost)))
    if tools is not None and tools not in tool_costs(usage, cost):
        yield _odd("tool_cost", where, tools, sorted(tool_costs(usage, cost)))
    if cost.basis is CostBasis.CONTRACT and cost.contract_cost_nanos is not None:
        possible = {one + (tools or 0) for one in contract_token_costs(usage, cost)}
        if cost.contract_cost_nanos not in possible:
            yield _odd("contract_cost", where, cost.contract_cost_nanos, sorted(possible))


def _check_swept(intent: Intent, event: UsageEvent, where: str) -> Iterator[Finding]:
    if event.cost.cost_nanos != intent.bound_nanos:
        yield _odd("cost_not_at_bound", where, event.cost.cost_nanos, intent.bound_nanos)
    if event.usage_source is not UsageSource.ESTIMATED:
        yield _odd("swept_not_estimated", where, event.usage_source, UsageSource.ESTIMATED)


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _odd(code: str, where: str, found: object, expected: object) -> Finding:
    return Finding(code, where, f"{code.replace('_', ' ')}: {found} is recorded, not {expected}")
