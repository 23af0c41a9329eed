"""Steps 6 to 8 of a call: send it, forward the answer as it comes, finish once for every ending."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import structlog

from outlay.gateway.admit import Planned
from outlay.gateway.caller_socket import CallerSocket
from outlay.gateway.finish import Ended, finish
from outlay.gateway.headers import content_type, refused_head, streamed_head, whole_head
from outlay.gateway.refusals import STATUS, refuse
from outlay.gateway.rooms import Rooms
from outlay.kernel.errors import Category, Refused
from outlay.ledger.facts import Ending, Intent, UsageEvent
from outlay.transport.upstream import (
    AnswerBroken,
    AnswerTimedOut,
    NotSent,
    UpstreamAnswer,
    UpstreamError,
    UpstreamRequest,
)
from outlay.usage.answer import Answer
from outlay.wire.answers import AnswerReader, open_reader
from outlay.wire.ask_usage import UsageHider
from outlay.wire.errors import write_stream_error

_log = structlog.get_logger("outlay.gateway")

WATCH_AFTER_S = 1
"""A slower call than this has its caller watched and its time limited; quicker ones are not worth
a task and a timer more."""
ABORT_AGAIN_AFTER_S = 1
FAREWELL_S = 1
"""How long a caller may take to be told why its call ended: one that does not read keeps nobody."""

_CUT_MESSAGES = {
    "shutdown": "The gateway is shutting down and ended this stream. Send the call again.",
    "total_limit": "The call reached the gateway's limit on its total time and was ended.",
    "answer_too_large": "The answer is too large to be taken in one piece: ask for a stream.",
}

_SUCCESS = range(200, 300)
_BILLED = frozenset({Ending.COMPLETE, Ending.BROKEN_STREAM, Ending.NO_ANSWER, Ending.CUT})


class Relay:
    """One exchange with a provider: carries the answer to the caller and knows how it ended.

    Whatever happens to the caller's socket, the provider's, or this task, `finish` runs exactly
    once.
    """

    def __init__(
        self, planned: Planned, intent: Intent | None, socket: CallerSocket, rooms: Rooms
    ) -> None:
        """Prepare to relay; `intent` is None for free calls, which have no event."""
        self._planned = planned
        self._intent = intent
        self._socket = socket
        self._rooms = rooms
        self._ended = Ended(Ending.NO_ANSWER)
        self._event: UsageEvent | None = None
        self._finished = False
        self._settling = False
        self._abort_reason: str | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._task: asyncio.Task[object] | None = None
        self._answer: UpstreamAnswer | None = None
        self._reader: AnswerReader | None = None

    async def run(self, build: Callable[[], UpstreamRequest], hider: UsageHider | None) -> None:
        """Send what `build` makes and relay its answer, until the caller has all or is gone."""
        self._task = asyncio.current_task()
        self._arm(WATCH_AFTER_S, self._take_care)
        try:
            await self._exchange(build(), hider)
        except asyncio.CancelledError:
            await self._end_aborted()
        except Exception:
            # A defect of ours: the call was made all the same, and its event must say so.
            self._ended.cut_reason = "gateway_error"
            await self._finish(Ending.CUT)
            raise
        finally:
            await self._leave()

    def abort(self, reason: str) -> None:
        """End the exchange now for `reason`; while the call is being settled it waits for that."""
        if self._settling:
            self._arm(ABORT_AGAIN_AFTER_S, lambda: self.abort(reason))
        elif self._abort_reason is None and self._task is not None:
            self._abort_reason = reason
            self._task.cancel()

    async def _exchange(self, request: UpstreamRequest, hider: UsageHider | None) -> None:
        try:
            answer = await self._rooms.transport.send(request)
        except UpstreamError as error:
            await self._end_unanswered(error)
            return
        self._answer = answer
        self._ended.first_byte_us = self._rooms.clock.monotonic_us()
        self._ended.status = answer.status
        reader = open_reader(
            self._planned.call, status=answer.status, content_type=content_type(answer.headers)
        )
        self._reader, self._ended.answer = reader, reader.answer
        if self._planned.call.stream and answer.status in _SUCCESS:
            await self._stream(answer, reader, hider)
        else:
            await self._whole(answer, reader)

    async def _stream(
        self, answer: UpstreamAnswer, reader: AnswerReader, hider: UsageHider | None
    ) -> None:
        """Forward a stream piece by piece.

        The call is settled before the piece with the wire's end marker goes out, so that a caller
        who has seen the end can ask what it cost.
        """
        self._watch_caller()
        head = streamed_head(self._planned, answer.headers, body_changes=hider is not None)
        await self._socket.start(answer.status, head)
        try:
            async for chunk in answer.chunks():
                self._ended.response_bytes += len(chunk)
                reader.feed(chunk)
                if reader.answer.terminal:
                    await self._finish(_stream_ending(reader.answer))
                shown = chunk if hider is None else hider.feed(chunk)
                if shown and not self._socket.gone:
                    await self._socket.send(shown)
        except (AnswerBroken, AnswerTimedOut) as error:
            await self._end_broken_stream(error)
            return
        await self._finish(_stream_ending(reader.finish()))
        self._socket.unwatch()
        await self._socket.end(b"" if hider is None else hider.flush())

    async def _whole(self, answer: UpstreamAnswer, reader: AnswerReader) -> None:
        """Take an answer in one piece, settle it, and send it with what it cost."""
        pieces: list[bytes] = []
        try:
            async for chunk in answer.chunks():
                self._ended.response_bytes += len(chunk)
                if self._ended.response_bytes > self._rooms.limits.answer_bytes:
                    self.abort("answer_too_large")
                pieces.append(chunk)
                reader.feed(chunk)
        except (AnswerBroken, AnswerTimedOut) as error:
            await self._end_unanswered(error)
            return
        reader.finish()
        await self._finish(Ending.COMPLETE if answer.status in _SUCCESS else Ending.PROVIDER_ERROR)
        body = b"".join(pieces)
        head = whole_head(self._planned, answer.headers, self._event, len(body))
        self._socket.unwatch()
        await self._socket.start(answer.status, head)
        await self._socket.end(body)

    async def _end_unanswered(self, error: UpstreamError) -> None:
        """End a call that has no (complete) answer: sent or not is what decides about its cost."""
        self._log_failure(error)
        refused = Refused(error.code, error.category, error.told)
        ending = _unanswered_ending(error, self._ended.status)
        self._ended.status = STATUS[refused.category]
        await self._finish(ending)
        await self._answer_refusal(refused)

    def _log_failure(self, error: UpstreamError) -> None:
        """Keep the technical cause: the caller is told what to do about it instead."""
        _log.info(
            "exchange with a provider failed",
            request_id=self._planned.request_id,
            error=str(error),
        )

    async def _end_broken_stream(self, error: UpstreamError) -> None:
        if not self._finished:
            self._read_what_came()
            await self._finish(Ending.BROKEN_STREAM)
            self._log_failure(error)
            await self._end_with_error_event(error.code, error.told)
        else:
            await self._socket.end()

    async def _end_aborted(self) -> None:
        """End a call that we cut, that drained long enough, or that lost its task."""
        if self._abort_reason is None:
            self._abort_reason = "shutdown"
        elif self._task is not None:
            self._task.uncancel()
        if self._finished:
            return
        reason, self._ended.cut_reason = self._abort_reason, self._abort_reason
        self._read_what_came()
        await self._finish(Ending.CUT)
        if self._socket.gone:
            return
        message = _CUT_MESSAGES.get(reason, "The gateway ended this call.")
        if self._socket.started:
            await self._end_with_error_event("call_ended", message)
        else:
            await self._answer_refusal(Refused("call_ended", Category.UNAVAILABLE, message))

    def _read_what_came(self) -> None:
        """Let the reader conclude from an answer that did not come to its end."""
        if self._reader is not None:
            self._ended.answer = self._reader.finish()

    async def _answer_refusal(self, refused: Refused) -> None:
        self._socket.unwatch()
        if not self._socket.gone:
            planned = self._planned
            await _within_farewell(
                refuse(
                    self._socket,
                    planned.call.route.envelope,
                    refused,
                    planned.request_id,
                    refused_head(planned, self._event),
                )
            )

    async def _end_with_error_event(self, code: str, message: str) -> None:
        self._socket.unwatch()
        event = write_stream_error(
            self._planned.call, code=code, message=message, request_id=self._planned.request_id
        )
        await _within_farewell(self._socket.end(event))

    async def _finish(self, ending: Ending) -> None:
        """Settle the call, once; a caller that is gone is an ending of its own."""
        if self._finished:
            return
        self._finished = True
        self._ended.ending = ending
        if self._socket.gone and ending in _BILLED:
            self._ended.ending = Ending.CALLER_GONE
        if self._intent is None:
            self._count_free_call()
            return
        self._settling = True
        self._event = await finish(self._planned, self._intent, self._ended, self._rooms)
        self._settling = False

    def _count_free_call(self) -> None:
        provider, operation = self._planned.target.provider.name, self._planned.call.route.operation
        self._rooms.metrics.free_calls.labels(provider, operation).inc()

    def _take_care(self) -> None:
        """Look after a call that is not over in a moment, as most are."""
        self._watch_caller()
        self._arm(self._total_limit_s() - WATCH_AFTER_S, lambda: self.abort("total_limit"))

    def _watch_caller(self) -> None:
        self._socket.watch(self._on_hang_up)

    def _on_hang_up(self) -> None:
        """Drain to the provider's usage for a bounded time, then close upstream."""
        drain_s = 0.0 if self._planned.caller.cancel_on_hang_up else self._drain_s()
        self._arm(drain_s, lambda: self.abort("hang_up_drain"))

    def _drain_s(self) -> float:
        return self._rooms.limits.hang_up_drain_s if self._intent is not None else 0.0

    def _total_limit_s(self) -> float:
        """A second after the transport's own limit: for callers who do not read their answer."""
        return self._rooms.limits.upstream.total_timeout_s + 1

    def _arm(self, delay_s: float, action: Callable[[], None]) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(delay_s, action))

    async def _leave(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._socket.unwatch()
        if self._answer is not None:
            await self._answer.close()


async def _within_farewell(telling: Awaitable[object]) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FAREWELL_S):
            await telling


def _unanswered_ending(error: UpstreamError, status: int | None) -> Ending:
    """Say how a call ended without a whole answer; an error broken off is an error, not billed."""
    if isinstance(error, NotSent):
        return Ending.NEVER_SENT
    is_error = status is not None and status >= HTTPStatus.MULTIPLE_CHOICES
    return Ending.PROVIDER_ERROR if is_error else Ending.NO_ANSWER


def _stream_ending(answer: Answer) -> Ending:
    """Say how a stream ended whose bytes came to their end.

    An error event breaks it, and so does an end before anything that a provider ends with: the end
    marker, the final usage, a reason for finishing.
    """
    stated_usage = answer.raw_usage is not None and not answer.usage_running
    came_to_end = answer.terminal or stated_usage or answer.finish_reason is not None
    return Ending.COMPLETE if came_to_end and not answer.failed else Ending.BROKEN_STREAM
