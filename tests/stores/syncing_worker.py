"""Records one call after another and says what was acknowledged; run under strace.

Run as `python syncing_worker.py DATA_DIR CALLS`. Ends with code 3 when the ledger broke.
"""

import asyncio
import os
import sys
from pathlib import Path

from outlay.kernel.clock import SystemClock
from outlay.kernel.ids import BootId
from outlay.stores.ledger import writer
from outlay.stores.ledger.connection import open_ledger
from outlay.stores.ledger.journal import SqlJournal
from tests.ledgers import make_event, make_intent


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def _die(reason: str) -> None:
    _say(f"fatal {reason}")
    os._exit(3)


async def _record(data_dir: str, calls: str) -> None:
    writer.LOW_WATER_S = 1_000  # nothing is written but calls
    clock = SystemClock()
    ledger = open_ledger(None, data_dir=Path(data_dir), clock=clock, create=False)
    journal = SqlJournal.start(ledger, BootId("boot_1"), clock, on_fatal=_die)
    for number in range(int(calls)):
        intent = make_intent(request_id=f"req_{number:04}")
        await journal.record_intent(intent)
        _say(f"sent {intent.request_id}")
        await journal.record_event(make_event(intent.request_id))
        _say(f"ended {intent.request_id}")
    await journal.close()
    ledger.close()


if __name__ == "__main__":
    asyncio.run(_record(*sys.argv[1:]))
