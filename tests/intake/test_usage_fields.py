"""What a row may say of its usage, and that every way of saying it means the same quantities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.intake.problems import FieldError
from outlay.intake.usage_fields import read_usage
from outlay.usage.meters import INPUT_METERS, OUTPUT_METERS, TOKEN_METERS, Meter

QUANTITIES = st.dictionaries(st.sampled_from(sorted(Meter)), st.integers(1, 10**9))


def test_quantities_by_meter_are_taken_as_they_stand() -> None:
    stated = {"input": 10, "cache_read": 90, "output": 5, "reasoning": 2, "web_search": 1}
    expected = {
        Meter.INPUT: 10,
        Meter.CACHE_READ: 90,
        Meter.OUTPUT: 5,
        Meter.REASONING: 2,
        Meter.WEB_SEARCH: 1,
    }
    assert expected == read_usage({"usage": stated})


def test_input_tokens_in_usage_are_fresh_input_and_output_tokens_contain_reasoning() -> None:
    stated = {
        "input_tokens": 10,
        "cache_read_tokens": 90,
        "cache_write_1h_tokens": 7,
        "output_tokens": 50,
        "reasoning_tokens": 30,
    }
    expected = {
        Meter.INPUT: 10,
        Meter.CACHE_READ: 90,
        Meter.CACHE_WRITE_1H: 7,
        Meter.OUTPUT: 20,
        Meter.REASONING: 30,
    }
    assert expected == read_usage({"usage": stated})


def test_totals_beside_the_other_fields_contain_their_parts() -> None:
    row = {
        "input_tokens": 100,
        "cached_input_tokens": 90,
        "output_tokens": 50,
        "reasoning_tokens": 30,
    }
    expected = {
        Meter.INPUT: 10,
        Meter.CACHE_READ: 90,
        Meter.OUTPUT: 20,
        Meter.REASONING: 30,
    }
    assert expected == read_usage(row)


def test_a_row_that_says_nothing_of_usage_has_none_and_zero_is_something() -> None:
    assert read_usage({"model": "m"}) is None
    assert read_usage({"usage": {}}) == {}
    assert read_usage({"input_tokens": 0, "output_tokens": 0}) == {}


def test_digits_of_a_csv_cell_are_a_quantity() -> None:
    assert {Meter.INPUT: 12} == read_usage({"usage": {"input_tokens": "12"}})


@given(QUANTITIES)
def test_usage_by_meter_is_read_back_as_written(quantities: dict[Meter, int]) -> None:
    assert quantities == read_usage({"usage": {str(m): q for m, q in quantities.items()}})


@given(QUANTITIES)
def test_usage_in_tokens_means_the_same_quantities(quantities: dict[Meter, int]) -> None:
    """Whatever the disjoint quantities are, stating them with their totals reads back as them."""
    stated = {f"{m}_tokens": q for m, q in quantities.items() if m in TOKEN_METERS}
    stated |= {str(m): q for m, q in quantities.items() if m not in TOKEN_METERS}
    fresh = {m for m in INPUT_METERS if not m.startswith("cache_")}
    stated["input_tokens"] = sum(q for m, q in quantities.items() if m in fresh)
    stated["output_tokens"] = sum(q for m, q in quantities.items() if m in OUTPUT_METERS)
    assert quantities == read_usage({"usage": stated})


@given(QUANTITIES)
def test_totals_that_agree_with_usage_are_accepted(quantities: dict[Meter, int]) -> None:
    row = {
        "usage": {str(m): q for m, q in quantities.items()},
        "input_tokens": sum(q for m, q in quantities.items() if m in INPUT_METERS),
        "output_tokens": sum(q for m, q in quantities.items() if m in OUTPUT_METERS),
    }
    assert quantities == read_usage(row)


@pytest.mark.parametrize(
    ("row", "field", "word"),
    [
        ({"usage": []}, "usage", "object"),
        ({"usage": {"tokens": 1}}, "usage.tokens", "not a quantity we know"),
        ({"usage": {"input": 1, "output_tokens": 2}}, "usage", "mixes"),
        ({"usage": {"input": -1}}, "usage.input", "between 0 and"),
        ({"usage": {"input": 1.5}}, "usage.input", "whole number"),
        ({"usage": {"input": True}}, "usage.input", "whole number"),
        ({"usage": {"input": "1e3"}}, "usage.input", "whole number"),
        ({"usage": {"input": 10**13}}, "usage.input", "between 0 and"),
        ({"usage": {"output_tokens": 1, "reasoning_tokens": 2}}, "usage.output_tokens", "parts"),
        ({"input_tokens": 1, "cached_input_tokens": 2}, "input_tokens", "parts"),
        ({"usage": {"input": 3}, "input_tokens": 4}, "input_tokens", "adds up to 3"),
        ({"usage": {"output": 3}, "output_tokens": 4}, "output_tokens", "adds up to 3"),
    ],
)
def test_usage_that_cannot_be_true_is_refused_by_field(
    row: dict[str, object], field: str, word: str
) -> None:
    with pytest.raises(FieldError, match=word) as refused:
        read_usage(row)
    assert field == refused.value.problem.field
