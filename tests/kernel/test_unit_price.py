"""Unit prices are exact; a cost is rounded once, half to even."""

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.kernel.unit_price import attos_per_unit, ceil_to_nanos, cost_nanos, round_to_nanos


def test_a_price_per_million_becomes_attos_for_one() -> None:
    assert attos_per_unit(Decimal("2.50"), 1_000_000) == 2_500_000_000_000


def test_a_price_that_is_no_whole_number_of_attos_is_refused() -> None:
    with pytest.raises(ValueError, match="not a whole number"):
        attos_per_unit(Decimal(1), 3)


@given(st.integers(min_value=-(10**30), max_value=10**30))
def test_rounding_is_half_to_even_as_decimal_does_it(attos: int) -> None:
    expected = Decimal(attos).scaleb(-9).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    assert int(expected) == round_to_nanos(attos)


@pytest.mark.parametrize(
    ("attos", "nanos"), [(500_000_000, 0), (1_500_000_000, 2), (500_000_001, 1)]
)
def test_half_a_nano_goes_to_the_even_one(attos: int, nanos: int) -> None:
    assert nanos == round_to_nanos(attos)


def test_lines_are_rounded_together_not_each() -> None:
    half_a_nano = (1, 500_000_000)
    assert cost_nanos([half_a_nano, half_a_nano]) == 1


@given(st.integers(min_value=0, max_value=10**30))
def test_a_bound_is_never_below_the_rounded_cost(attos: int) -> None:
    assert round_to_nanos(attos) <= ceil_to_nanos(attos) <= round_to_nanos(attos) + 1
