"""Starts the real programs of a flow: an emulated provider and a gateway in front of it."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OUTLAY = Path(sys.executable).with_name("outlay")
_START_LIMIT_S = 60
_STOP_LIMIT_S = 30
_POLL_S = 0.05
_FOREIGN_VARIABLES = (
    "OUTLAY_",
    "OPENAI_",
    "ANTHROPIC_",
    "GEMINI_",
    "GOOGLE_",
    "BUN_",
    "CLAUDE",
    "CODEX_",
)


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that answers, the key to use on it, and the way to its ledger."""

    url: str
    key: str
    data_dir: Path
    environment: Mapping[str, str] = field(repr=False)

    def calls(self, **wanted: object) -> list[dict[str, Any]]:
        """Return every recorded event, oldest first, whose fields have the wanted values."""
        printed = self.outlay("calls", "--format", "jsonl")
        events = [json.loads(line) for line in printed.splitlines()]
        return [event for event in events if all(event[k] == v for k, v in wanted.items())]

    def call(self, **wanted: object) -> dict[str, Any]:
        """Return the one recorded event whose fields have the wanted values."""
        (event,) = self.calls(**wanted)
        return event

    def outlay(self, *arguments: str) -> str:
        """Run a command of ours on this gateway's data and return what it printed."""
        return _run(arguments, self.environment)


@contextmanager
def running_emulator(log: Path, *options: str) -> Iterator[str]:
    """Run an emulated provider (all wires) and give its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ["emulator", "--port", str(port), *options]
    with _running(command, clean_environment(), log, f"{url}/__emulator__/state"):
        yield url


@contextmanager
def running_gateway(
    provider_url: str, data_dir: Path, log: Path, **settings: str
) -> Iterator[Gateway]:
    """Run a gateway whose three providers are all the one at `provider_url`."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = gateway_environment(provider_url, data_dir) | settings
    command = ["serve", "--host", "127.0.0.1", "--port", str(port), "--data-dir", str(data_dir)]
    with _running(command, environment, log, f"{url}/readyz"):
        yield Gateway(url, create_key(environment), data_dir, environment)


def gateway_environment(provider_url: str, data_dir: Path) -> dict[str, str]:
    """Return the environment of a gateway whose three providers are the one at `provider_url`."""
    return clean_environment() | {
        "OUTLAY_DATA_DIR": str(data_dir),
        "OUTLAY_OPENAI_BASE_URL": f"{provider_url}/v1",
        "OUTLAY_OPENAI_API_KEY": "sk-emulated-openai",
        "OUTLAY_ANTHROPIC_BASE_URL": provider_url,
        "OUTLAY_ANTHROPIC_API_KEY": "sk-emulated-anthropic",
        "OUTLAY_GEMINI_BASE_URL": provider_url,
        "OUTLAY_GEMINI_API_KEY": "sk-emulated-gemini",
    }


def create_key(environment: Mapping[str, str], *options: str, name: str = "flow") -> str:
    """Make a key for an application and return it."""
    command = ["keys", "create", "--name", name, "--format", "json", *options]
    return str(json.loads(_run(command, environment))["key"])


def clean_environment() -> dict[str, str]:
    """Return this process's environment without anything that configures us or an SDK."""
    return {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN_VARIABLES)}


@contextmanager
def _running(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path, ready_url: str
) -> Iterator[None]:
    """Run one of our servers while the body runs; its output goes to `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [OUTLAY, *arguments], env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_ready(process, ready_url, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Return once `url` answers 200.

    Raises:
        RuntimeError: the process ended, or the limit passed; with what it printed.
    """
    deadline = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        if _answers(url):
            return
        time.sleep(_POLL_S)
    raise RuntimeError(f"{url} never answered (exit {process.poll()}):\n{log.read_text()}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _run(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run one of our commands to its end.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    done = subprocess.run(
        [OUTLAY, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"outlay {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
