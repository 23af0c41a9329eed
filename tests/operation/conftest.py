"""Installations to operate: an emulated provider for all tests, and gateways of several shapes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.crash.server import Server, new_server
from tests.flow.running import running_emulator

NewServer = Callable[..., Server]


@pytest.fixture(scope="session")
def emulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running emulated provider."""
    with running_emulator(tmp_path_factory.mktemp("emulator") / "log") as url:
        yield url


@pytest.fixture(scope="module")
def started(emulator_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewServer]:
    """Starts gateways; each is ended after the last test of its module."""
    with ExitStack() as ending:

        def start(workers: int, **settings: str) -> Server:
            folder: Path = tmp_path_factory.mktemp("operation")
            server = new_server(emulator_url, folder, workers=workers, **settings)
            ending.callback(server.end)
            server.start()
            return server

        yield start
