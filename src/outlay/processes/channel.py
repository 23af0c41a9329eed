"""The channel between the supervisor and a process: single-byte messages, sockets one way.

Both ends notice the other's death as end of file, however it died.
"""

import array
import contextlib
import errno
import os
import socket
from enum import Enum


class Message(bytes, Enum):
    """What is said over a channel."""

    READY = b"r"
    DRAINING = b"d"
    CONNECTION = b"c"


def make_channel() -> tuple[socket.socket, socket.socket]:
    """Make the two ends of a channel; each message arrives whole, with its socket."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return ours, theirs


def say_ready(channel: socket.socket) -> None:
    """Tell the supervisor that work can begin; if it is gone, reading the channel shows it."""
    with contextlib.suppress(ConnectionError):
        channel.send(Message.READY.value)


def send_connection(channel: socket.socket, connection: socket.socket) -> None:
    """Hand an accepted connection over; the other process owns it from now on.

    Raises:
        BlockingIOError: the other process is so far behind that its channel is full.
        OSError: it is gone, or takes no more.
    """
    channel.sendmsg(
        [Message.CONNECTION.value],
        [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [connection.fileno()]))],
        socket.MSG_DONTWAIT,
    )


def stop_receiving(channel: socket.socket) -> None:
    """Say that no more connections are taken; those on their way can still be received."""
    with contextlib.suppress(OSError):  # the supervisor may be gone
        channel.shutdown(socket.SHUT_RD)
        channel.send(Message.DRAINING.value)


def receive_connection(channel: socket.socket) -> socket.socket | None:
    """Take the next connection that was handed over, or None when the supervisor is gone.

    Raises:
        BlockingIOError: nothing has come yet.
        OSError: this process has no file descriptor left; that connection is lost.
    """
    try:
        message, files, _flags, _address = socket.recv_fds(channel, 1, 1)
    except ConnectionError:  # it was killed before it read what we said last
        return None
    if not message:
        return None
    if not files:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    return socket.socket(fileno=files[0])
