"""One keep-alive socket to a provider: writes requests, receives answers, keeps the time limits."""

import asyncio
import select
from typing import Protocol, cast

from outlay.transport.answer import Answer
from outlay.transport.framing import AnswerReader, BadFraming
from outlay.transport.upstream import (
    AnswerBroken,
    AnswerTimedOut,
    AnswerUnreadable,
    UpstreamError,
    UpstreamRequest,
)

_JOINED_WRITE_BYTES = 64 * 1024
"""Up to this size head and body go out in one piece: a copy is cheaper than a system call."""


class ClosedBeforeWrite(Exception):
    """The socket was found closed before a byte of the request was given to it."""


class Owner(Protocol):
    """Who keeps the connection between exchanges."""

    idle_expiry_s: float

    def take_back(self, connection: "Connection") -> None:
        """Accept a connection that is ready for the next exchange."""
        ...

    def forget(self, connection: "Connection") -> None:
        """Accept that the socket is closed."""
        ...


class Connection(asyncio.Protocol):
    """A socket to one provider, used for one exchange at a time."""

    __slots__ = (
        "_answer",
        "_deadline",
        "_idle_timeout_s",
        "_loop",
        "_owner",
        "_peer",
        "_poll",
        "_reader",
        "_timer",
        "_timer_at",
        "_total_deadline",
        "_transport",
        "is_lost",
    )

    def __init__(self, peer: str, loop: asyncio.AbstractEventLoop) -> None:
        """Be unconnected and unowned; `peer` is the provider's address in error texts."""
        self.is_lost = False
        self._owner: Owner | None = None
        self._peer = peer
        self._loop = loop
        self._reader = AnswerReader()
        self._answer: Answer | None = None
        self._idle_timeout_s = 0.0
        self._total_deadline = 0.0
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def __repr__(self) -> str:
        """Say whom it leads to and what it does."""
        doing = "closed" if self.is_lost else "in use" if self._answer else "idle"
        return f"<Connection to {self._peer}, {doing}>"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connected (and, for https, verified) socket."""
        self._transport = cast(asyncio.Transport, transport)
        self._poll = select.poll()
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def join(self, owner: Owner) -> None:
        """Belong to `owner`, which is told of the end of each exchange and of the socket's."""
        self._owner = owner

    def set_socket_option(self, level: int, option: int, value: int) -> None:
        """Set an option of the socket."""
        self._transport.get_extra_info("socket").setsockopt(level, option, value)

    def can_carry_another(self) -> bool:
        """Say whether the idle connection may be used again.

        A readable idle socket was closed by the provider, or holds bytes that nobody asked for.
        """
        return not (self.is_lost or self._transport.is_closing() or self._poll.poll(0))

    def start(self, request: UpstreamRequest, head: bytes, total_deadline: float) -> Answer:
        """Write a request, its head as `head`, and return its answer, which is yet to come.

        `total_deadline` is the loop's time at which the exchange must be over.

        Raises:
            ClosedBeforeWrite: no byte was given to the socket.
        """
        if self.is_lost or self._transport.is_closing():
            raise ClosedBeforeWrite
        self._write(head, request.body)
        answer = self._answer = Answer(self)
        self._reader.expect(answer, method=request.method)
        self._idle_timeout_s = request.limits.idle_timeout_s
        self._total_deadline = total_deadline
        self._keep_deadline_in(request.limits.first_byte_timeout_s)
        return answer

    def data_received(self, data: bytes) -> None:
        """Parse what the provider sends, and move the idle limit."""
        answer = self._answer
        if answer is None:  # unasked-for bytes would be taken for the next request's answer
            self.drop()
            return
        reader = self._reader
        try:
            reader.feed(data)
        except BadFraming as error:
            text = f"{self._peer} sent a broken answer: {error}"
            self._break_off(AnswerUnreadable(text), error)
            return
        if reader.is_complete:
            self._complete(answer)
        elif answer.status:
            if not answer.is_paused:
                self._keep_deadline_in(self._idle_timeout_s)
            answer.wake()

    def eof_received(self) -> None:
        """End the exchange when the provider closes its side; the socket closes by itself."""
        self._end_of_bytes()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the exchange when the socket is gone, and leave the owner."""
        self.is_lost = True
        if exc is None:
            self._end_of_bytes()
        elif self._answer is not None:
            self._break_off(AnswerBroken(f"the connection to {self._peer} broke: {exc!r}"), exc)
        if self._timer is not None:
            self._timer.cancel()
        self._reader.close()
        if self._owner is not None:
            self._owner.forget(self)

    def pause(self) -> None:
        """Stop reading; silence then is ours, so only the total limit runs."""
        self._transport.pause_reading()
        self._deadline = self._total_deadline

    def resume(self) -> None:
        """Read again."""
        self._transport.resume_reading()
        self._keep_deadline_in(self._idle_timeout_s)

    def drop(self) -> None:
        """Close the socket at once; an exchange under way is given up by its caller."""
        self._answer = None
        self._transport.abort()

    def _write(self, head: bytes, body: bytes) -> None:
        is_joined = len(body) <= _JOINED_WRITE_BYTES
        self._transport.write(head + body if is_joined else head)
        if self._transport.is_closing():  # the first system call has failed: nothing has left
            raise ClosedBeforeWrite
        if not is_joined:
            self._transport.write(body)

    def _complete(self, answer: Answer) -> None:
        self._answer = None
        if answer.is_paused:
            self._transport.resume_reading()
        # A request that is still being written when its answer is complete was refused half-way.
        is_written = not self._transport.get_write_buffer_size()
        if self._reader.keep_alive and is_written and self._owner is not None:
            self._keep_deadline(self._loop.time() + self._owner.idle_expiry_s)
            self._owner.take_back(self)
        else:
            self._transport.abort()
        answer.finish()

    def _end_of_bytes(self) -> None:
        if self._answer is None:
            return
        try:
            self._reader.feed_end()
        except BadFraming as error:
            self._break_off(AnswerBroken(f"{self._peer}: {error}"), error)
        else:
            self._complete(self._answer)

    def _break_off(self, failure: UpstreamError, cause: Exception | None = None) -> None:
        failure.__cause__ = cause
        answer = self._answer
        self.drop()
        if answer is not None:
            answer.fail(failure)

    def _keep_deadline_in(self, timeout_s: float) -> None:
        self._keep_deadline(min(self._total_deadline, self._loop.time() + timeout_s))

    def _keep_deadline(self, deadline: float) -> None:
        """Set the deadline; the timer is only touched when it would ring too late."""
        self._deadline = deadline
        if self._timer is None or deadline < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = deadline
            self._timer = self._loop.call_at(deadline, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._loop.time() < self._deadline:
            self._keep_deadline(self._deadline)
        elif self._answer is None:
            self.drop()
        else:
            self._break_off(AnswerTimedOut(f"{self._peer} {self._overdue(self._answer)}"))

    def _overdue(self, answer: Answer) -> str:
        if self._deadline >= self._total_deadline:
            return "did not complete its answer within the total time limit"
        if answer.status:
            return f"sent nothing for {self._idle_timeout_s:g} s in the middle of its answer"
        return "did not begin its answer in time"
