"""Where processes are born: a fork server that has imported what a worker needs and nothing else.

A process that imports everything by itself costs about a second of a core; a fork of one that did
costs milliseconds. The server has one thread and nothing open, so that forks are safe (ADR 0020).
Where the system's own libraries do not bear forks (macOS) each process is a fresh interpreter.
"""

import contextlib
import multiprocessing
import socket
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.machinery import ModuleSpec
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from outlay.settings import Settings

Main = Callable[[Settings, socket.socket], None]
"""What a process runs: it gets the settings and its end of the channel."""
EntryPoint = str
"""Where a `Main` is, as `module:function`: only the process that runs it imports it, since it takes
ten times the memory and start-up time of the supervisor."""


class Nursery:
    """Starts processes that run a main function with the settings and a channel."""

    def __init__(self, *, preload: EntryPoint) -> None:
        """Prepare; the fork server starts with the first process and imports as `preload` does."""
        self._context: ForkServerContext | SpawnContext = multiprocessing.get_context("spawn")
        if sys.platform == "linux":
            self._context = multiprocessing.get_context("forkserver")
            self._context.set_forkserver_preload([preload.partition(":")[0]])

    def start(
        self, name: str, entry: EntryPoint, settings: Settings, channel: socket.socket
    ) -> BaseProcess:
        """Start a process of that name; it gets a copy of `channel`."""
        # Without this each process would run the console script again, to look for `_run` there.
        sys.modules["__main__"].__spec__ = ModuleSpec("outlay.__main__", None)
        process = self._context.Process(
            target=_run, args=(name, entry, settings, channel), name=name
        )
        process.start()
        return process


def _run(name: str, entry: EntryPoint, settings: Settings, channel: socket.socket) -> None:
    """Run a main function under a name that `ps` and `top` show."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(name)
    module, _, function = entry.partition(":")
    main: Main = getattr(import_module(module), function)
    main(settings, channel)
