"""Five hundred callers leave in the middle: each call has its one event, and no socket stays.

The provider's own bill is the judge (docs/guide/emulator.md).
"""

import asyncio
import random
from collections import Counter

import pytest

from tests.crash.judging import bill_of
from tests.endings.calling import provider_state, wait_for
from tests.flow.running import Gateway
from tests.hangups.leaving import Leaver, Moment, leavers

CALLERS = 500
BROKEN_UPLOADS = 40
MOMENTS = {
    Moment.BEFORE_FIRST_CHUNK: 60,
    Moment.BEFORE_WHOLE_ANSWER: 60,
    Moment.IN_WHOLE_ANSWER: 40,
    Moment.ENDLESS_STREAM: 40,
}


@pytest.mark.timeout(600)
async def test_five_hundred_callers_who_leave(gateway: Gateway, emulator_url: str) -> None:
    dice = random.Random(500)
    callers = leavers(CALLERS, MOMENTS, dice)
    uploads = [
        Leaver(f"upload-{n}", Moment.UPLOAD, n % 3, 0, n % 2 == 0) for n in range(BROKEN_UPLOADS)
    ]
    await leave(gateway, callers + uploads, dice)
    await asyncio.to_thread(wait_for, lambda: is_quiet(emulator_url))

    bill = {call["emulate_id"]: call for call in bill_of(emulator_url)}
    events = gateway.calls()
    assert {caller.session for caller in callers} == set(bill)
    assert Counter(list(bill)) == Counter(event["session"] for event in events)
    for event in events:
        moment = callers[int(event["session"].removeprefix("left-"))].moment
        judge(event, bill[event["session"]]["cost_nanos"], moment)
    assert sum(event["ending"] == "caller_gone" for event in events) > CALLERS / 2
    gateway.outlay("verify")


async def leave(gateway: Gateway, callers: list[Leaver], dice: random.Random) -> None:
    """Let all callers call at once and leave, each when it likes."""
    all_sent = asyncio.Barrier(len(callers))
    dice.shuffle(callers)
    await asyncio.gather(*[caller.call(gateway, all_sent) for caller in callers])


def is_quiet(emulator_url: str) -> bool:
    """Say whether no socket of the gateway is left at the provider; the asker's is one."""
    state = provider_state(emulator_url)
    return bool(state["open_streams"] == 0 and state["open_connections"] <= 1)


def judge(event: dict[str, object], billed_nanos: int, moment: Moment) -> None:
    """Hold an event against the bill: equal when reported; never far below when estimated."""
    if moment is Moment.ENDLESS_STREAM:
        assert ("caller_gone", "estimated", "hang_up_drain") == (
            event["ending"],
            event["usage_source"],
            event["cut_reason"],
        )
        assert isinstance(event["cost_nanos"], int)
        assert 0.95 * billed_nanos <= event["cost_nanos"]
        return
    assert ("reported", billed_nanos) == (event["usage_source"], event["cost_nanos"])
    expected = {"complete"} if moment is Moment.IN_WHOLE_ANSWER else {"caller_gone", "complete"}
    assert event["ending"] in expected
