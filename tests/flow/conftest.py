"""Fixtures of the flow tests: one emulated provider and one gateway, shared by a worker's tests."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow.running import Gateway, running_emulator, running_gateway


@pytest.fixture(scope="session")
def emulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running emulated provider."""
    with running_emulator(tmp_path_factory.mktemp("emulator") / "log") as url:
        yield url


@pytest.fixture(scope="session")
def gateway(emulator_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A running gateway in front of the emulated provider, with one key."""
    folder: Path = tmp_path_factory.mktemp("gateway")
    with running_gateway(emulator_url, folder / "data", folder / "log") as running:
        yield running


@pytest.fixture
def user() -> str:
    """An opaque user id that no other test sends: how a test finds its own events."""
    return f"usr_{uuid.uuid4().hex[:8]}"
