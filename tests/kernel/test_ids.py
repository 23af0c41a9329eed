"""Ids of our own: their form, their order, and that no two are the same."""

import concurrent.futures
import multiprocessing
import random
import re

from hypothesis import given
from hypothesis import strategies as st

from outlay.kernel.ids import new_boot_id, new_id, new_key_id, new_request_id

NOON_US = 1_764_000_000_000_000
INSTANTS_US = st.integers(0, (2**48 - 1) * 1000)


@given(INSTANTS_US)
def test_an_id_is_its_prefix_and_26_crockford_digits(now_us: int) -> None:
    assert re.fullmatch(r"req_[0-9a-hjkmnp-tv-z]{26}", new_id("req", now_us))


@given(INSTANTS_US, INSTANTS_US)
def test_ids_sort_by_the_millisecond_they_were_made_in(one_us: int, other_us: int) -> None:
    one, other = new_id("req", one_us), new_id("req", other_us)
    if one_us // 1000 != other_us // 1000:
        assert (one < other) == (one_us < other_us)


def test_the_time_is_written_as_a_ulid_writes_it() -> None:
    assert new_id("req", 1_469_918_176_385_000).startswith("req_01aryz6s41")


def test_ids_of_one_instant_differ_in_every_random_digit() -> None:
    made = [new_id("req", NOON_US)[14:] for _ in range(2_000)]
    assert len(set(made)) == len(made)
    for digits in zip(*made, strict=True):
        assert len(set(digits)) == 32


def test_each_kind_has_a_prefix_of_its_own() -> None:
    makers = (new_request_id, new_boot_id, new_key_id)
    assert [make(NOON_US).partition("_")[0] for make in makers] == ["req", "boot", "key"]


def test_ids_do_not_follow_a_seed_that_somebody_sets() -> None:
    made = []
    for _ in range(2):
        random.seed(0)
        made.append(new_id("req", NOON_US))
    assert made[0] != made[1]


def test_a_forked_process_makes_ids_of_its_own() -> None:
    with concurrent.futures.ProcessPoolExecutor(
        2, mp_context=multiprocessing.get_context("fork")
    ) as pool:
        made = list(pool.map(new_id, ["req"] * 2, [NOON_US] * 2))
    assert len({*made, new_id("req", NOON_US)}) == 3
