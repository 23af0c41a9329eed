"""Waiting for what the emulator notices by itself, such as a caller who left."""

import asyncio
from collections.abc import Callable

_LIMIT_S = 20


async def until(is_so: Callable[[], object]) -> None:
    """Let others run until it is so.

    Raises:
        TimeoutError: it never was.
    """
    async with asyncio.timeout(_LIMIT_S):
        while not is_so():  # noqa: ASYNC110 - what is awaited has no event of its own
            await asyncio.sleep(0)
