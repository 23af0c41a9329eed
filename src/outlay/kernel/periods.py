"""Periods: half-open, made here and nowhere else.

A period is a pair of instants, start in, end out. Dates are read in a time zone, so a day has 23,
24 or 25 hours where the zone says so.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from outlay.kernel.clock import from_us, parse_instant, rfc3339, to_us


@dataclass(frozen=True, slots=True)
class Period:
    """From `start_us` (included) to `end_us` (excluded), microseconds, seen in `zone`."""

    start_us: int
    end_us: int
    zone: str = "UTC"

    def __post_init__(self) -> None:
        """Refuse a period that ends before it starts."""
        if self.end_us < self.start_us:
            raise ValueError(f"the period ends before it starts ({self})")

    def __str__(self) -> str:
        """Say the resolved interval as every output prints it."""
        return f"[{rfc3339(self.start_us)}, {rfc3339(self.end_us)}) {self.zone}"


def read_zone(name: str) -> ZoneInfo:
    """Find a time zone by its IANA name.

    Raises:
        ValueError: there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"{name!r} is not a time zone: write an IANA name such as Europe/Berlin"
        ) from error


def read_period(start: str | None, end: str | None, zone: str, now_us: int) -> Period:
    """Read `from` and `to` (dates in `zone`, or instants; `to` is exclusive).

    Without `start` the period begins 30 local days before its end's day; without `end` it ends now.

    Raises:
        ValueError: a text that is neither a date nor an instant, an unknown zone, or end before
        start.
    """
    tz = read_zone(zone)
    end_us = now_us if end is None else read_bound_us(end, tz)
    if start is not None:
        return Period(read_bound_us(start, tz), end_us, zone)
    first_day = (from_us(end_us).astimezone(tz) - timedelta(days=30)).date()
    return Period(_midnight_us(first_day, tz), end_us, zone)


def read_bound_us(text: str, zone: tzinfo) -> int:
    """Read one bound of a period: a date (its midnight in `zone`), or an instant.

    Raises:
        ValueError: a text that is neither.
    """
    if len(text) == len("2026-11-20"):
        return _midnight_us(date.fromisoformat(text), zone)
    return to_us(parse_instant(text))


def _midnight_us(day: date, zone: tzinfo) -> int:
    return to_us(datetime.combine(day, time.min, zone))
