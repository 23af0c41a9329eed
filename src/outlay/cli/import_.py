"""`outlay import`: bring in calls that did not pass through the gateway.

Works on the ledger itself, whether `outlay serve` runs or not.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from outlay.cli.opening import DataDir, OpenedLedger, opened_ledger
from outlay.cli.price_tables import open_console
from outlay.cli.shown import counted
from outlay.identity.credential_shapes import mask
from outlay.intake.call_file import Format
from outlay.intake.import_calls import BadRow, CallSource, Desk, Progress, import_calls
from outlay.kernel.clock import rfc3339
from outlay.kernel.errors import Category, OutlayError
from outlay.kernel.money import usd_text
from outlay.ledger.imports import Import
from outlay.stores.ledger.imports import LedgerImports

app = App(name="import", help="Bring in calls that did not pass through the gateway.")

Output = Annotated[Literal["table", "json"], Parameter(name="--format")]


class FileUnreadable(OutlayError):
    """A file that was named cannot be read or written."""

    code = "import.file_unreadable"
    category = Category.INVALID

    def __init__(self, path: Path, error: OSError) -> None:
        """Name the file and the reason."""
        super().__init__(f"{path}: {error.strerror or error}")


@app.command
def calls(
    file: Annotated[Path, Parameter(allow_leading_hyphen=True)],
    *,
    as_: Annotated[Format | None, Parameter(name="--as")] = None,
    skip_bad: Annotated[bool, Parameter(negative="")] = False,
    rejects: Path | None = None,
    format_: Output = "table",
    data_dir: DataDir = None,
) -> None:
    """Import calls from JSON lines or CSV; all of them count at once, or none.

    The same file twice records nothing twice. An import that was interrupted goes on when the
    command is run again.

    Parameters
    ----------
    file:
        The file; `-` reads standard input.
    as_:
        jsonl or csv; by default what the file's name ends in, else jsonl.
    skip_bad:
        Import the good rows of a file with bad ones, and write the bad lines to a file.
    rejects:
        Where bad lines are written with --skip-bad; by default beside the file.
    format_:
        How the summary is written: table or json.
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    file_format = as_ or (Format.CSV if file.suffix.lower() == ".csv" else Format.JSONL)
    rejected = Rejects(_rejects_path(file, rejects) if skip_bad else None)
    with (
        _readable(file) as content,
        opened_ledger(data_dir) as opened,
        rejected.writing(content, file_format),
        _bar() as bar,
    ):
        desk = _desk(opened, rejected, bar, skip_bad=skip_bad)
        source = CallSource(_name(file), content, file_format)
        try:
            published = import_calls(source, desk)
        except KeyboardInterrupt:
            bar.console.print("interrupted: nothing counts yet; run the command again to go on")
            sys.exit(130)
    _print_summary(published, rejected, format_)


@app.command(name="list")
def list_(*, format_: Output = "table", data_dir: DataDir = None) -> None:
    """List the imports, finished or not.

    Parameters
    ----------
    format_:
        table or json.
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    with opened_ledger(data_dir) as opened:
        found = LedgerImports(opened.ledger).list_imports()
    if format_ == "json":
        print(json.dumps([_to_json(one) for one in found], indent=2))
        return
    table = Table("import", "file", "begun", "recorded", "spend (USD)", "state", box=None)
    for one in found:
        state = "unfinished" if one.published_at_us is None else "finished"
        begun = rfc3339(one.started_at_us)[:19] + "Z"
        spend = usd_text(one.spend_nanos)
        table.add_row(one.import_id, one.source, begun, f"{one.recorded:,}", spend, state)
    open_console().print(table)


@app.command
def discard(import_id: str, *, data_dir: DataDir = None) -> None:
    """Remove an unfinished import with its calls, which never counted.

    Parameters
    ----------
    import_id:
        Its id (imp_…), as `outlay import list` shows it.
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    with opened_ledger(data_dir) as opened:
        discarded = LedgerImports(opened.ledger).discard(import_id)
    print(f"discarded {import_id} with {counted(discarded, 'call')} that never counted")


@dataclass(slots=True)
class Rejects:
    """Tells of bad rows as they are found, and keeps their lines for a second try.

    `path` is None when bad rows are not skipped: then they are only told.
    """

    path: Path | None
    count: int = 0
    _file: BinaryIO | None = field(default=None, init=False)
    _header: bytes = field(default=b"", init=False)
    _stderr: Console = field(default_factory=lambda: Console(stderr=True), init=False)

    @contextmanager
    def writing(self, content: BinaryIO, file_format: Format) -> Iterator[None]:
        """Be ready for bad rows during a block; a CSV's field names head its rejects too."""
        if file_format is Format.CSV:
            self._header = content.readline()
        try:
            yield
        finally:
            if self._file is not None:
                self._file.close()

    def add(self, row: BadRow) -> None:
        """Tell of a bad row and keep its line."""
        self.count += 1
        for problem in row.problems:
            where = f"line {row.line}: {problem.field}".removesuffix(": ")
            message = mask(f"{where}: {problem.message}")
            self._stderr.print(message, markup=False, highlight=False, soft_wrap=True)
        if self.path is not None:
            self._keep(row.raw, self.path)

    def _keep(self, raw: bytes, path: Path) -> None:
        try:
            if self._file is None:
                self._file = path.open("wb")
                self._file.write(self._header)
            self._file.write(raw.rstrip(b"\r\n") + b"\n")
        except OSError as error:
            raise FileUnreadable(path, error) from error


def _name(file: Path) -> str:
    return "standard input" if str(file) == "-" else file.name


def _rejects_path(file: Path, rejects: Path | None) -> Path:
    if rejects is not None:
        return rejects
    if str(file) == "-":
        return Path("import.rejects")
    return file.with_name(f"{file.stem}.rejects{file.suffix}")


@contextmanager
def _readable(file: Path) -> Iterator[BinaryIO]:
    """Open the file so that it can be read twice; standard input is copied to disk first."""
    if str(file) != "-":
        try:
            content = file.open("rb")
        except OSError as error:
            raise FileUnreadable(file, error) from error
        with content:
            yield content
        return
    with tempfile.TemporaryFile() as copy:
        while piece := sys.stdin.buffer.read(1 << 20):
            copy.write(piece)
        copy.seek(0)
        yield copy


def _bar() -> Bar:
    console = Console(stderr=True)
    columns = (
        TextColumn("importing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("rows, {task.speed:,.0f} a second" if console.is_terminal else ""),
        TimeRemainingColumn(),
    )
    return Bar(*columns, console=console, transient=True, disable=not console.is_terminal)


def _desk(opened: OpenedLedger, rejected: Rejects, bar: Bar, *, skip_bad: bool) -> Desk:
    from outlay.attribution.values import Rules
    from outlay.identity.hashes import KeyedHashes
    from outlay.intake.call_facts import pricer
    from outlay.intake.call_row import RowRules
    from outlay.stores.ledger.prices import ensure_seeded, load_book

    ledger = opened.ledger
    ensure_seeded(ledger, ledger.clock)
    price = pricer(
        load_book(ledger), _price_providers(opened), price_at_us=opened.settings.price_at_us
    )
    values = Rules(KeyedHashes(opened.master_key).of_value)
    task = bar.add_task("rows", total=None)

    def show(progress: Progress) -> None:
        bar.update(task, completed=progress.line, total=progress.lines)

    return Desk(
        store=LedgerImports(ledger),
        rules=RowRules(values, ledger.clock.now_us()),
        price=price,
        on_bad=rejected.add,
        on_progress=show,
        skip_bad=skip_bad,
    )


def _price_providers(opened: OpenedLedger) -> dict[str, str]:
    """Say whose prices each provider has: the known ones, and those that are configured."""
    from outlay.routing.known_providers import KNOWN_PROVIDERS
    from outlay.routing.provider_entry import build_providers
    from outlay.stores.ledger.providers import ProviderStore

    stored, _ = ProviderStore(opened.ledger, opened.master_key).load_entries()
    built = build_providers(stored, opened.settings.provider_entries).providers
    known = {name: one.price_provider for name, one in KNOWN_PROVIDERS.items()}
    return known | {one.name: one.price_provider for one in built}


def _print_summary(published: Import, rejected: Rejects, format_: str) -> None:
    if format_ == "json":
        print(json.dumps(_to_json(published), indent=2))
        return
    recorded = counted(published.recorded, "call")
    unpriced = counted(published.unpriced, "unpriced call")
    print(
        f"imported {recorded} from {published.source}: {usd_text(published.spend_nanos)} USD"
        + (f" + {unpriced}" if published.unpriced else "")
    )
    if published.already_there:
        print(f"already there: {counted(published.already_there, 'call')}")
    if published.skipped:
        skipped = counted(published.skipped, "bad row")
        print(f"skipped: {skipped}, whose lines are in {rejected.path}")


def _to_json(one: Import) -> dict[str, Any]:
    published_at_us = one.published_at_us
    return {
        "import_id": one.import_id,
        "source": one.source,
        "sha256": one.sha256,
        "begun_at": rfc3339(one.started_at_us),
        "finished_at": None if published_at_us is None else rfc3339(published_at_us),
        "recorded": one.recorded,
        "already_there": one.already_there,
        "skipped": one.skipped,
        "unpriced": one.unpriced,
        "spend_usd": usd_text(one.spend_nanos),
    }
