"""Totals are divided so that the parts add up to them, whatever a provider states."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.usage.meters import Meter
from outlay.usage.reading import MAX_COUNT, Tally, read_count

PARTS = st.lists(
    st.tuples(st.sampled_from([Meter.CACHE_READ, Meter.INPUT_AUDIO]), st.integers(0, 100)),
    max_size=4,
)


@given(st.integers(0, 150), PARTS)
def test_parts_add_up_to_their_total_and_none_is_negative(
    total: int, parts: list[tuple[Meter, int]]
) -> None:
    tally = Tally("test")
    tally.divide(total, Meter.INPUT, parts)
    assert sum(tally.quantities.values()) == total
    assert all(quantity > 0 for quantity in tally.quantities.values())
    assert bool(tally.findings) is (sum(quantity for _, quantity in parts) > total)


def test_zero_is_no_quantity() -> None:
    tally = Tally("test")
    tally.divide(0, Meter.INPUT, [(Meter.CACHE_READ, 0)])
    assert tally.reading().passes[0].quantities == {}


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (0, 0),
        (7, 7),
        (7.0, 7),
        (MAX_COUNT, MAX_COUNT),
        (MAX_COUNT + 1, None),
        (-1, None),
        (7.5, None),
        (True, None),
        (False, None),
        ("7", None),
        (None, None),
        ([7], None),
        ({}, None),
    ],
)
def test_a_count_is_a_whole_number_that_is_not_negative(value: object, count: int | None) -> None:
    assert read_count(value) == count


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.5, 1e300])
def test_numbers_that_are_no_counts_are_none(value: float) -> None:
    assert read_count(value) is None


def test_a_member_that_is_no_count_is_found_and_counts_as_zero() -> None:
    tally = Tally("test")
    assert tally.count({"a": "many"}, "a") == 0
    assert [finding.code for finding in tally.findings] == ["usage.no_count"]


@pytest.mark.parametrize("usage", [{}, {"a": None}, {"b": 5}, None, [], "a"])
def test_a_member_that_is_not_there_is_no_finding(usage: object) -> None:
    tally = Tally("test")
    assert tally.find(usage, "a") is None
    assert tally.findings == []
