"""The fixtures of the flow tests, for agents too."""

from tests.flow.conftest import emulator_url, gateway

__all__ = ["emulator_url", "gateway"]
