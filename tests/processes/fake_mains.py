"""What the processes of a supervisor under test run, instead of a control process and workers."""

import os
import signal
import socket
import sys

from outlay.processes.channel import receive_connection, say_ready
from outlay.settings import Settings


def serve(_settings: Settings, channel: socket.socket) -> None:
    """Answer each connection with this process's id, until told to stop or left alone."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    say_ready(channel)
    while (connection := receive_connection(channel)) is not None:
        with connection:
            connection.sendall(str(os.getpid()).encode())


def fail(_settings: Settings, _channel: socket.socket) -> None:
    """End before being ready, as a program with a wrong configuration does."""
    sys.exit(3)


def be_killed_at_first(settings: Settings, channel: socket.socket) -> None:
    """Be killed before being ready the first time; serve the second time."""
    mark = settings.data_dir / "was_killed"
    if not mark.exists():
        mark.touch()
        signal.raise_signal(signal.SIGKILL)
    serve(settings, channel)


def never_be_ready(_settings: Settings, channel: socket.socket) -> None:
    """Prepare something for ever, until told to stop."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    channel.recv(1)
