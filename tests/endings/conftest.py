"""A gateway with short limits, so that every ending comes within a second or two."""

import uuid
from collections.abc import Iterator

import pytest

from tests.flow.running import Gateway, running_emulator, running_gateway

LIMITS = {
    "OUTLAY_FIRST_BYTE_TIMEOUT_S": "2",
    "OUTLAY_IDLE_TIMEOUT_S": "1",
    "OUTLAY_TOTAL_TIMEOUT_S": "4",
    "OUTLAY_HANG_UP_DRAIN_S": "1",
    # Nobody listens on the discard port: a provider that cannot be reached.
    "OUTLAY_DEAD_BASE_URL": "http://127.0.0.1:9",
    "OUTLAY_DEAD_API_KEY": "sk-dead",
}


@pytest.fixture(scope="session")
def emulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running emulated provider."""
    with running_emulator(tmp_path_factory.mktemp("emulator") / "log") as url:
        yield url


@pytest.fixture(scope="session")
def gateway(emulator_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A running gateway with short limits in front of the emulated provider."""
    folder = tmp_path_factory.mktemp("endings")
    with running_gateway(emulator_url, folder / "data", folder / "log", **LIMITS) as running:
        yield running


@pytest.fixture
def user() -> str:
    """An opaque user id that no other test sends: how a test finds its own event."""
    return f"usr_{uuid.uuid4().hex[:8]}"
