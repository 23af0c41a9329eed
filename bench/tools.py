"""The tools of the bench: compiled once, started on loopback, ended by us."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NATIVE = Path(__file__).with_name("native")
LOAD_CORE = "1"
START_LIMIT_S = 60
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def build(into: Path) -> None:
    """Compile the provider, the load generator and the slow-sync shim.

    Raises:
        SystemExit: there is no C compiler.
    """
    if shutil.which("cc") is None:
        raise SystemExit("the bench needs a C compiler: apt-get install gcc")
    for name in ("upstream", "load"):
        _compile("-O2", str(NATIVE / f"{name}.c"), "-o", str(into / name))
    shim = [str(NATIVE / "slow_sync.c"), "-o", str(into / "slow_sync.so"), "-ldl"]
    _compile("-O2", "-shared", "-fPIC", *shim)


def _compile(*arguments: str) -> None:
    subprocess.run(["cc", *arguments], check=True)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str], log: Path, *, cores: str, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program pinned to `cores` while the body runs; its output goes to `log`."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            ["taskset", "-c", cores, *command],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for_port(port: int) -> None:
    """Return once something listens on a port of this machine.

    Raises:
        SystemExit: nothing ever did.
    """
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise SystemExit(f"nothing listens on {port}")


def wait_for_page(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once `url` answers 200.

    Raises:
        SystemExit: the program ended or never answered; with what it printed.
    """
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{url} never answered:\n{log.read_text()}")


def run_load(
    tools: Path,
    port: int,
    request: Path,
    *,
    connections: int,
    rate: int,
    seconds: float,
    warmup_s: float,
) -> dict[str, Any]:
    """Run the load generator once and return what it measured."""
    arguments = [str(port), str(connections), str(seconds), str(warmup_s), str(rate), str(request)]
    done = subprocess.run(
        ["taskset", "-c", LOAD_CORE, str(tools / "load"), *arguments],
        capture_output=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


def children_of(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            todo += [int(child) for child in task.read_text().split()]
    return found


def cpu_s(pids: Sequence[int]) -> float:
    """Return the processor time that processes have used."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS_PER_S


def memory_mb(pids: Sequence[int]) -> list[int]:
    """Return each process's proportional share of memory in MB."""
    return [_pss_kb(pid) // 1024 for pid in pids]


def _pss_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def sync_us(directory: Path) -> int:
    """Measure what one fdatasync of a small write costs on the disk of `directory`: the median."""
    took = []
    with (directory / "sync").open("wb", buffering=0) as file:
        for _ in range(200):
            file.write(b"x" * 4096)
            started = time.perf_counter_ns()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter_ns() - started)
    return sorted(took)[100] // 1000


def say(text: str) -> None:
    """Print a line of progress."""
    print(text, file=sys.stderr, flush=True)
