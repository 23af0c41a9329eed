"""`outlay db`: back up, restore, upgrade and describe the ledger."""

import getpass
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from pysqlite3 import dbapi2 as sqlite
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn
from rich.progress import Progress as Bar

from outlay.cli.opening import DataDir
from outlay.cli.setting_tables import print_json, print_table
from outlay.cli.shown import counted
from outlay.kernel.clock import SystemClock, rfc3339
from outlay.kernel.errors import SettingsError
from outlay.processes.data_dir import claim
from outlay.settings import Settings, load_settings
from outlay.stores.ledger.backup import CopyProgress, take_backup
from outlay.stores.ledger.checks import count_rows
from outlay.stores.ledger.connection import FILE_NAME, Ledger, open_ledger
from outlay.stores.ledger.keys import KeyStore
from outlay.stores.ledger.restore import Restored, restore_backup
from outlay.stores.ledger.schema import SCHEMA_REVISION, intents, quarantine, usage_events
from outlay.stores.ledger.unlock import unlock_ledger

app = App(name="db", help="Back up, restore, upgrade and describe the ledger.")

PAGE_BYTES = 4_096


@app.command
def backup(file: Path, *, data_dir: DataDir = None) -> None:
    """Copy the ledger into a new file, with its checksum beside it. Works while `serve` runs.

    Keep `master.key` of the data directory apart: it is not in the backup, and without it the API
    keys and provider secrets of the backup are useless.

    Parameters
    ----------
    file:
        The backup to make; FILE.sha256 is written beside it.
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    settings = load_settings(os.environ, data_dir=data_dir)
    with _opened(settings) as ledger, _shown_progress() as progress:
        _refuse_postgres(ledger, "pg_dump")
        facts = take_backup(ledger, file, progress=progress)
    newest = "no calls" if facts.newest_booked_at_us is None else rfc3339(facts.newest_booked_at_us)
    print(f"{file} holds {facts.bytes:,} bytes, newest fact: {newest}")
    print(f"sha256 {facts.sha256}")


@app.command
def restore(
    file: Path,
    *,
    force: Annotated[bool, Parameter(negative="")] = False,
    data_dir: DataDir = None,
) -> None:
    """Put a backup in the ledger's place. Refused while `serve` runs.

    API keys that were revoked after the backup was made are revoked again, as far as the ledger
    that stood there knows of them.

    Parameters
    ----------
    file:
        The backup; FILE.sha256 must stand beside it.
    force:
        Replace a ledger that stands there; it is kept beside, renamed.
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    settings = load_settings(os.environ, data_dir=data_dir)
    path = _ledger_path(settings)
    with closing(claim(settings.data_dir)):
        restored = restore_backup(file, path, SystemClock(), replace=force)
        with _opened(settings) as ledger:
            _upgrade(ledger)
            revoked = _revoke_again(ledger, settings, restored)
    _print_restored(restored, revoked)


@app.command
def upgrade(*, data_dir: DataDir = None) -> None:
    """Bring the ledger's schema to this version. `serve` does it at its start, too.

    Parameters
    ----------
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    settings = load_settings(os.environ, data_dir=data_dir)
    with _opened(settings) as ledger:
        found = _upgrade(ledger)
    if found == SCHEMA_REVISION:
        print(f"The schema is {found}: nothing to do.")
    else:
        print(f"The schema is {SCHEMA_REVISION} now (it was {found or 'empty'}).")


@app.command
def info(
    *,
    format_: Annotated[Literal["table", "json"], Parameter(name="--format")] = "table",
    data_dir: DataDir = None,
) -> None:
    """Say where the ledger is, how large, and what it holds.

    Parameters
    ----------
    format_:
        table or json.
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    settings = load_settings(os.environ, data_dir=data_dir)
    with _opened(settings) as ledger:
        facts = _describe(ledger)
    if format_ == "json":
        print_json(facts)
    else:
        rows = [{"what": name, "value": value} for name, value in facts.items()]
        print_table(rows, ["what", "value"], fold="value")


@contextmanager
def _opened(settings: Settings) -> Iterator[Ledger]:
    """Open the ledger that the settings name; it must exist."""
    ledger = open_ledger(
        settings.ledger_url,
        data_dir=settings.data_dir,
        clock=SystemClock(),
        durability=settings.durability,
        create=False,
    )
    with closing(ledger):
        yield ledger


@contextmanager
def _shown_progress() -> Iterator[CopyProgress]:
    """Show a bar on the error stream, when a person looks at it."""
    columns = (TextColumn("copying"), BarColumn(), DownloadColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("copying", total=None)

        def show(copied: int, total: int) -> None:
            bar.update(task, completed=copied * PAGE_BYTES, total=total * PAGE_BYTES)

        yield show


def _upgrade(ledger: Ledger) -> str | None:
    """Run missing migrations; Alembic is loaded only here."""
    from outlay.stores.ledger.upgrade import upgrade_ledger

    return upgrade_ledger(ledger)


def _ledger_path(settings: Settings) -> Path:
    """Find where the ledger's file is to stand, whether it exists or not."""
    if settings.ledger_url is None:
        return settings.data_dir / FILE_NAME
    ledger = open_ledger(
        settings.ledger_url, data_dir=settings.data_dir, clock=SystemClock(), create=True
    )
    with closing(ledger):
        _refuse_postgres(ledger, "pg_restore")
        return ledger.path


def _refuse_postgres(ledger: Ledger, tool: str) -> None:
    if not ledger.is_sqlite:
        raise SettingsError(f"the ledger is a PostgreSQL database: use {tool} (docs/run/ledger.md)")


def _revoke_again(ledger: Ledger, settings: Settings, restored: Restored) -> list[str]:
    """Revoke the keys that the restore would have brought back to life; return their names."""
    if not restored.revived_key_ids:
        return []
    key = unlock_ledger(ledger, key=settings.master_key, key_file=settings.master_key_file)
    store = KeyStore(ledger, key)
    actor = f"cli:{getpass.getuser()}:restore"
    return [
        f"{store.revoke(key_id, actor=actor).caller.name} ({key_id})"
        for key_id in sorted(restored.revived_key_ids)
    ]


def _print_restored(restored: Restored, revoked: list[str]) -> None:
    print(f"Restored {restored.backup.path}.")
    if restored.kept is not None:
        print(f"What stood there is kept: {restored.kept}")
    for name in revoked:
        print(f"Revoked again, as it had been since the backup: {name}")
    if restored.revived_key_ids is None:
        active = counted(len(restored.backup.active_key_ids), "API key")
        print(
            f"NOTE: {active} of the backup work again from now on, also those that were revoked "
            "after it was made: nothing here tells which. See `outlay keys list`, and revoke them."
        )
    print("Calls after the backup are missing: what providers billed for them is not in here.")


def _describe(ledger: Ledger) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "ledger": ledger.url.render_as_string(hide_password=True),
        "engine": f"SQLite {sqlite.sqlite_version}" if ledger.is_sqlite else "PostgreSQL",
        "durability": ledger.durability.value,
        "schema": ledger.schema_revision() or "empty",
        "schema of this version": SCHEMA_REVISION,
    }
    if facts["schema"] == SCHEMA_REVISION:
        facts["calls"] = count_rows(ledger, intents)
        facts["ended calls"] = count_rows(ledger, usage_events)
        facts["quarantined rows"] = count_rows(ledger, quarantine)
    if ledger.is_sqlite:
        log = Path(f"{ledger.path}-wal")
        facts["file bytes"] = ledger.path.stat().st_size
        facts["write-ahead log bytes"] = log.stat().st_size if log.exists() else 0
    return facts
