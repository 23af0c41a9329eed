"""A bounded pool hands connections on fairly and never loses a slot."""

import asyncio

import pytest

from outlay.transport.connection import Connection
from outlay.transport.pool import Pool, PoolLimits
from outlay.transport.upstream import NotSent


class FakeConnection(Connection):
    """A connection without a socket."""

    __slots__ = ("is_dropped", "is_usable", "pool")

    def __init__(self) -> None:
        super().__init__("test", asyncio.get_running_loop())
        self.is_usable = True
        self.is_dropped = False

    def can_carry_another(self) -> bool:
        return self.is_usable and not self.is_dropped

    def drop(self) -> None:
        self.is_dropped = True


async def _dial() -> Connection:
    return FakeConnection()


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_youngest_usable_idle_connection_comes_first() -> None:
    pool = Pool(_dial, PoolLimits())
    connections = [await pool.open() for _ in range(3)]
    for connection in connections:
        pool.take_back(connection)
    youngest = connections[2]
    assert isinstance(youngest, FakeConnection)
    youngest.is_usable = False
    assert pool.find_idle() is connections[1]
    assert youngest.is_dropped


async def test_who_waits_longest_gets_the_next_connection() -> None:
    pool = Pool(_dial, PoolLimits(max_connections=1))
    connection = await pool.open()
    first, second = asyncio.ensure_future(pool.open()), asyncio.ensure_future(pool.open())
    await _settle()
    pool.take_back(connection)
    assert await first is connection
    await _settle()
    assert not second.done()
    pool.take_back(connection)
    assert await second is connection


async def test_a_closed_connection_makes_room_for_a_new_one() -> None:
    pool = Pool(_dial, PoolLimits(max_connections=1))
    connection = await pool.open()
    waiting = asyncio.ensure_future(pool.open())
    await _settle()
    pool.forget(connection)
    assert await waiting is not connection
    assert pool.open_count == 1


async def test_who_gives_up_waiting_passes_the_connection_on() -> None:
    pool = Pool(_dial, PoolLimits(max_connections=1))
    connection = await pool.open()
    first, second = asyncio.ensure_future(pool.open()), asyncio.ensure_future(pool.open())
    await _settle()
    pool.take_back(connection)
    first.cancel()  # in the very moment in which it was its turn
    assert await second is connection
    assert pool.open_count == 1


async def test_who_gives_up_waiting_passes_the_slot_on() -> None:
    pool = Pool(_dial, PoolLimits(max_connections=1))
    connection = await pool.open()
    waiting = asyncio.ensure_future(pool.open())
    await _settle()
    pool.forget(connection)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert pool.open_count == 0


async def test_who_gave_up_earlier_is_passed_over() -> None:
    pool = Pool(_dial, PoolLimits(max_connections=1))
    connection = await pool.open()
    waiting = asyncio.ensure_future(pool.open())
    await _settle()
    waiting.cancel()
    await asyncio.wait({waiting})
    pool.take_back(connection)
    assert pool.find_idle() is connection


async def test_a_dial_that_fails_frees_its_slot() -> None:
    async def fail() -> Connection:
        raise NotSent("no")

    pool = Pool(fail, PoolLimits(max_connections=1))
    for _ in range(3):
        with pytest.raises(NotSent):
            await pool.open()
    assert pool.open_count == 0


async def test_a_connection_lost_while_it_was_opened_was_not_sent_to() -> None:
    async def dial_lost() -> Connection:
        connection = FakeConnection()
        connection.is_lost = True
        return connection

    pool = Pool(dial_lost, PoolLimits())
    with pytest.raises(NotSent, match="as soon as it was open"):
        await pool.open()
    assert pool.open_count == 0


async def test_a_closed_pool_drops_what_comes_back() -> None:
    pool = Pool(_dial, PoolLimits())
    idle, busy = await pool.open(), await pool.open()
    pool.take_back(idle)
    pool.close()
    pool.take_back(busy)
    assert isinstance(idle, FakeConnection)
    assert isinstance(busy, FakeConnection)
    assert idle.is_dropped
    assert busy.is_dropped
    with pytest.raises(NotSent):
        await pool.open()
