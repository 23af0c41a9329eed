"""Kills the gateway under load, again and again; the provider's own bill is the judge."""

import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.flow.running import OUTLAY, Gateway

START_LIMIT_S = 60
CALLERS = 8


@dataclass(slots=True)
class Load:
    """Callers who go on calling through every crash; the bill knows each call's id too."""

    url: str
    key: str
    stopping: threading.Event = field(default_factory=threading.Event)
    sent: int = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Call from several threads during a block."""
        threads = [threading.Thread(target=self._call_on, args=(n,)) for n in range(CALLERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stopping.set()
            for thread in threads:
                thread.join()

    def _call_on(self, caller: int) -> None:
        number = 0
        while not self.stopping.is_set():
            number += 1
            try:
                self._call(f"crash-{caller}-{number}", stream=number % 3 == 0)
                self.sent += 1
            except (OSError, http.client.HTTPException):
                self.stopping.wait(0.02)

    def _call(self, call_id: str, *, stream: bool) -> None:
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        body = {
            "model": "gpt-4o-mini",
            "stream": stream,
            "max_tokens": 40,
            "messages": [{"role": "user", "content": f"Close ticket {call_id}."}],
        }
        headers = {
            "authorization": f"Bearer {self.key}",
            "x-cost-session": call_id,
            "x-emulate-id": call_id,
            "x-emulate": "gap_ms=2" if stream else "delay_ms=3",
        }
        try:
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            connection.getresponse().read()
        finally:
            connection.close()


@dataclass(slots=True)
class Server:
    """`outlay serve` on one data directory, started and killed many times."""

    gateway: Gateway
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    restarts_s: list[float] = field(default_factory=list)

    def start(self, log: Path, *, under: Sequence[str] = ()) -> None:
        """Start it, under a tracer if wished, and wait until it is ready."""
        started = time.monotonic()
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [*under, *self.command],
                env=dict(self.gateway.environment),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.wait_until_ready(log)
        self.restarts_s.append(time.monotonic() - started)

    def wait_until_ready(self, log: Path) -> None:
        """Return once it takes calls."""
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.gateway.url}/readyz", timeout=2):
                    return
            except OSError:
                time.sleep(0.02)
        raise AssertionError(f"never ready:\n{log.read_text()[-4000:]}")

    def kill_everything(self) -> None:
        """End every process of it at the same instant, as a power switch would."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def kill_one_worker(self, dice: random.Random) -> None:
        """End one worker only; the supervisor starts another."""
        workers = self._workers()
        if workers:
            os.kill(dice.choice(workers), signal.SIGKILL)

    def stop(self) -> int:
        """Let it drain and end."""
        if self.process is None:
            return 0
        self.process.terminate()
        return self.process.wait(60)

    def _workers(self) -> list[int]:
        """Find the worker processes: those that hold a boot's lock and are no control process."""
        if self.process is None:
            return []
        found = []
        for task in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            children = [int(child) for child in task.read_text().split()]
            found += [child for child in children if _holds_connections(child)]
        return found


def _holds_connections(pid: int) -> bool:
    """Tell a worker from the control process: only workers have callers' TCP sockets."""
    try:
        links = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return False
    return sum(link.startswith("socket:") for link in links) > CALLERS // 4 + 3


def tracer(nth_write: int) -> list[str] | None:
    """Return the command that kills any process of the server at its n-th write to a file."""
    if shutil.which("strace") is None:
        return None
    inject = f"inject=pwrite64:signal=SIGKILL:when={nth_write}"
    return ["strace", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", inject, "--"]


def bill_of(provider: str) -> list[dict[str, Any]]:
    """Return the emulated provider's own bill."""
    with urllib.request.urlopen(f"{provider}/__emulator__/bill", timeout=60) as answer:
        return list(json.load(answer)["calls"])


def serve_command(gateway: Gateway, workers: int) -> list[str]:
    """Return the command line of the server on the gateway's address."""
    port = str(urlsplit(gateway.url).port)
    return [str(OUTLAY), "serve", "--port", port, "--workers", str(workers)]
