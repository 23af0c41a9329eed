"""The connections to one provider: a bounded number, the youngest idle one used first."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from outlay.transport.connection import Connection
from outlay.transport.upstream import NotSent


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """Bounds on the connections to one provider.

    Attributes:
        max_connections: open sockets, those being connected too; further calls wait their turn.
        idle_expiry_s: an idle connection is closed after this long. Below the 5 s after which the
            common application servers (uvicorn, Node) close theirs, so that a request never meets
            a socket that is about to be closed: such a request could not be sent again safely.
    """

    max_connections: int = 1000
    idle_expiry_s: float = 4


Dial = Callable[[], Awaitable[Connection]]
"""Opens a connection that nobody owns yet; raises NotSent."""


class Pool:
    """Connections to one provider."""

    def __init__(self, dial: Dial, limits: PoolLimits) -> None:
        """Hold nothing yet; `dial` opens connections, within `limits`."""
        self.idle_expiry_s = limits.idle_expiry_s
        self.idle: list[Connection] = []
        self.open_count = 0
        self._dial = dial
        self._max_connections = limits.max_connections
        self._turns: deque[asyncio.Future[Connection | None]] = deque()
        self._is_closed = False

    def find_idle(self) -> Connection | None:
        """Take the youngest idle connection that can still be used, or None."""
        while self.idle:
            connection = self.idle.pop()
            if connection.can_carry_another():
                return connection
            connection.drop()
        return None

    async def open(self) -> Connection:
        """Open a connection, or wait for one when there may be no more.

        Raises:
            NotSent: it cannot be opened.
        """
        if self._is_closed:
            raise NotSent("the gateway is closing its connections")
        if self.open_count >= self._max_connections:
            connection = await self._wait_for_turn()
            if connection is not None:
                return connection
        else:
            self.open_count += 1
        return await self._fill_slot()

    def take_back(self, connection: Connection) -> None:
        """Accept a connection ready for the next exchange; whoever waits longest gets it."""
        turn = self._next_turn()
        if turn is not None:
            turn.set_result(connection)
        elif self._is_closed:
            connection.drop()
        else:
            self.idle.append(connection)

    def forget(self, connection: Connection) -> None:
        """Accept that a connection's socket is closed."""
        if connection in self.idle:
            self.idle.remove(connection)
        self._free_slot()

    def close(self) -> None:
        """Close the idle connections now, and the others when their exchange ends."""
        self._is_closed = True
        while self.idle:
            self.idle.pop().drop()

    async def _fill_slot(self) -> Connection:
        """Dial; the slot that is already counted becomes the connection's, or is freed."""
        try:
            connection = await self._dial()
        except BaseException:
            self._free_slot()
            raise
        if connection.is_lost:
            self._free_slot()
            raise NotSent("the provider closed the connection as soon as it was open")
        connection.join(self)
        return connection

    async def _wait_for_turn(self) -> Connection | None:
        """Wait for a connection, or (None) for a slot to open one in."""
        turn: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._turns.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on(turn.result())
            raise

    def _pass_on(self, connection: Connection | None) -> None:
        if connection is None:
            self._free_slot()
        else:
            self.take_back(connection)

    def _free_slot(self) -> None:
        turn = self._next_turn()
        if turn is None:
            self.open_count -= 1
        else:
            turn.set_result(None)

    def _next_turn(self) -> asyncio.Future[Connection | None] | None:
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                return turn
        return None
