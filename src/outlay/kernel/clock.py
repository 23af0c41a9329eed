"""The clock, passed in wherever an instant is needed; nothing else reads the time of day.

An instant is an aware UTC `datetime` in interfaces for people and an `int` of microseconds since
1970-01-01T00:00:00Z (`*_at` fields, `*_us` arguments) on the hot path and in SQL.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Clock(Protocol):
    """Gives the present instant, and a monotonic reading for durations."""

    def now_us(self) -> int:
        """Return microseconds since the epoch, UTC."""
        ...

    def monotonic_us(self) -> int:
        """Return microseconds from an arbitrary start, never going back."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now_us(self) -> int:
        """Return microseconds since the epoch, UTC."""
        return time.time_ns() // 1000

    def monotonic_us(self) -> int:
        """Return microseconds from an arbitrary start, never going back."""
        return time.monotonic_ns() // 1000


class FrozenClock:
    """A clock that stands until it is moved: for tests and for re-playing history."""

    def __init__(self, at: datetime) -> None:
        """Stand at `at`, an aware instant."""
        self._now_us = to_us(at)
        self._monotonic_us = 0

    def now_us(self) -> int:
        """Return the instant it was set to."""
        return self._now_us

    def monotonic_us(self) -> int:
        """Return how far it was advanced in all."""
        return self._monotonic_us

    def advance(self, step: timedelta) -> None:
        """Move both clocks forward by `step`."""
        step_us = step // _MICROSECOND
        self._now_us += step_us
        self._monotonic_us += step_us


def to_us(at: datetime) -> int:
    """Turn an aware instant into microseconds since the epoch.

    Raises:
        ValueError: `at` has no time zone.
    """
    if at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return (at - _EPOCH) // _MICROSECOND


def from_us(at_us: int) -> datetime:
    """Turn microseconds since the epoch into an aware UTC instant."""
    return _EPOCH + timedelta(microseconds=at_us)


def rfc3339(at_us: int) -> str:
    """Write microseconds since the epoch as RFC 3339 with `Z` and six decimals."""
    return from_us(at_us).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_instant(text: str) -> datetime:
    """Read an RFC 3339 instant.

    Raises:
        ValueError: not ISO 8601, or without a UTC offset (its meaning would be guessed).
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no UTC offset: write 2026-11-20T12:00:00Z")
    return at.astimezone(UTC)
