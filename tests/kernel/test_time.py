"""Instants are aware UTC, periods half-open and made in one place, ids sort by time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.kernel.clock import FrozenClock, from_us, parse_instant, rfc3339, to_us
from outlay.kernel.ids import new_id
from outlay.kernel.periods import Period, read_period

HOUR_US = 3_600_000_000
NOW_US = to_us(datetime(2026, 11, 21, 12, 0, tzinfo=UTC))

instants = st.datetimes(
    min_value=datetime(1971, 1, 1),
    max_value=datetime(2200, 1, 1),
    timezones=st.just(UTC),
)


@given(instants)
def test_an_instant_survives_microseconds_and_text(at: datetime) -> None:
    assert at == from_us(to_us(at))
    assert at == parse_instant(rfc3339(to_us(at)))


def test_an_instant_without_offset_is_refused_not_guessed() -> None:
    with pytest.raises(ValueError, match="no UTC offset"):
        parse_instant("2026-11-20T12:00:00")
    with pytest.raises(ValueError, match="time zone"):
        to_us(datetime(2026, 11, 20))


def test_a_frozen_clock_moves_only_when_told() -> None:
    clock = FrozenClock(datetime(2026, 1, 1, tzinfo=UTC))
    before_us = clock.now_us()
    clock.advance(timedelta(seconds=2))
    assert (clock.now_us() - before_us, clock.monotonic_us()) == (2_000_000, 2_000_000)


@pytest.mark.parametrize(
    ("day", "next_day", "hours"),
    [
        ("2026-03-29", "2026-03-30", 23),
        ("2026-10-25", "2026-10-26", 25),
        ("2028-02-29", "2028-03-01", 24),
    ],
)
def test_a_local_day_is_as_long_as_its_zone_says(day: str, next_day: str, hours: int) -> None:
    period = read_period(day, next_day, "Europe/Berlin", NOW_US)
    assert hours * HOUR_US == period.end_us - period.start_us


def test_neighbouring_periods_share_a_bound_and_no_instant() -> None:
    first = read_period("2026-10-01", "2026-11-01", "America/New_York", NOW_US)
    second = read_period("2026-11-01", "2026-12-01", "America/New_York", NOW_US)
    assert first.end_us == second.start_us


def test_a_period_without_dates_is_the_last_thirty_local_days_until_now() -> None:
    period = read_period(None, None, "UTC", NOW_US)
    assert (to_us(datetime(2026, 10, 22, tzinfo=UTC)), NOW_US) == (period.start_us, period.end_us)
    assert str(period) == "[2026-10-22T00:00:00.000000Z, 2026-11-21T12:00:00.000000Z) UTC"


def test_a_period_that_ends_before_it_starts_or_has_no_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="before it starts"):
        Period(2, 1)
    with pytest.raises(ValueError, match="not a time zone"):
        read_period(None, None, "Mars/Olympus", NOW_US)


@given(st.lists(st.integers(min_value=0, max_value=2**47), min_size=2, unique=True))
def test_ids_sort_as_their_instants_do(milliseconds: list[int]) -> None:
    ids = [new_id("req", at * 1000) for at in sorted(milliseconds)]
    assert ids == sorted(ids)
    assert {len("req_") + 26} == {len(one) for one in ids}
