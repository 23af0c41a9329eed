"""A gateway that is told to stop does so without a word of trouble."""

import json
from pathlib import Path

from tests.flow.running import running_gateway


def test_a_stop_logs_no_error(emulator_url: str, tmp_path: Path) -> None:
    """Somebody reads these lines at night: one that means nothing hides the one that does."""
    log = tmp_path / "log"

    with running_gateway(emulator_url, tmp_path / "data", log):
        pass

    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    assert [line for line in lines if line["level"] in {"warning", "error", "critical"}] == []
