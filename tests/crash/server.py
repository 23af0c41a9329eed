"""`outlay serve` on one data directory, as its killers see it: started, ended, looked into."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tests.flow.running import OUTLAY, Gateway, create_key, free_port, gateway_environment

PATIENCE_S = 120
"""A busy machine is no reason to fail: only what never comes is."""
_POLL_S = 0.02
_T = TypeVar("_T")


def wait_for(
    look: Callable[[], _T], what: str, *, alive: subprocess.Popen[bytes] | None = None
) -> _T:
    """Return the first true thing that `look` gives, as long as the process `alive` lives.

    Raises:
        AssertionError: nothing came; with what was waited for.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not (found := look()):
        if alive is not None and alive.poll() is not None:
            raise AssertionError(f"{what}: the process ended with {alive.returncode}")
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {PATIENCE_S} s")
        time.sleep(_POLL_S)
    return found


@dataclass(slots=True)
class Server:
    """One gateway installation: its address, data and log; started and killed many times."""

    url: str
    data_dir: Path
    log: Path
    environment: Mapping[str, str]
    workers_wanted: int
    process: subprocess.Popen[bytes] | None = None
    starts_s: list[float] = field(default_factory=list)
    """How long each start took until the gateway took calls; the first one makes the ledger."""

    def start(self) -> None:
        """Start it and wait until it takes calls."""
        began = time.monotonic()
        port = urlsplit(self.url).port
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [OUTLAY, "serve", "--port", str(port), "--workers", str(self.workers_wanted)],
                env=dict(self.environment),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_for(self.is_ready, f"ready (see {self.log})", alive=self.process)
        self.starts_s.append(time.monotonic() - began)

    def is_ready(self) -> bool:
        """Say whether it takes calls now."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> int:
        """Let it drain and end; returns its exit code."""
        if self.process is None:
            return 0
        self.process.terminate()
        return self.process.wait(PATIENCE_S)

    def end(self) -> None:
        """End whatever is left of it, however it stands."""
        if self.process is not None:
            for pid in (self.supervisor, *self.processes().values()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()

    @property
    def supervisor(self) -> int:
        """The process id of the supervisor."""
        assert self.process is not None
        return self.process.pid

    def processes(self) -> dict[str, int]:
        """Return its living processes by name: `outlay-worker-1`, `outlay-control` and so on.

        The supervisor's name is `outlay`; helpers of multiprocessing count as theirs.
        """
        found: dict[str, int] = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                head, _, tail = stat.read_text().rpartition(") ")
            except OSError:
                continue
            state, _parent, group = tail.split()[:3]
            if int(group) == self.supervisor and state not in "ZX":
                pid, _, name = head.partition(" (")
                found[name if name not in found else f"{name} {pid}"] = int(pid)
        return found

    def workers(self) -> list[int]:
        """Return the process ids of the workers that live."""
        return self._named("outlay-worker-")

    def control(self) -> list[int]:
        """Return the process id of the control process, if it lives."""
        return self._named("outlay-control")

    def fork_servers(self) -> list[int]:
        """Return the process id of the fork server, if it lives."""
        started = {pid: _command_line(pid) for pid in self._named("python")}
        return [pid for pid, command in started.items() if "multiprocessing.forkserver" in command]

    def _named(self, prefix: str) -> list[int]:
        return [pid for name, pid in self.processes().items() if name.startswith(prefix)]

    def kill_everything(self) -> None:
        """End every process of it at the same instant, as a power switch would."""
        os.killpg(self.supervisor, signal.SIGKILL)
        self.wait_until_gone()

    def kill_supervisor(self) -> None:
        """End the supervisor alone; the others end by themselves."""
        os.kill(self.supervisor, signal.SIGKILL)

    def wait_until_gone(self) -> None:
        """Wait until no process of it is left."""
        assert self.process is not None
        self.process.wait()
        wait_for(lambda: not self.processes(), "no process left")

    def as_gateway(self) -> Gateway:
        """Make a key, and return what a caller and an operator need to know."""
        return Gateway(self.url, create_key(self.environment), self.data_dir, self.environment)

    def ledger_rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Read the ledger's file without asking the gateway."""
        address = f"file:{self.data_dir}/ledger.sqlite3?mode=ro"
        ledger = sqlite3.connect(address, uri=True, timeout=PATIENCE_S)
        try:
            return ledger.execute(query, values).fetchall()
        finally:
            ledger.close()


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def new_server(provider_url: str, folder: Path, *, workers: int, **settings: str) -> Server:
    """Describe a gateway on a free port whose three providers are the one at `provider_url`."""
    data_dir = folder / "data"
    return Server(
        url=f"http://127.0.0.1:{free_port()}",
        data_dir=data_dir,
        log=folder / "gateway.log",
        environment=gateway_environment(provider_url, data_dir) | settings,
        workers_wanted=workers,
    )
