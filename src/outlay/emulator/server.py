"""The emulator as a server: opens the port, keeps count of connections, closes everything again.

It stands outside the product on purpose: what it says and what it charges is computed by rules of
its own, so that a test may hold the product against it.
"""

import asyncio
import signal
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from outlay.emulator.bill import Bill
from outlay.emulator.connection import Connection
from outlay.emulator.desk import Desk
from outlay.emulator.opening import CallOpener
from outlay.emulator.options import EmulatorOptions
from outlay.emulator.prices import price_table
from outlay.emulator.replay import Recordings
from outlay.kernel.clock import Clock, SystemClock

_BACKLOG = 4_096


class Emulator:
    """A provider emulator on a loopback port: `async with Emulator() as emulator: …`."""

    def __init__(self, options: EmulatorOptions | None = None, clock: Clock | None = None) -> None:
        """Prepare; nothing listens before `start`."""
        self._options = options or EmulatorOptions()
        self._connections: set[Connection] = set()
        self._bill = Bill(price_table(), self._options.bill_path)
        self._recordings = (
            Recordings(self._options.replay_path) if self._options.replay_path else None
        )
        self._desk = Desk(
            CallOpener(price_table(), self._bill, clock or SystemClock(), self._options.run_id),
            self.state,
            default=self._options.steering,
            accepted_key=self._options.accepted_key,
            recordings=self._recordings,
        )
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self._desk.answer, self._connections),
            self._options.host,
            self._options.port,
            backlog=_BACKLOG,
        )

    async def stop(self) -> None:
        """Stop listening, break off what is under way, settle its bill."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            await connection.shut()
        self._desk.stored.stop()
        self._bill.close()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        await self.stop()

    @property
    def base_url(self) -> str:
        """The address, without a version prefix.

        Raises:
            RuntimeError: it does not listen.
        """
        if self._server is None:
            raise RuntimeError("the emulator is not running")
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    def bill(self) -> list[dict[str, Any]]:
        """List what has been billed, call by call; see bill.py for the fields."""
        return self._bill.calls()

    def totals(self) -> dict[str, Any]:
        """Add up the bill."""
        totals: dict[str, Any] = self._bill.as_json()["totals"]
        return totals

    def state(self) -> dict[str, Any]:
        """Tell what is open now and what was seen."""
        under_way = [c.exchange for c in self._connections if c.exchange is not None]
        played = list(self._recordings.played) if self._recordings else []
        return {
            "open_connections": len(self._connections),
            "open_exchanges": len(under_way),
            "open_streams": sum(exchange.is_streaming for exchange in under_way),
            "replayed": played,
            **self._desk.seen.as_json(),
        }


async def serve(options: EmulatorOptions, ready: Callable[[str], None]) -> None:
    """Run an emulator until SIGTERM or SIGINT; `ready` is told the address.

    Raises:
        OSError: the port cannot be listened on.
    """
    stopped = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    async with Emulator(options) as emulator:
        ready(emulator.base_url)
        await stopped.wait()
