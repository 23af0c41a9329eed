"""Estimates from size err high, and are close to what a tokenizer counts."""

import pytest
import toktok
from hypothesis import given
from hypothesis import strategies as st

from outlay.usage.tokens import estimate_tokens, tokens_in_bytes, utf8_bytes

PROSE = (
    "The committee met on Thursday to go through last quarter's figures. Spending on support "
    "rose by a tenth, while the number of tickets that were closed without a person fell. "
)
CHINESE = "委员会星期四开会，讨论上个季度的数字。"


def test_the_ratio_is_rounded_up() -> None:
    assert [tokens_in_bytes(count) for count in (0, 1, 18, 19)] == [0, 1, 5, 6]


@given(st.text())
def test_a_text_is_as_large_as_its_utf8(text: str) -> None:
    assert utf8_bytes(text) == len(text.encode())


def test_half_of_a_surrogate_pair_has_a_size_too() -> None:
    assert utf8_bytes("\ud800") == 3


@pytest.mark.parametrize("text", [PROSE * 20, CHINESE * 20])
def test_the_estimate_is_at_most_half_above_and_a_tenth_below_a_tokenizer(text: str) -> None:
    counted = int(toktok.batch_count([text], "o200k_base", 1)[0])
    assert counted * 9 // 10 <= estimate_tokens(text) <= counted * 3 // 2
