"""A worker that records intents without end and says which stand, until it is killed.

Run as `python dying_worker.py DATA_DIR URL BOOT_ID` (an empty URL is the SQLite file).
"""

import asyncio
import sys
from pathlib import Path

from outlay.kernel.clock import SystemClock
from outlay.kernel.ids import BootId
from outlay.stores.ledger.connection import open_ledger
from outlay.stores.ledger.journal import SqlJournal
from tests.ledgers import make_event, make_intent


async def _record_until_killed(data_dir: str, url: str, boot_id: str) -> None:
    clock = SystemClock()
    ledger = open_ledger(url or None, data_dir=Path(data_dir), clock=clock, create=False)
    journal = SqlJournal.start(ledger, BootId(boot_id), clock, on_fatal=_say)

    async def calls() -> None:
        while True:
            intent = make_intent(
                boot_id, request_id=f"req_{boot_id}_{id(object())}_{clock.now_us()}"
            )
            await journal.record_intent(intent)
            _say(f"sent {intent.request_id}")
            await journal.record_event(make_event(intent.request_id))
            _say(f"ended {intent.request_id}")

    await asyncio.gather(*[calls() for _ in range(8)])


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_record_until_killed(*sys.argv[1:]))
