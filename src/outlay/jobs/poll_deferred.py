"""Polls calls that go on in the background, and settles each once, when its usage is first seen.

A caller's own retrieval of such a response is free and settles nothing: one place does. The older a
call, the seldomer it is asked about: work that has taken an hour does not end in the next second.
"""

import asyncio
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Protocol

import msgspec
import structlog

from outlay.kernel.clock import Clock
from outlay.kernel.ids import RequestId
from outlay.ledger.facts import DeferredCall, Ending, UsageEvent
from outlay.ledger.journal import Journal
from outlay.routing.provider import Provider
from outlay.transport.upstream import Limits, Transport, UpstreamError, UpstreamRequest
from outlay.usage.answer import Answer

_log = structlog.get_logger("outlay.jobs")

POLL_LIMITS = Limits(first_byte_timeout_s=20, idle_timeout_s=20, total_timeout_s=30)
CALLS_AT_A_TIME = 8
MAX_ANSWER_BYTES = 64 * 1024 * 1024
PAUSE_PER_AGE = 10
"""A call is left alone for a tenth of its age; a young one is asked about at each poll."""
MAX_PAUSE_US = 30_000_000


class Polling(Protocol):
    """What polling needs to know of a provider's format and of prices."""

    def request(self, provider: Provider, response_id: str, limits: Limits) -> UpstreamRequest:
        """Build the request that retrieves a response."""
        ...

    def read(self, body: bytes) -> Answer:
        """Read a retrieved response."""
        ...

    def event(
        self, call: DeferredCall, provider: Provider, ending: Ending, answer: Answer
    ) -> UsageEvent:
        """Meter and price a call that has ended."""
        ...


class DeferredPoller:
    """Asks providers how their background work goes."""

    def __init__(
        self,
        list_open: Callable[[], Sequence[DeferredCall]],
        polling: Polling,
        *,
        journal: Journal,
        transport: Transport,
        find_provider: Callable[[str], Provider | None],
        clock: Clock,
    ) -> None:
        """Take where open calls are found (it may block), how providers are asked, who records."""
        self._list_open = list_open
        self._polling = polling
        self._journal = journal
        self._transport = transport
        self._find_provider = find_provider
        self._clock = clock
        self._asked_at_us: dict[RequestId, int] = {}

    async def poll(self) -> None:
        """Ask once about every open call that is due; those that have ended are settled."""
        waiting = self._take_due(await asyncio.to_thread(self._list_open))
        for start in range(0, len(waiting), CALLS_AT_A_TIME):
            batch = waiting[start : start + CALLS_AT_A_TIME]
            polled = [self._poll_one(call) for call in batch]
            results = await asyncio.gather(*polled, return_exceptions=True)
            _log_failures(batch, results)

    def _take_due(self, calls: Sequence[DeferredCall]) -> list[DeferredCall]:
        """Pick the calls to ask about now; those that are open no more are forgotten."""
        now_us = self._clock.now_us()
        asked = self._asked_at_us
        due = [
            call
            for call in calls
            if now_us - asked.get(call.intent.request_id, 0)
            >= _pause_us(now_us - call.intent.requested_at_us)
        ]
        still = {call.intent.request_id for call in calls}
        self._asked_at_us = {name: at_us for name, at_us in asked.items() if name in still}
        self._asked_at_us.update((call.intent.request_id, now_us) for call in due)
        return due

    async def _poll_one(self, call: DeferredCall) -> None:
        provider = self._find_provider(call.intent.provider)
        if provider is None:
            _log.warning("deferred call of an unknown provider", request_id=call.intent.request_id)
            return
        request = self._polling.request(provider, call.provider_response_id, POLL_LIMITS)
        try:
            status, body = await self._fetch(request)
        except UpstreamError as error:
            _log.info("deferred call not answered, asked again later", error=str(error))
            return
        await self._settle(call, provider, status, body)

    async def _settle(
        self, call: DeferredCall, provider: Provider, status: int, body: bytes
    ) -> None:
        """Settle a call that has ended; one that the provider no longer knows ends at its bound."""
        if status == HTTPStatus.NOT_FOUND:
            ending, answer = Ending.NO_ANSWER, Answer()
        elif status == HTTPStatus.OK and _is_answer(body):
            ending, answer = Ending.COMPLETE, self._polling.read(body)
        else:
            _log.info("deferred call not answered, asked again later", status=status)
            return
        if not answer.deferred:
            await self._journal.record_event(self._polling.event(call, provider, ending, answer))

    async def _fetch(self, request: UpstreamRequest) -> tuple[int, bytes]:
        answer = await self._transport.send(request)
        try:
            body = bytearray()
            async for chunk in answer.chunks():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    break
            return answer.status, bytes(body)
        finally:
            await answer.close()


def _pause_us(age_us: int) -> int:
    return min(age_us // PAUSE_PER_AGE, MAX_PAUSE_US)


def _is_answer(body: bytes) -> bool:
    """Tell an answer of the provider from the page of a proxy before it; one cut by us is one."""
    if len(body) > MAX_ANSWER_BYTES:
        return True
    try:
        msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return False
    return True


def _log_failures(calls: Sequence[DeferredCall], results: Sequence[BaseException | None]) -> None:
    """Tell of calls that failed here; they are asked about again, and hold up no others."""
    for call, error in zip(calls, results, strict=True):
        if error is not None:
            _log.error(
                "deferred call not settled", request_id=call.intent.request_id, exc_info=error
            )
