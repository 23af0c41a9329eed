"""The demo keeps to itself: nothing of the environment's own configuration is used or touched."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.flow.running import OUTLAY, free_port

OWN_CONFIGURATION = {
    # Nobody listens there: the demo would fail if it used this database.
    "OUTLAY_LEDGER_URL": "postgresql://outlay:secret@127.0.0.1:9/production",
    "GROQ_API_KEY": "gsk_of_somebody",
}
LIMIT_S = 120


@contextmanager
def running_demo(data_dir: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """Run a demo without history and live calls, configured as if for somebody's own use."""
    options = ["--calls", "0", "--calls-per-second", "0", "--port", str(port)]
    with subprocess.Popen(
        [OUTLAY, "demo", "--data-dir", data_dir, *options],
        env=os.environ | OWN_CONFIGURATION,
        cwd=data_dir.parent,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def test_a_demo_uses_no_ledger_and_no_provider_of_somebodys_own(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("sk-house-0123456789")
    house = [
        "[providers.house]",
        'base_url = "http://127.0.0.1:9"',
        f'api_key_file = "{tmp_path}/secret"',
    ]
    (tmp_path / "outlay.toml").write_text("\n".join(house))
    said = []
    with running_demo(tmp_path / "demo", free_port()) as process:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if "SDK takes base_url" in line:
                break
    assert "sk-outlay-" in "".join(said)
    (providers,) = [line for line in said if "providers with a key" in line]
    assert "anthropic" in providers
    assert "groq" not in providers
    assert "house" not in providers


def test_a_demo_does_not_take_another_server_for_its_gateway(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        running_demo(tmp_path / "demo", other.getsockname()[1]) as process,
    ):
        _out, said = process.communicate(timeout=LIMIT_S)
    assert "cannot be listened on" in said
    assert process.returncode
