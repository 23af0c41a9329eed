"""Cost is quantities times unit prices, rounded once, and unpriced is never zero."""

from decimal import ROUND_HALF_EVEN, Decimal

from hypothesis import given
from hypothesis import strategies as st

from outlay.pricing.calculate import calculate_cost
from outlay.pricing.cost import CostBasis
from outlay.pricing.model_price import ModelPrice
from outlay.usage.meters import TOKEN_METERS, TOOL_METERS, Meter
from outlay.usage.usage import Pass

_NANO = 10**9


def _price(**rates: int) -> ModelPrice:
    return ModelPrice("m", (), (rates,), None, 0, 2**63 - 1)


def _contract(listed: dict[str, int], contracted: dict[str, int]) -> ModelPrice:
    return ModelPrice("m", (), (listed,), (contracted,), 0, 2**63 - 1)


def test_a_call_costs_its_quantities_at_their_prices() -> None:
    price = _price(input=2 * _NANO, output=3 * _NANO)
    cost = calculate_cost("r", [(price, Pass(None, {Meter.INPUT: 5, Meter.OUTPUT: 7}))], None)
    assert (cost.cost_nanos, cost.basis, cost.tool_cost_nanos) == (31, CostBasis.LIST, 0)
    assert cost.unit_prices == {"m/input": 2 * _NANO, "m/output": 3 * _NANO}


def test_half_a_nano_is_rounded_once_and_to_even() -> None:
    price = _price(input=_NANO // 4, output=_NANO // 4)
    halves = [
        calculate_cost("r", [(price, Pass(None, {Meter.INPUT: a, Meter.OUTPUT: b}))], None)
        for a, b in ((1, 1), (3, 3), (1, 2))
    ]
    assert [cost.cost_nanos for cost in halves] == [0, 2, 1]


def test_passes_are_rounded_together() -> None:
    price = _price(input=_NANO * 4 // 10)
    one = Pass(None, {Meter.INPUT: 1})
    assert calculate_cost("r", [(price, one)] * 3, None).cost_nanos == 1


def test_a_meter_without_a_price_makes_the_call_unpriced() -> None:
    price = _price(input=_NANO)
    one = Pass(None, {Meter.INPUT: 5, Meter.INPUT_AUDIO: 1})
    cost = calculate_cost("r", [(price, one)], None)
    assert (cost.cost_nanos, cost.basis) == (None, CostBasis.NONE)
    assert cost.list_token_cost_nanos is None
    assert cost.unpriced == ("m/input_audio",)


def test_an_unpriced_tool_leaves_the_token_cost_known() -> None:
    one = Pass(None, {Meter.INPUT: 5, Meter.WEB_SEARCH: 1})
    cost = calculate_cost("r", [(_price(input=_NANO), one)], None)
    assert (cost.cost_nanos, cost.list_token_cost_nanos, cost.tool_cost_nanos) == (None, 5, None)


def test_a_price_of_zero_is_a_price() -> None:
    cost = calculate_cost("r", [(_price(input=0), Pass(None, {Meter.INPUT: 5}))], None)
    assert (cost.cost_nanos, cost.unpriced) == (0, ())


def test_no_usage_costs_nothing() -> None:
    assert calculate_cost("r", [], None).cost_nanos == 0


def test_what_the_provider_states_counts_and_the_list_price_stays_beside_it() -> None:
    one = Pass(None, {Meter.INPUT: 5})
    cost = calculate_cost("r", [(_price(input=_NANO), one)], 123)
    assert (cost.cost_nanos, cost.basis) == (123, CostBasis.STATED)
    assert (cost.list_token_cost_nanos, cost.stated_cost_nanos) == (5, 123)


def test_a_stated_cost_prices_a_model_that_nobody_knows() -> None:
    cost = calculate_cost("r", [(_price(), Pass(None, {Meter.INPUT: 5}))], 123)
    assert (cost.cost_nanos, cost.unpriced, cost.list_token_cost_nanos) == (123, (), None)


def test_a_contract_price_counts_before_the_list_price() -> None:
    price = _contract({"input": 10 * _NANO, "output": _NANO}, {"input": 4 * _NANO, "output": _NANO})
    one = Pass(None, {Meter.INPUT: 2, Meter.OUTPUT: 3})
    cost = calculate_cost("r", [(price, one)], None)
    assert (cost.cost_nanos, cost.basis) == (11, CostBasis.CONTRACT)
    assert (cost.contract_cost_nanos, cost.list_token_cost_nanos) == (11, 23)
    assert cost.unit_prices == {
        "m/input": 10 * _NANO,
        "m/output": _NANO,
        "m/input#contract": 4 * _NANO,
    }


def test_the_whole_call_pays_the_rate_of_its_bracket() -> None:
    rates = ({"input": _NANO, "output": _NANO}, {"input": 2 * _NANO, "output": 3 * _NANO})
    price = ModelPrice("m", (10,), rates, None, 0, 2**63 - 1)
    costs = [
        calculate_cost("r", [(price, Pass(None, {Meter.INPUT: n, Meter.OUTPUT: 1}))], None)
        for n in (10, 11)
    ]
    assert [cost.cost_nanos for cost in costs] == [11, 25]


def test_a_fee_for_each_call_is_a_tool_cost() -> None:
    price = _price(input=_NANO, call=5 * _NANO)
    cost = calculate_cost("r", [(price, Pass(None, {Meter.INPUT: 2}))], None)
    assert (cost.list_token_cost_nanos, cost.tool_cost_nanos, cost.cost_nanos) == (2, 5, 7)


_quantities = st.dictionaries(st.sampled_from(sorted(Meter)), st.integers(1, 10**7), max_size=6)
_rates = st.fixed_dictionaries({m.value: st.integers(0, 10**15) for m in Meter})


@given(passes=st.lists(_quantities, min_size=1, max_size=3), rates=_rates)
def test_cost_equals_exact_decimal_arithmetic(
    passes: list[dict[Meter, int]], rates: dict[str, int]
) -> None:
    """An oracle of its own: decimals, quantized half to even."""
    cost = calculate_cost("r", [(_price(**rates), Pass(None, one)) for one in passes], None)

    def expected(meters: frozenset[Meter]) -> int:
        attos = sum(Decimal(n) * rates[m] for one in passes for m, n in one.items() if m in meters)
        return int((Decimal(attos) / 10**9).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))

    assert cost.list_token_cost_nanos == expected(TOKEN_METERS)
    assert cost.tool_cost_nanos == expected(TOOL_METERS)
    assert cost.cost_nanos == expected(TOKEN_METERS) + expected(TOOL_METERS)


@given(quantities=_quantities, rates=_rates)
def test_a_cost_can_be_explained_from_its_unit_prices(
    quantities: dict[Meter, int], rates: dict[str, int]
) -> None:
    cost = calculate_cost("r", [(_price(**rates), Pass(None, quantities))], None)
    assert {key.partition("/")[2]: attos for key, attos in cost.unit_prices.items()} == {
        meter.value: rates[meter] for meter in quantities
    }
