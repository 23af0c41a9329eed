"""Money is an integer: its texts are exact and its parts add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.kernel.money import MAX_NANOS, parse_usd, split, usd_text

amounts = st.integers(min_value=-MAX_NANOS, max_value=MAX_NANOS)


@given(amounts)
def test_reading_what_was_written_gives_the_same_amount(nanos: int) -> None:
    assert nanos == parse_usd(usd_text(nanos))


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        (0, "0"),
        (1, "0.000000001"),
        (2_500, "0.0000025"),
        (-1_500_000_000, "-1.5"),
        (20_000_000_000, "20"),
    ],
)
def test_text_is_plain_decimal_without_exponent_or_trailing_zeros(nanos: int, text: str) -> None:
    assert text == usd_text(nanos)


@pytest.mark.parametrize("text", ["", "1e3", "NaN", "0x1", "1,5", "0.0000000001", "٣", "$5", "--1"])
def test_text_that_is_not_exact_decimal_usd_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not decimal USD"):
        parse_usd(text)


def test_an_amount_above_what_a_row_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="largest amount"):
        parse_usd("9223372037")


@given(amounts, st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=20))
def test_parts_of_a_split_add_up_to_the_whole(nanos: int, weights: list[int]) -> None:
    if not sum(weights):
        weights[0] = 1
    parts = split(nanos, weights)
    assert nanos == sum(parts)
    assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if weight == 0)


@given(amounts, st.lists(st.integers(min_value=1, max_value=10**9), min_size=1, max_size=20))
def test_no_part_is_a_nano_away_from_its_share(nanos: int, weights: list[int]) -> None:
    total = sum(weights)
    for part, weight in zip(split(nanos, weights), weights, strict=True):
        assert abs(part * total - nanos * weight) < total


def test_a_split_without_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="not all zero"):
        split(1, [0, 0])
