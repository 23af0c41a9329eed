"""`outlay emulator`: serves until it is told to stop, and says at once what it cannot do."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from outlay.cli.emulator import app, run
from outlay.emulator.options import EmulatorOptions
from outlay.kernel.errors import SettingsError

OUTLAY = str(Path(sys.executable).with_name("outlay"))
CALL = {"model": "emu-small", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def bill_path(tmp_path: Path) -> Path:
    return tmp_path / "bill.jsonl"


@pytest.fixture
def process(bill_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [OUTLAY, "emulator", "--port", "0", "--bill", str(bill_path), "--run-id", "run"]
    command += ["--steering", "output_tokens=9", "--accept-key", "right"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        yield running
        running.kill()


def test_it_serves_as_told_and_stops_when_told(
    process: subprocess.Popen[str], bill_path: Path
) -> None:
    assert process.stdout is not None
    url = process.stdout.readline().split()[-1]
    request = urllib.request.Request(
        f"{url}/v1/chat/completions",
        json.dumps(CALL).encode(),
        {"authorization": "Bearer right", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        usage = json.load(answer)["usage"]
    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=30) == 0
    (line,) = map(json.loads, bill_path.read_text().splitlines())
    assert usage["completion_tokens"] == 9
    assert line["call_id"] == "run00000001"
    assert line["cost_usd"] == "0.0000043"  # 7 x 0.10/M + 9 x 0.40/M


def test_unknown_steering_is_refused_before_it_starts() -> None:
    with pytest.raises(SettingsError, match="falut"):
        app(["--steering", "falut=429"], exit_on_error=False, result_action="return_value")


def test_a_port_that_is_taken_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=str(port)):
            run(EmulatorOptions(port=port))
