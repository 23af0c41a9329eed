"""Each rule of a recorded fact, kept and broken."""

from typing import Any

import pytest
from msgspec.structs import replace

from outlay.ledger.endings import late_correction, swept_event, withdrawn_event
from outlay.ledger.facts import Ending
from outlay.ledger.invariants import check_correction, check_event
from outlay.pricing.cost import NO_COST, Cost, CostBasis
from outlay.usage.meters import Meter
from outlay.usage.usage import NO_USAGE, Pass, Usage, UsageSource
from tests.ledgers import COST, NOON_US, make_event, make_intent

INTENT = make_intent()
CONTRACT = replace(
    COST,
    cost_nanos=2_300_000,
    basis=CostBasis.CONTRACT,
    contract_cost_nanos=2_300_000,
    unit_prices={**COST.unit_prices, "gpt-5/input#contract": 1_300_000_000_000},
)
WITH_TOOLS = Cost(
    cost_nanos=13_500_000,
    basis=CostBasis.LIST,
    list_token_cost_nanos=3_500_000,
    tool_cost_nanos=10_000_000,
    unit_prices={**COST.unit_prices, "gpt-5/web_search": 10_000_000_000_000_000},
)
TOOL_USAGE = Usage((Pass(None, {Meter.INPUT: 1_000, Meter.OUTPUT: 100, Meter.WEB_SEARCH: 1}),))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"cost": CONTRACT},
        {"cost": WITH_TOOLS, "usage": TOOL_USAGE},
        {"cost": Cost(7, CostBasis.STATED, stated_cost_nanos=7)},
        {"cost": replace(COST, cost_nanos=7, basis=CostBasis.STATED, stated_cost_nanos=7)},
        {"cost": Cost(None, CostBasis.NONE, unpriced=("gpt-9/input",))},
        {"cost": Cost(INTENT.bound_nanos, CostBasis.BOUND), "usage": NO_USAGE},
        {"cost": NO_COST, "usage": NO_USAGE, "ending": Ending.PROVIDER_ERROR},
    ],
)
def test_a_sound_event_has_no_finding(fields: dict[str, Any]) -> None:
    assert [] == list(check_event(INTENT, make_event(INTENT.request_id, **fields)))


def test_events_that_follow_from_others_are_sound() -> None:
    for bound in (9_000_000, None):
        intent = replace(INTENT, bound_nanos=bound)
        assert [] == list(check_event(intent, swept_event(intent, NOON_US)))
    assert [] == list(check_event(INTENT, withdrawn_event(INTENT.request_id, NOON_US)))


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("cost_is_not_its_basis", {"cost": replace(COST, cost_nanos=3_500_001)}),
        ("cost_is_not_its_basis", {"cost": replace(CONTRACT, contract_cost_nanos=1)}),
        ("cost_is_not_its_basis", {"cost": Cost(5, CostBasis.STATED, stated_cost_nanos=6)}),
        ("cost_is_not_its_basis", {"cost": Cost(5, CostBasis.NONE)}),
        ("list_token_cost", {"cost": replace(COST, list_token_cost_nanos=1, cost_nanos=1)}),
        ("tool_cost", {"cost": replace(COST, tool_cost_nanos=1, cost_nanos=3_500_001)}),
        (
            "contract_cost",
            {"cost": replace(CONTRACT, contract_cost_nanos=5, cost_nanos=5)},
        ),
        ("negative_cost", {"cost": Cost(-5, CostBasis.STATED, stated_cost_nanos=-5)}),
        ("quantity_of_input", {"usage": Usage((Pass(None, {Meter.INPUT: 0}),)), "cost": NO_COST}),
        ("cost_not_at_bound", {"cost": Cost(1, CostBasis.BOUND)}),
        ("unsent_call_costs", {"ending": Ending.NEVER_SENT}),
        ("swept_not_estimated", {"ending": Ending.SWEPT, "usage_source": UsageSource.REPORTED}),
    ],
)
def test_a_broken_rule_is_found(code: str, fields: dict[str, Any]) -> None:
    found = list(check_event(INTENT, make_event(INTENT.request_id, **fields)))
    assert code in {finding.code for finding in found}
    assert all(INTENT.request_id in finding.source for finding in found)


def test_passes_of_several_models_may_be_read_either_way() -> None:
    """The record does not say which pass was priced as which model; one way must add up."""
    usage = Usage((Pass(None, {Meter.INPUT: 10}), Pass("haiku", {Meter.INPUT: 1})))
    prices = {"haiku/input": 1_000_000_000_000, "opus/input": 5_000_000_000_000}
    right = Cost(51_000, CostBasis.LIST, 51_000, tool_cost_nanos=0, unit_prices=prices)
    wrong = replace(right, cost_nanos=52_000, list_token_cost_nanos=52_000)
    event = make_event(INTENT.request_id, usage=usage, cost=right)
    assert [] == list(check_event(INTENT, event))
    assert ["list_token_cost"] == [
        finding.code for finding in check_event(INTENT, replace(event, cost=wrong))
    ]


def test_a_correction_follows_from_what_counted_before() -> None:
    correction = late_correction(make_event(INTENT.request_id), 9_000_000, NOON_US)
    assert [] == list(check_correction(correction, 9_000_000))
    [found] = check_correction(correction, 8_000_000)
    assert "correction_chain_broken" == found.code


def test_the_same_late_event_is_the_same_correction() -> None:
    event = make_event(INTENT.request_id)
    first, again = late_correction(event, 9, NOON_US), late_correction(event, 9, NOON_US + 5)
    assert replace(first, booked_at_us=NOON_US + 5) == again
