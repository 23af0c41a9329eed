"""A gateway that takes small bodies and logs everything, and what its callers and provider saw."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bad_input.raw import Refuser
from tests.flow.running import Gateway, running_emulator, running_gateway

MAX_BODY_BYTES = 1024 * 1024


@pytest.fixture(scope="session")
def emulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running emulated provider."""
    with running_emulator(tmp_path_factory.mktemp("emulator") / "log") as url:
        yield url


@pytest.fixture(scope="session")
def gateway_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the gateway logs."""
    return tmp_path_factory.mktemp("bad_input") / "log"


@pytest.fixture(scope="session")
def gateway(emulator_url: str, gateway_log: Path) -> Iterator[Gateway]:
    """A running gateway that logs at its most talkative level."""
    settings = {
        "OUTLAY_MAX_BODY_BYTES": str(MAX_BODY_BYTES),
        "OUTLAY_LOG_LEVEL": "debug",
    }
    data_dir = gateway_log.with_name("data")
    with running_gateway(emulator_url, data_dir, gateway_log, **settings) as running:
        yield running


@pytest.fixture
def refuser(gateway: Gateway, emulator_url: str) -> Iterator[Refuser]:
    """A gateway that is expected to refuse whatever the test sends, before its provider hears."""
    made = Refuser(gateway, emulator_url)
    yield made
    made.check_provider()
