"""Live calls of the simulated company: real HTTP through a running gateway, at a gentle pace."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from outlay.emulator.cast import Session
from outlay.emulator.choosing import choose_feature, choose_session
from outlay.emulator.live_requests import make_headers, make_request
from outlay.emulator.loopback import Address, PostFailed, post, read_address

_OPEN_SESSIONS = 12
"""So many sessions take turns; with fewer open, a new one begins."""
_MOST_AT_ONCE = 64
_FIRST_NUMBER = 900_000
_ANSWERED = range(200, 300)


@dataclass(frozen=True, slots=True)
class LiveTotals:
    """What has been done so far; `failures` are calls without a 2xx answer."""

    calls: int = 0
    failures: int = 0
    sessions: int = 0
    outcomes: int = 0


@dataclass(slots=True)
class _OpenSession:
    session: Session
    turn: int = 0
    is_waiting: bool = False


async def run_live(
    base_url: str,
    key: str,
    *,
    calls_per_second: float,
    stop: asyncio.Event,
    progress: Callable[[LiveTotals], None] = lambda _: None,
    seed: int | None = None,
) -> LiveTotals:
    """Drive a gateway until `stop` is set, then wait for the calls under way.

    Args:
        base_url: the gateway's address without a version prefix; loopback only.
        key: a proxy key.
        calls_per_second: the pace over all sessions.
        stop: set it to end.
        progress: told after each call.
        seed: the same seed makes the same sessions; without one they are new each time.

    Raises:
        ValueError: the address is not one of this machine.
    """
    dice = Random(seed)  # noqa: S311 - a simulation
    company = _LiveCompany(read_address(base_url), key, progress, dice)
    while not stop.is_set():
        company.call_next()
        await _pause(stop, 1 / calls_per_second)
    return await company.finish()


class _LiveCompany:
    """Sessions under way, and what they have done."""

    def __init__(
        self, address: Address, key: str, progress: Callable[[LiveTotals], None], dice: Random
    ) -> None:
        self._address = address
        self._key = key
        self._progress = progress
        self._dice = dice
        self._totals = LiveTotals()
        self._open: list[_OpenSession] = []
        self._calls: set[asyncio.Task[None]] = set()

    def call_next(self) -> None:
        """Let one session make its next call; nothing happens while too many are unanswered."""
        if len(self._calls) >= _MOST_AT_ONCE:
            return
        ready = [one for one in self._open if not one.is_waiting]
        if len(self._open) < _OPEN_SESSIONS or not ready:
            ready = [self._begin()]
        chosen = self._dice.choice(ready)
        chosen.is_waiting = True
        task = asyncio.create_task(self._call(chosen))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def finish(self) -> LiveTotals:
        """Wait for the calls under way."""
        if self._calls:
            await asyncio.wait(self._calls)
        return self._totals

    def _begin(self) -> _OpenSession:
        number = _FIRST_NUMBER + self._dice.randrange(_FIRST_NUMBER)
        feature = choose_feature(self._dice)
        opened = _OpenSession(choose_session(feature, 0, self._dice, number=number))
        self._open.append(opened)
        self._add(sessions=1)
        return opened

    async def _call(self, one: _OpenSession) -> None:
        headers = make_headers(one.session, self._key, turn=one.turn)
        path, body = make_request(one.session, one.turn)
        try:
            is_answered = await post(self._address, path, headers, body) in _ANSWERED
        except PostFailed:
            is_answered = False
        self._add(
            calls=1, failures=not is_answered, outcomes=is_answered and "x-cost-outcome" in headers
        )
        one.turn, one.is_waiting = one.turn + 1, False
        if one.turn >= one.session.turns or not is_answered:
            self._open.remove(one)
        self._progress(self._totals)

    def _add(self, **more: int) -> None:
        counts = {name: getattr(self._totals, name) + int(n) for name, n in more.items()}
        self._totals = replace(self._totals, **counts)


async def _pause(stop: asyncio.Event, pause_s: float) -> None:
    """Wait, but not longer than until told to stop."""
    try:
        async with asyncio.timeout(pause_s):
            await stop.wait()
    except TimeoutError:
        return
