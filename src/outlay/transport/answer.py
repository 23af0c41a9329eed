"""An answer on its way: the caller's end of one exchange, filled by a connection.

A piece is handed over as soon as it is there; pieces that came while nobody was reading are handed
over as one. Nothing ever waits for more.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol, Self

from outlay.transport.upstream import AnswerBroken, Headers, UpstreamError

MAX_UNREAD_BYTES = 256 * 1024
"""Body bytes that may lie unread before the socket is no longer read (the provider then waits)."""


class Line(Protocol):
    """What an answer asks of the connection that it comes over."""

    def pause(self) -> None:
        """Stop reading the socket."""
        ...

    def resume(self) -> None:
        """Read the socket again."""
        ...

    def drop(self) -> None:
        """Close the socket at once."""
        ...


class Answer:
    """One answer (an `UpstreamAnswer`): its head, then its body piece by piece."""

    __slots__ = (
        "_arrival",
        "_failure",
        "_is_complete",
        "_line",
        "_pieces",
        "_unread_bytes",
        "headers",
        "is_paused",
        "status",
    )

    def __init__(self, line: Line) -> None:
        """Expect an answer over `line`; `status` is 0 until its head has arrived."""
        self.status = 0
        self.headers: Headers = []
        self._line = line
        self._pieces: list[bytes] = []
        self._unread_bytes = 0
        self.is_paused = False
        self._is_complete = False
        self._failure: UpstreamError | None = None
        self._arrival: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        """Say how far it has come."""
        end = "complete" if self._is_complete else repr(self._failure) if self._failure else "open"
        return f"<Answer {self.status or 'awaited'} {end}, {self._unread_bytes} bytes unread>"

    async def wait_for_head(self) -> None:
        """Wait until `status` and `headers` are there.

        Raises:
            AnswerBroken, AnswerTimedOut: see `Transport.send`.
        """
        while not self.status and self._failure is None:
            await self._wait_for_arrival()
        if not self.status and self._failure is not None:
            raise self._failure

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives; see `UpstreamAnswer.chunks`."""
        return self

    def __aiter__(self) -> Self:
        """Be the iterator of the body: a generator for each answer costs more than its pieces."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next piece of the body, once there is one."""
        while not self._pieces:
            if self._failure is not None:
                raise self._failure
            if self._is_complete:
                raise StopAsyncIteration
            await self._wait_for_arrival()
        return self._take_unread()

    async def close(self) -> None:
        """Close the socket, unless the answer is complete and the connection given back."""
        self._leave()

    def take_head(self, status: int, headers: Headers) -> None:
        """Accept the head from the connection."""
        self.status = status
        self.headers = headers

    def take_piece(self, piece: bytes) -> None:
        """Accept a piece of the body; hold the provider back when too much is unread."""
        self._pieces.append(piece)
        self._unread_bytes += len(piece)
        if self._unread_bytes > MAX_UNREAD_BYTES and not self.is_paused:
            self.is_paused = True
            self._line.pause()

    def finish(self) -> None:
        """Accept that the body is complete."""
        self._is_complete = True
        self.wake()

    def fail(self, failure: UpstreamError) -> None:
        """Accept that nothing more will come; what had arrived can still be read."""
        self._failure = failure
        self.wake()

    def wake(self) -> None:
        """Let the caller look at what has arrived."""
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    async def _wait_for_arrival(self) -> None:
        self._arrival = asyncio.get_running_loop().create_future()
        try:
            await self._arrival
        except BaseException:
            self._leave()
            raise
        finally:
            self._arrival = None

    def _take_unread(self) -> bytes:
        pieces = self._pieces
        unread = pieces.pop() if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._unread_bytes = 0
        if self.is_paused:
            self.is_paused = False
            if not self._is_complete and self._failure is None:
                self._line.resume()
        return unread

    def _leave(self) -> None:
        if not self._is_complete and self._failure is None:
            self._failure = AnswerBroken("the answer was closed by us before it was complete")
            self._line.drop()
