"""`outlay verify`: check every rule of the ledger, row by row, while `serve` runs or not."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from outlay.cli.opening import DataDir
from outlay.cli.setting_tables import print_table
from outlay.cli.shown import counted
from outlay.kernel.clock import SystemClock
from outlay.kernel.errors import SettingsError
from outlay.settings import Settings, load_settings
from outlay.stores.ledger.audit import AuditTrail
from outlay.stores.ledger.checks import Check, Progress
from outlay.stores.ledger.connection import Ledger, open_ledger
from outlay.stores.ledger.unlock import has_sealed_rows, unlock_ledger
from outlay.stores.ledger.verify import verify_ledger

MOST_SHOWN = 50
"""Findings that a table shows."""

app = App(name="verify", help="Check every rule of the ledger, row by row.")


@app.default
def verify(
    *,
    format_: Annotated[Literal["table", "json"], Parameter(name="--format")] = "table",
    data_dir: DataDir = None,
) -> None:
    """Check the whole ledger; exit code 1 when something is found. Works while `serve` runs.

    Parameters
    ----------
    format_:
        table or json.
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    settings = load_settings(os.environ, data_dir=data_dir)
    ledger = open_ledger(
        settings.ledger_url, data_dir=settings.data_dir, clock=SystemClock(), create=False
    )
    try:
        ledger.check_schema()
        audit, notes = _audit_trail(ledger, settings)
        with _shown_progress() as progress:
            checks = verify_ledger(ledger, audit=audit, progress=progress)
    finally:
        ledger.close()
    _print(checks, notes, format_)
    if any(check.failures for check in checks):
        sys.exit(1)


def _audit_trail(ledger: Ledger, settings: Settings) -> tuple[AuditTrail | None, list[str]]:
    """Find the key of the audit log's chain; a verifier may well not have it."""
    if not has_sealed_rows(ledger):
        return None, []
    try:
        key = unlock_ledger(ledger, key=settings.master_key, key_file=settings.master_key_file)
    except SettingsError as error:
        return None, [f"the audit log's chain was not checked: {error}"]
    return AuditTrail(key), []


@contextmanager
def _shown_progress() -> Iterator[Progress]:
    """Show a bar per check on the error stream, when a person looks at it."""
    columns = (TextColumn("{task.description:12}"), BarColumn(), MofNCompleteColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks = {}

        def show(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=total)
            bar.update(tasks[name], completed=done, total=total)

        yield show


def _print(checks: list[Check], notes: list[str], format_: str) -> None:
    if format_ == "json":
        print(json.dumps(_to_json(checks, notes), indent=2))
        return
    rows = [
        {"check": one.name, "rows": f"{one.rows:,}", "found": one.failures, "notes": _notes(one)}
        for one in checks
    ]
    print_table(rows, ["check", "rows", "found", "notes"], fold="notes")
    found = [finding for check in checks for finding in check.findings]
    if found:
        shown = [{"code": f.code, "row": f.source, "what": f.message} for f in found[:MOST_SHOWN]]
        print_table(shown, ["code", "row", "what"], fold="what")
    for note in notes:
        print(note)
    if len(found) > MOST_SHOWN:
        print(f"The first {MOST_SHOWN} are shown; --format json lists more.")
    failures = sum(check.failures for check in checks)
    print(f"{counted(failures, 'finding')}." if failures else "The ledger is sound.")


def _notes(check: Check) -> str:
    return "; ".join(check.notes)


def _to_json(checks: list[Check], notes: list[str]) -> dict[str, object]:
    return {
        "sound": not any(check.failures for check in checks),
        "notes": notes,
        "checks": [
            {
                "name": check.name,
                "rows": check.rows,
                "failures": check.failures,
                "notes": check.notes,
                "findings": [
                    {"code": f.code, "row": f.source, "message": f.message} for f in check.findings
                ],
            }
            for check in checks
        ],
    }
