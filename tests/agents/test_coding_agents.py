"""Claude Code and Codex finish a turn through the gateway, and their calls are attributed.

They are large (750 MB from npm), so they run by `make test-agents` only.
"""

import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.flow.running import Gateway, clean_environment
from tests.needed import require
from tools.node import environment

pytestmark = [pytest.mark.agents, pytest.mark.timeout(300)]

_PROGRAMS = Path(__file__).parent / "node" / "node_modules" / ".bin"
_TURN_LIMIT_S = 180
_CODEX_CONFIG = """\
model = "gpt-5"
model_provider = "outlay"
approval_policy = "never"
sandbox_mode = "read-only"

[model_providers.outlay]
name = "Outlay"
base_url = "{url}/v1"
env_key = "OUTLAY_KEY"
wire_api = "responses"
http_headers = {{ "X-Cost-Feature" = "{feature}" }}
"""


@pytest.fixture
def feature() -> str:
    """A feature that no other test sends: how a test finds its own events."""
    return f"coding-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home directory, so that nobody's own configuration counts."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def test_claude_code_finishes_a_turn(gateway: Gateway, feature: str, home: Path) -> None:
    finished = run_agent(
        ["claude", "-p", "Say hello.", "--model", "claude-sonnet-5"],
        home,
        {
            "ANTHROPIC_BASE_URL": gateway.url,
            "ANTHROPIC_AUTH_TOKEN": gateway.key,
            "ANTHROPIC_CUSTOM_HEADERS": f"X-Cost-Feature: {feature}",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
        },
    )

    events = gateway.calls(feature=feature)

    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert finished.stdout.strip()
    assert events
    assert all(event["wire"] == "anthropic_messages" for event in events)
    assert all(event["usage_source"] == "reported" for event in events)
    assert all(event["session"] for event in events)


def test_codex_finishes_a_turn(gateway: Gateway, feature: str, home: Path) -> None:
    settings = home / ".codex"
    settings.mkdir()
    (settings / "config.toml").write_text(_CODEX_CONFIG.format(url=gateway.url, feature=feature))

    finished = run_agent(
        ["codex", "exec", "--skip-git-repo-check", "Say hello."],
        home,
        {"OUTLAY_KEY": gateway.key, "CODEX_HOME": str(settings)},
    )

    events = gateway.calls(feature=feature)

    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert events
    assert all(event["wire"] == "openai_responses" for event in events)
    assert all(event["usage_source"] == "reported" for event in events)
    assert all(event["session"] for event in events)


def run_agent(
    command: list[str], home: Path, variables: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run an agent in an empty folder until its turn is over."""
    program, *arguments = command
    require((_PROGRAMS / program).exists(), f"{program} (make test-agents installs it)")
    folder = home / "project"
    folder.mkdir()
    path = {"PATH": environment()["PATH"], "HOME": str(home)}
    return subprocess.run(
        [_PROGRAMS / program, *arguments],
        cwd=folder,
        env=clean_environment() | path | dict(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TURN_LIMIT_S,
        check=False,
    )
