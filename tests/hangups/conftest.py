"""A gateway whose drain is short, in front of an emulated provider of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow.running import Gateway, running_emulator, running_gateway

DRAIN_S = 3


@pytest.fixture(scope="session")
def emulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running emulated provider."""
    with running_emulator(tmp_path_factory.mktemp("emulator") / "log") as url:
        yield url


@pytest.fixture(scope="session")
def gateway(emulator_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A running gateway that reads on for `DRAIN_S` after its caller has left."""
    folder: Path = tmp_path_factory.mktemp("hangups")
    settings = {"OUTLAY_HANG_UP_DRAIN_S": str(DRAIN_S)}
    with running_gateway(emulator_url, folder / "data", folder / "log", **settings) as running:
        yield running
