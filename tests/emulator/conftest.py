"""Fixtures of the emulator's own tests: one emulator on a free port for each test."""

from collections.abc import AsyncIterator

import pytest

from outlay.emulator.options import EmulatorOptions
from outlay.emulator.server import Emulator


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """An emulator whose ids begin with `run`."""
    async with Emulator(EmulatorOptions(run_id="run")) as running:
        yield running
