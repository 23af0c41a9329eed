"""The channel tells both ends what they must know, however the other one ended."""

import os
import socket
from collections.abc import Iterator

import pytest

from outlay.processes.channel import (
    Message,
    make_channel,
    receive_connection,
    say_ready,
    send_connection,
    stop_receiving,
)

Channel = tuple[socket.socket, socket.socket]


@pytest.fixture
def channel() -> Iterator[Channel]:
    """The supervisor's end and the worker's."""
    supervisor, worker = make_channel()
    worker.setblocking(False)
    with supervisor, worker:
        yield supervisor, worker


@pytest.fixture
def connection() -> Iterator[socket.socket]:
    """A socket that stands for an accepted connection."""
    near, far = socket.socketpair()
    with near, far:
        yield near


def test_a_connection_arrives_as_it_was(channel: Channel, connection: socket.socket) -> None:
    supervisor, worker = channel
    send_connection(supervisor, connection)
    with receive_connection(worker) or pytest.fail("nothing came") as received:
        assert os.fstat(connection.fileno()).st_ino == os.fstat(received.fileno()).st_ino


def test_nothing_has_come_yet(channel: Channel) -> None:
    with pytest.raises(BlockingIOError):
        receive_connection(channel[1])


def test_a_supervisor_that_ended_is_told_from_one_that_says_nothing(channel: Channel) -> None:
    supervisor, worker = channel
    supervisor.close()
    assert receive_connection(worker) is None
    say_ready(worker)


def test_a_supervisor_that_was_killed_before_it_listened_has_ended_too(channel: Channel) -> None:
    """The kernel resets a channel with something unread in it, rather than end it."""
    supervisor, worker = channel
    say_ready(worker)
    supervisor.close()
    assert receive_connection(worker) is None


def test_what_was_under_way_when_a_worker_began_to_drain_still_arrives(
    channel: Channel, connection: socket.socket
) -> None:
    supervisor, worker = channel
    send_connection(supervisor, connection)
    stop_receiving(worker)
    assert Message.DRAINING.value == supervisor.recv(1)
    with pytest.raises(BrokenPipeError):
        send_connection(supervisor, connection)
    with receive_connection(worker) or pytest.fail("it was lost"):
        assert receive_connection(worker) is None


def test_a_worker_far_behind_is_told_from_one_that_is_gone(
    channel: Channel, connection: socket.socket
) -> None:
    supervisor, worker = channel
    with pytest.raises(BlockingIOError):
        send_many(supervisor, connection)
    worker.close()
    with pytest.raises(ConnectionError):
        send_connection(supervisor, connection)


def send_many(channel: socket.socket, connection: socket.socket) -> None:
    """Hand over more than any channel holds."""
    for _ in range(100_000):
        send_connection(channel, connection)
