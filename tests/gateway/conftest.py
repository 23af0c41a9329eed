"""The guard is tested on both event loops: it closes sockets in ways where they differ."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run the guard's tests once per event loop, the others on the standard one."""
    if item.path.name in {"test_guard.py", "test_guard_reading.py"}:
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}
