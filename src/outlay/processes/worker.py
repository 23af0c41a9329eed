"""A gateway worker: takes connections from the supervisor and serves calls on them."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Iterator

import structlog
import uvicorn
import uvloop

from outlay.bootstrap.worker import open_worker
from outlay.gateway.asgi import Gateway
from outlay.gateway.guard import GuardedProtocol
from outlay.gateway.metrics import GatewayMetrics
from outlay.processes.channel import receive_connection, say_ready, stop_receiving
from outlay.processes.fatal import end_process
from outlay.processes.logs import configure_logs
from outlay.processes.pages import Pages
from outlay.settings import Settings

_log = structlog.get_logger("outlay.processes")

COLLECT_AFTER_OBJECTS = 10_000
"""Some forty calls at once make that many; a few megabytes."""
KEEP_ALIVE_S = 75
LAST_REQUESTS_S = 0.2
"""How long a connection that came last may ask something before idle connections are closed."""


def worker_main(settings: Settings, channel: socket.socket) -> None:
    """Run a worker until SIGTERM, or until the supervisor is gone."""
    configure_logs(settings.log_level, as_json=settings.log_json, process="worker")
    uvloop.run(_run(settings, channel))


async def _run(settings: Settings, channel: socket.socket) -> None:
    worker = await open_worker(settings, on_fatal=end_process)
    pages = Pages(worker.registry, worker.check_ledger)
    gateway = Gateway(worker.rooms, pages.by_path())
    server = _QuietServer(_server_config(gateway, settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    _spare_what_stays()
    watching = asyncio.gather(
        worker.configuration.watch(), _publish_in_flight(gateway, worker.rooms.metrics)
    )
    serving = asyncio.create_task(server.serve(sockets=[]))
    try:
        await _take_connections(channel, server, loop)
        await serving
        await asyncio.gather(*server.server_state.tasks, return_exceptions=True)
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        await worker.close()


def _spare_what_stays() -> None:
    """Have the garbage collector look seldom, and never at what was made before the first call.

    A call leaves no cycles behind; looking for them after every few hundred objects, and through
    all modules now and then, took a tenth of a worker's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_OBJECTS, 20, 100)


async def _publish_in_flight(gateway: Gateway, metrics: GatewayMetrics) -> None:
    """Show how many calls are under way; counted every second, since each write costs the calls."""
    while True:
        metrics.in_flight.set(gateway.in_flight)
        await asyncio.sleep(1)


def _server_config(gateway: Gateway, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        gateway,
        http=GuardedProtocol,
        loop="uvloop",
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(settings.shutdown_grace_s),
    )


async def _take_connections(
    channel: socket.socket, server: "_QuietServer", loop: asyncio.AbstractEventLoop
) -> None:
    """Serve each connection handed over, until the server is told to stop."""
    await server.ready.wait()
    channel.setblocking(False)
    say_ready(channel)
    loop.add_reader(channel, server.take, channel)
    await server.stopped.wait()
    loop.remove_reader(channel)
    stop_receiving(channel)
    while server.take(channel):
        pass
    await asyncio.sleep(LAST_REQUESTS_S)
    server.should_exit = True


class _QuietServer(uvicorn.Server):
    """uvicorn's server without listening sockets and without its own signal handling."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self.stopped = asyncio.Event()
        self._accepting: set[asyncio.Task[object]] = set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the worker: uvicorn would re-raise them before our clean-up."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say when connections can be served."""
        await super().startup(sockets)
        self.ready.set()

    def stop(self) -> None:
        """Begin to drain: no new connections, calls in flight may finish."""
        self.stopped.set()

    def take(self, channel: socket.socket) -> bool:
        """Take a connection that was handed over, if there is one.

        The supervisor being gone is a reason to stop.
        """
        try:
            connection = receive_connection(channel)
        except BlockingIOError:
            return False
        except OSError as error:
            _log.error("a connection was lost", error=str(error))
            return False
        if connection is None:
            self.stop()
            return False
        task = asyncio.create_task(self._serve_connection(connection))
        self._accepting.add(task)
        task.add_done_callback(self._accepting.discard)
        return True

    async def _serve_connection(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> GuardedProtocol:
        return GuardedProtocol(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
