"""The supervisor: accepts connections and deals them out to the workers, keeps every process alive.

Connections go round robin, so that no worker starves (a shared listening socket lets one worker
take a whole burst; the kernel's own spreading by address leaves shares to chance). While a worker
restarts, the others get its turn; callers wait in the listen queue, they are not refused.
"""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable
from multiprocessing.process import BaseProcess

import structlog
from prometheus_client import multiprocess

from outlay.kernel.errors import OutlayError
from outlay.processes.channel import Message, make_channel, send_connection
from outlay.processes.nursery import EntryPoint, Nursery
from outlay.settings import Settings

_log = structlog.get_logger("outlay.supervisor")

CONTROL = "outlay.processes.control:control_main"
WORKER = "outlay.processes.worker:worker_main"
LISTEN_BACKLOG = 2_048
FORK_SERVER_DIED = 255
"""The exit code that multiprocessing tells when nobody is left who knows it."""
RESTART_PAUSE_S = 0.5
"""Between two starts of a process that keeps dying, so that a fault does not spin."""
ACCEPT_PAUSE_S = 0.1
"""After a connection could not be taken: file descriptors or memory may come free."""
DEAL_PAUSE_S = 0.01
"""Before a connection that a worker did not take is offered to the next."""
STOP_GRACE_S = 5
"""How much longer than the drain a process may take to stop before it is killed."""


class StartFailed(OutlayError):
    """A process ended before it was ready; its own log says why."""

    code = "start.failed"


class Child:
    """One process of ours: its main function, its channel, whether it is ready."""

    def __init__(self, name: str, entry: EntryPoint, settings: Settings, nursery: Nursery) -> None:
        """Describe a process; `start` runs it."""
        self.name = name
        self.ready = asyncio.Event()
        self.channel: socket.socket | None = None
        self.process: BaseProcess | None = None
        self._entry = entry
        self._settings = settings
        self._nursery = nursery

    def start(self) -> None:
        """Start the process; `ready` is set once it says so."""
        self.ready.clear()
        self.process = None
        ours, theirs = make_channel()
        ours.setblocking(False)
        with theirs:
            self.process = self._nursery.start(self.name, self._entry, self._settings, theirs)
        self.channel = ours

    async def wait_for_end(self) -> None:
        """Wait until the process is gone, noting when it becomes ready."""
        loop = asyncio.get_running_loop()
        channel = self.channel
        if channel is None:
            return
        with contextlib.suppress(ConnectionError):
            while message := await loop.sock_recv(channel, 1):
                if message == Message.READY.value:
                    self.ready.set()
                else:
                    self.ready.clear()
        self.ready.clear()
        self.channel = None
        channel.close()
        await asyncio.to_thread(self._join)

    def _join(self) -> None:
        if self.process is not None:
            self.process.join()

    @property
    def exit_code(self) -> int:
        """How the process ended, negative when it was killed; what is not known counts as that."""
        code = self.process.exitcode if self.process is not None else None
        return -signal.SIGKILL if code is None or code == FORK_SERVER_DIED else code

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process, if it lives: as long as its end of the channel is open."""
        if self.channel is not None and self.process is not None and self.process.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, number)


class Supervisor:
    """Runs one control process and N workers until it is told to stop."""

    def __init__(
        self,
        settings: Settings,
        listener: socket.socket,
        *,
        control: EntryPoint = CONTROL,
        worker: EntryPoint = WORKER,
    ) -> None:
        """Take a bound socket; connections are accepted once every worker is ready."""
        self._settings = settings
        self._listener = listener
        nursery = Nursery(preload=worker)
        self._control = Child("outlay-control", control, settings, nursery)
        self._workers = [
            Child(f"outlay-worker-{number}", worker, settings, nursery)
            for number in range(1, settings.workers + 1)
        ]
        self._stopping = asyncio.Event()
        self._turn = 0

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Start everything, call `on_ready`, serve until SIGTERM or SIGINT, then drain.

        Raises:
            StartFailed: the control process could not prepare the ledger and the prices.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        keepers = [asyncio.create_task(self._keep(self._control))]
        try:
            await self._first_ready(self._control, keepers[0])
            keepers += [asyncio.create_task(self._keep(child)) for child in self._workers]
            # All of them: a burst that met the first alone would stay on its connections.
            for worker, keeper in zip(self._workers, keepers[1:], strict=True):
                await self._first_ready(worker, keeper)
            if not self._stopping.is_set():
                self._listener.listen(LISTEN_BACKLOG)
                self._listener.setblocking(False)
                on_ready()
                await self._accept_until_stopped()
        finally:
            self._stopping.set()
            self._listener.close()
            await self._stop(keepers)

    async def _first_ready(self, child: Child, keeper: asyncio.Task[None]) -> None:
        while not child.ready.is_set() and not self._stopping.is_set():
            if keeper.done():
                raise StartFailed(f"{child.name} ended before it was ready; see its log above")
            waits = [asyncio.create_task(event.wait()) for event in (child.ready, self._stopping)]
            await asyncio.wait({*waits, keeper}, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()

    async def _keep(self, child: Child) -> None:
        """Run a process, again whenever it ends, until we stop or it cannot start at all.

        One that was killed before it was ready may do better the next time.
        """
        was_ready = False
        while not self._stopping.is_set():
            was_ready = await self._run_once(child) or was_ready
            if self._stopping.is_set():
                return
            code = child.exit_code
            if not was_ready and code >= 0:
                _log.error("process could not start", child=child.name, exit_code=code)
                return
            _log.error("process ended, starting it again", child=child.name, exit_code=code)
            await asyncio.sleep(RESTART_PAUSE_S)

    async def _run_once(self, child: Child) -> bool:
        """Run a process to its end, and say whether it was ready before."""
        try:
            child.start()
        except (OSError, EOFError) as error:
            _log.error("process could not be started", child=child.name, error=str(error))
            return False
        pid = child.process.pid if child.process else None
        ready = asyncio.create_task(child.ready.wait())
        await child.wait_for_end()
        was_ready = ready.done()
        ready.cancel()
        if pid is not None:
            self._forget_metrics(pid)
        return was_ready

    def _forget_metrics(self, pid: int) -> None:
        """Drop a dead process's gauges; its counters stay in the sums."""
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]

    async def _accept_until_stopped(self) -> None:
        loop = asyncio.get_running_loop()
        accepting = asyncio.create_task(self._accept(loop))
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({accepting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        accepting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await accepting

    async def _accept(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            worker = await self._next_worker()
            try:
                connection, _address = await loop.sock_accept(self._listener)
            except OSError as error:
                _log.warning("a connection could not be accepted", error=str(error))
                await asyncio.sleep(ACCEPT_PAUSE_S)
                continue
            with connection:
                await self._deal(connection, worker)

    async def _deal(self, connection: socket.socket, worker: Child) -> None:
        """Hand a connection to `worker`, or to the next that takes it; it is never dropped."""
        while worker.channel is None or not _took(worker, worker.channel, connection):
            await asyncio.sleep(DEAL_PAUSE_S)
            worker = await self._next_worker()

    async def _next_worker(self) -> Child:
        """Choose whose turn it is among the workers that are ready; wait while there is none."""
        while True:
            for _ in self._workers:
                self._turn = (self._turn + 1) % len(self._workers)
                if self._workers[self._turn].ready.is_set():
                    return self._workers[self._turn]
            waits = [asyncio.create_task(child.ready.wait()) for child in self._workers]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()

    async def _stop(self, keepers: list[asyncio.Task[None]]) -> None:
        """Let workers drain first; the control process goes last, since it owns the checkpoints."""
        for worker in self._workers:
            worker.signal(signal.SIGTERM)
        await self._wait_or_kill(keepers[1:], self._workers, self._settings.shutdown_grace_s)
        self._control.signal(signal.SIGTERM)
        await self._wait_or_kill(keepers[:1], [self._control], 0)

    async def _wait_or_kill(
        self, keepers: list[asyncio.Task[None]], children: list[Child], grace_s: float
    ) -> None:
        if not keepers:
            return
        _done, late = await asyncio.wait(keepers, timeout=grace_s + STOP_GRACE_S)
        if late:
            for child in children:
                child.signal(signal.SIGKILL)
            await asyncio.wait(late)


def _took(worker: Child, channel: socket.socket, connection: socket.socket) -> bool:
    """Hand a connection over; False when the worker drains, is gone, or is behind in a burst."""
    try:
        send_connection(channel, connection)
    except BlockingIOError:
        return False
    except OSError:
        worker.ready.clear()
        return False
    return True
