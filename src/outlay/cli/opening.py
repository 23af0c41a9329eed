"""Opens the ledger for a command, whether `outlay serve` runs on it or not."""

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from outlay.identity.master_key import MasterKey
from outlay.kernel.clock import SystemClock
from outlay.settings import Settings, load_settings
from outlay.stores.ledger.connection import Ledger, open_ledger
from outlay.stores.ledger.unlock import unlock_ledger

DataDir = Annotated[Path | None, Parameter(name="--data-dir")]
"""Directory of the ledger, the master key and locks; OUTLAY_DATA_DIR, else ./outlay-data."""


@dataclass(frozen=True, slots=True)
class OpenedLedger:
    """An open ledger with its master key, and who works on it."""

    settings: Settings
    ledger: Ledger
    master_key: MasterKey
    actor: str


@contextmanager
def opened_ledger(data_dir: Path | None = None) -> Iterator[OpenedLedger]:
    """Open the ledger that the settings name, bringing an older schema up; closed at the end.

    Raises:
        SettingsError: the settings, the ledger or the master key cannot be used.
        LedgerUnavailable: the ledger cannot be read or written now.
    """
    settings = load_settings(os.environ, data_dir=data_dir)
    ledger = open_ledger(
        settings.ledger_url,
        data_dir=settings.data_dir,
        clock=SystemClock(),
        durability=settings.durability,
    )
    try:
        if ledger.schema_revision() is None:
            from outlay.stores.ledger.upgrade import upgrade_ledger

            upgrade_ledger(ledger)
        ledger.check_schema()
        master_key = unlock_ledger(
            ledger, key=settings.master_key, key_file=settings.master_key_file
        )
        yield OpenedLedger(settings, ledger, master_key, f"cli:{getpass.getuser()}")
    finally:
        ledger.close()
