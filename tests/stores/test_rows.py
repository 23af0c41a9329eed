"""Facts survive the way into a row and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import Table

from outlay.attribution.dimensions import UNATTRIBUTED, Attribution, Dimension, Source, Value
from outlay.budgets.hold import Hold
from outlay.kernel.ids import KeyId, RequestId
from outlay.ledger.endings import late_correction
from outlay.ledger.facts import Ending, Intent, ProviderObject, UsageEvent
from outlay.pricing.cost import Cost, CostBasis
from outlay.stores.ledger.rows import (
    Row,
    columns_of,
    correction_from_row,
    correction_row,
    event_from_row,
    event_row,
    hold_rows,
    intent_from_row,
    intent_row,
    object_row,
    refusal_row,
)
from outlay.stores.ledger.schema import (
    corrections,
    holds,
    intents,
    provider_objects,
    refusals,
    usage_events,
)
from outlay.usage.meters import Meter
from outlay.usage.usage import Pass, Usage, UsageSource
from tests.ledgers import NOON_US, make_event, make_intent, make_refusal

_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
_NANOS = st.none() | st.integers(0, 2**62)
_VALUES = st.dictionaries(
    st.sampled_from(Dimension), st.builds(Value, _TEXT, st.sampled_from(Source), st.booleans())
)
_USAGES = st.lists(
    st.builds(
        Pass,
        st.none() | _TEXT,
        st.dictionaries(st.sampled_from(Meter), st.integers(1, 2**40), max_size=4),
    ),
    max_size=3,
).map(lambda passes: Usage(tuple(passes)))
_COSTS = st.builds(
    Cost,
    cost_nanos=_NANOS,
    basis=st.sampled_from(CostBasis),
    list_token_cost_nanos=_NANOS,
    contract_cost_nanos=_NANOS,
    stated_cost_nanos=_NANOS,
    tool_cost_nanos=_NANOS,
    price_revision=st.none() | _TEXT,
    unit_prices=st.dictionaries(_TEXT, st.integers(0, 2**70), max_size=3),
    unpriced=st.lists(_TEXT, max_size=2).map(tuple),
)
_RAW = st.none() | st.dictionaries(_TEXT, st.integers() | _TEXT | st.none(), max_size=3)


def _named(table: Table, row: Row) -> dict[str, object]:
    return dict(zip(columns_of(table), row, strict=True))


@pytest.mark.parametrize(
    ("table", "row"),
    [
        (intents, intent_row(make_intent(), 1)),
        (usage_events, event_row(make_event("req_1"), 1)),
        (refusals, refusal_row(make_refusal(), 1)),
        (corrections, correction_row(late_correction(make_event("req_1"), 1, 1))),
        (holds, hold_rows(make_intent(holds=(Hold("bud_1", 5),)))[0]),
        (
            provider_objects,
            object_row(ProviderObject("h", "openai", KeyId("k"), "d", RequestId("r"), 1)),
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Table) else "",
)
def test_a_row_has_a_cell_for_every_column(table: Table, row: Row) -> None:
    assert len(columns_of(table)) == len(row)


@given(values=_VALUES, cap=_NANOS, warnings=st.lists(_TEXT, max_size=2).map(tuple))
def test_an_intent_comes_back(
    values: dict[Dimension, Value], cap: int | None, warnings: tuple[str, ...]
) -> None:
    intent = make_intent(attribution=Attribution(values, cap, warnings), degraded_from="gpt-5-pro")
    assert intent == intent_from_row(_named(intents, intent_row(intent, NOON_US)))


def test_an_intent_with_nothing_filled_in_comes_back() -> None:
    intent = Intent(
        *("req_1", "boot_1", NOON_US, "key_1", "openai", "openai_chat", "chat"),  # type: ignore[arg-type]
        stream=False,
        model_requested=None,
        model_served=None,
    )
    assert UNATTRIBUTED == intent.attribution
    assert intent == intent_from_row(_named(intents, intent_row(intent, NOON_US)))


@given(usage=_USAGES, cost=_COSTS, raw=_RAW, ending=st.sampled_from(Ending))
def test_an_event_comes_back(
    usage: Usage, cost: Cost, raw: dict[str, object] | None, ending: Ending
) -> None:
    event = make_event("req_1", usage=usage, cost=cost, raw_usage=raw, ending=ending)
    assert event == event_from_row(_named(usage_events, event_row(event, NOON_US)))


@given(usage=_USAGES, cost=_COSTS)
def test_a_correction_comes_back(usage: Usage, cost: Cost) -> None:
    correction = late_correction(make_event("req_1", usage=usage, cost=cost), 7, NOON_US)
    for one in (correction, replace(correction, ending=None, status=None)):
        assert one == correction_from_row(_named(corrections, correction_row(one)))


def test_token_sums_are_columns_of_their_own() -> None:
    passes = (Pass(None, {Meter.INPUT: 3, Meter.CACHE_READ: 4}), Pass("m", {Meter.REASONING: 5}))
    row = _named(usage_events, event_row(make_event("req_1", usage=Usage(passes)), 1))
    assert (7, 5) == (row["input_tokens"], row["output_tokens"])


def test_equal_json_is_equal_text_whatever_its_order() -> None:
    """A retried event is recognised by its row."""
    one = UsageEvent(
        RequestId("req_1"), 1, Ending.COMPLETE, 200, raw_usage={"a": 1, "b": {"c": 1, "d": 2}},
        usage_source=UsageSource.REPORTED,
    )  # fmt: skip
    other = replace(one, raw_usage={"b": {"d": 2, "c": 1}, "a": 1})
    assert event_row(one, 1) == event_row(other, 1)
