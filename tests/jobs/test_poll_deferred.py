"""Each deferred call is settled by itself: one that fails holds up no other."""

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from outlay.jobs.poll_deferred import CALLS_AT_A_TIME, DeferredPoller
from outlay.kernel.clock import FrozenClock
from outlay.usage.answer import Answer

START = datetime(2026, 11, 20, tzinfo=UTC)


class _Provider:
    """A provider whose every answer is the same, and everything else a poller works with."""

    def __init__(self, status: int = 200, body: bytes = b"{}", *, deferred: bool = False) -> None:
        self.status = status
        self.body = body
        self.deferred = deferred
        self.asked: list[str] = []
        self.recorded: list[str] = []

    def request(self, provider: object, response_id: str, limits: object) -> str:
        return response_id

    def read(self, body: bytes) -> Answer:
        return Answer(deferred=self.deferred)

    def event(self, call: Any, provider: object, ending: object, answer: Answer) -> str:
        if call.intent.request_id == "req_0":
            raise ValueError("a usage that nobody foresaw")
        return str(call.intent.request_id)

    async def send(self, request: str) -> Any:
        self.asked.append(request)

        async def chunks() -> AsyncIterator[bytes]:
            yield self.body

        async def close() -> None:
            return None

        return SimpleNamespace(status=self.status, chunks=chunks, close=close)

    async def record_event(self, event: str) -> None:
        self.recorded.append(event)


def poller_of(provider: Any, calls: int, clock: FrozenClock | None = None) -> DeferredPoller:
    clock = clock or FrozenClock(START)
    waiting: list[Any] = [
        SimpleNamespace(
            intent=SimpleNamespace(
                request_id=f"req_{number}", provider="openai", requested_at_us=clock.now_us()
            ),
            provider_response_id=f"resp_{number}",
        )
        for number in range(calls)
    ]
    return DeferredPoller(
        lambda: waiting,
        provider,
        journal=provider,
        transport=provider,
        find_provider=lambda _: provider,
        clock=clock,
    )


async def test_a_call_that_cannot_be_settled_holds_up_no_other() -> None:
    provider = _Provider()
    await poller_of(provider, CALLS_AT_A_TIME + 2).poll()
    assert [f"req_{number}" for number in range(1, CALLS_AT_A_TIME + 2)] == sorted(
        provider.recorded, key=lambda name: int(name.removeprefix("req_"))
    )


@pytest.mark.parametrize("status", [401, 429, 500])
async def test_a_call_stays_open_while_the_provider_does_not_tell(status: int) -> None:
    provider = _Provider(status)
    await poller_of(provider, 3).poll()
    assert [] == provider.recorded


@pytest.mark.parametrize("body", [b"<html>Sign in to the proxy</html>", b"", b"[]", b'{"id": '])
async def test_a_call_stays_open_while_something_else_answers_in_the_providers_place(
    body: bytes,
) -> None:
    provider = _Provider(200, body)
    await poller_of(provider, 3).poll()
    assert (3, []) == (len(provider.asked), provider.recorded)


async def test_the_older_a_call_the_seldomer_it_is_asked_about() -> None:
    provider = _Provider(deferred=True)
    clock = FrozenClock(START)
    poller = poller_of(provider, 1, clock)
    asked_at_s: list[int] = []
    for at_s in range(0, 1_000, 2):
        before = len(provider.asked)
        await poller.poll()
        if len(provider.asked) > before:
            asked_at_s.append(at_s)
        clock.advance(timedelta(seconds=2))
    pauses_s = [after - at_s for at_s, after in itertools.pairwise(asked_at_s)]
    assert [2] * 10 == pauses_s[:10]
    assert 30 == pauses_s[-1] == max(pauses_s)
    assert pauses_s == sorted(pauses_s)


async def test_a_call_that_was_never_asked_about_is_due_at_once_however_old() -> None:
    provider = _Provider(deferred=True)
    clock = FrozenClock(START)
    poller = poller_of(provider, 2, clock)
    clock.advance(timedelta(hours=5))
    await poller.poll()
    assert ["resp_0", "resp_1"] == provider.asked
