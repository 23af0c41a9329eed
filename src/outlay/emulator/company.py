"""A simulated company's traffic: 30 days of history for the importer, and live calls.

The same seed and end give the same history, byte for byte. What is in it: office hours and nights,
weekends, slow growth, sessions of several calls of which some fail, retries after provider errors,
cached prompts, a few users who cost far more than others, new users, untagged calls, and one night
on which a batch ran away.
"""

import heapq
from collections.abc import Iterator
from itertools import count
from random import Random

from outlay.emulator.cast import FEATURES, Feature, Rhythm
from outlay.emulator.choosing import choose_session
from outlay.emulator.live_traffic import LiveTotals, run_live
from outlay.emulator.session_rows import Row, write_rows
from outlay.kernel.clock import from_us

__all__ = ["LiveTotals", "Row", "history", "run_live"]

DEFAULT_CALLS = 60_000
_HOUR_US = 3_600_000_000
_HOURS_A_DAY = 24
_FIRST_SESSION = 40_000
_GROWTH_PERCENT = 25
_RUNAWAY_DAYS_AGO = 6
_RUNAWAY_FACTOR = 5
_RUNAWAY = "invoice-extractor"

# Sessions begun in each hour (UTC) of a working day, and what remains of it at the weekend.
# fmt: off
_HOURS: dict[Rhythm, tuple[int, ...]] = {
    "office": (0, 0, 0, 0, 0, 1, 3, 7, 12, 14, 14, 12, 8, 11, 14, 14, 12, 9, 5, 3, 2, 1, 1, 0),
    "always": (3, 2, 2, 2, 2, 3, 4, 6, 8, 9, 10, 10, 9, 9, 10, 10, 9, 9, 8, 8, 7, 6, 5, 4),
    "night": (14, 18, 18, 14, 8, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 8, 11),
}
_WEEKEND_PERCENT: dict[Rhythm, int] = {"office": 18, "always": 72, "night": 90}
# fmt: on


def history(seed: int, end_us: int, days: int = 30, calls: int = DEFAULT_CALLS) -> Iterator[Row]:
    """Tell the calls of the last `days` before `end_us`, oldest first, as rows for the importer.

    Args:
        seed: the same seed tells the same history.
        end_us: no call begins at or after this instant; sessions then under way are left open.
        days: how far back it goes.
        calls: about how many calls there are; the exact number depends on the seed.
    """
    dice, numbers = Random(seed), count(_FIRST_SESSION)  # noqa: S311 - a simulation
    first_us = (end_us - days * _HOURS_A_DAY * _HOUR_US) // _HOUR_US * _HOUR_US
    slots = range(first_us, end_us, _HOUR_US)
    scale = calls / sum(_weigh(f, at, slots) * sum(f.turns) / 2 for at in slots for f in FEATURES)
    waiting: list[tuple[int, int, Row]] = []
    order = count()
    for slot_us in slots:
        progress = (slot_us - first_us) / (end_us - first_us)
        for feature in FEATURES:
            for _ in range(_round_by_chance(_weigh(feature, slot_us, slots) * scale, dice)):
                session = choose_session(
                    feature,
                    slot_us + dice.randrange(_HOUR_US),
                    dice,
                    number=next(numbers),
                    progress=progress,
                )
                for at_us, row in write_rows(session, dice):
                    heapq.heappush(waiting, (at_us, next(order), row))
        yield from _take_until(min(slot_us + _HOUR_US, end_us), waiting)


def _weigh(feature: Feature, slot_us: int, slots: range) -> float:
    """Weigh how many sessions of a feature begin in an hour, against all others."""
    at = from_us(slot_us)
    weight = feature.share * _HOURS[feature.rhythm][at.hour] / sum(_HOURS[feature.rhythm])
    if at.weekday() >= 5:  # noqa: PLR2004 - Saturday
        weight *= _WEEKEND_PERCENT[feature.rhythm] / 100
    if feature.name == _RUNAWAY and _is_runaway(slot_us, slots):
        weight *= _RUNAWAY_FACTOR
    return weight * (1 + _GROWTH_PERCENT / 100 * (slot_us - slots[0]) / (slots[-1] - slots[0] + 1))


def _is_runaway(slot_us: int, slots: range) -> bool:
    return (slots[-1] - slot_us) // (_HOURS_A_DAY * _HOUR_US) == _RUNAWAY_DAYS_AGO


def _round_by_chance(expected: float, dice: Random) -> int:
    return int(expected + dice.random())


def _take_until(end_us: int, waiting: list[tuple[int, int, Row]]) -> Iterator[Row]:
    while waiting and waiting[0][0] < end_us:
        yield heapq.heappop(waiting)[2]
