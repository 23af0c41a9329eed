"""The schedule of the control process: what is done again and again, and how often."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from outlay.kernel.errors import OutlayError

_log = structlog.get_logger("outlay.jobs")


@dataclass(frozen=True, slots=True)
class Job:
    """Something done again and again: `run`, then a pause of `every_s` seconds."""

    name: str
    every_s: float
    run: Callable[[], Awaitable[object]]


async def repeat(job: Job, stopping: asyncio.Event) -> None:
    """Run a job until `stopping` is set; a failure is logged and the job goes on."""
    while not stopping.is_set():
        try:
            await job.run()
        except OutlayError as error:
            _log.warning("job failed, it will be tried again", job=job.name, error=str(error))
        except Exception:  # noqa: BLE001 the outermost boundary of a job
            _log.exception("job failed, it will be tried again", job=job.name)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), job.every_s)
