"""Each deferred call is settled by itself: one that fails holds up no other."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from outlay.jobs.poll_deferred import CALLS_AT_A_TIME, DeferredPoller
from outlay.usage.answer import Answer


class _Provider:
    """A provider whose every answer is the same, and everything else a poller works with."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.recorded: list[str] = []

    def request(self, provider: object, response_id: str, limits: object) -> str:
        return response_id

    def read(self, body: bytes) -> Answer:
        return Answer()

    def event(self, call: Any, provider: object, ending: object, answer: Answer) -> str:
        if call.intent.request_id == "req_0":
            raise ValueError("a usage that nobody foresaw")
        return str(call.intent.request_id)

    async def send(self, request: object) -> Any:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"{}"

        async def close() -> None:
            return None

        return SimpleNamespace(status=self.status, chunks=chunks, close=close)

    async def record_event(self, event: str) -> None:
        self.recorded.append(event)


def poller_of(provider: Any, calls: int) -> DeferredPoller:
    waiting: list[Any] = [
        SimpleNamespace(
            intent=SimpleNamespace(request_id=f"req_{number}", provider="openai"),
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
