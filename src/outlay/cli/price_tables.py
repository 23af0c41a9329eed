"""How `outlay prices` writes: tables for people, JSON and CSV for programs; decimals are exact."""

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Literal

from rich.console import Console
from rich.table import Table

from outlay.kernel.clock import rfc3339
from outlay.pricing.book import PriceBook
from outlay.pricing.listing import PriceChange, PriceLine, models_of
from outlay.pricing.model_price import END_OF_TIME_US
from outlay.pricing.overlay import Overlay, price_usd

Format = Literal["table", "json", "csv"]
WIDE_COLUMNS = 1_000
"""How wide a table is where nobody looks at it: text in a file or a pipe must not be lost."""


def write_summary(book: PriceBook, overlays: Sequence[Overlay], format_: Format) -> None:
    """Write how many models each provider has, and the operator's own prices."""
    counts = [(one, len(models_of(book, one))) for one in book.providers]
    if format_ == "json":
        summary = {"revision": book.revision, "source": book.source, "models": dict(counts)}
        print(json.dumps({**summary, "own": [_own(one) for one in overlays]}, indent=2))
        return
    if format_ == "csv":
        _write_csv(("provider", "models"), counts)
        return
    console = open_console()
    console.print(f"price book {book.revision}: {book.source}")
    table = Table("provider", "models")
    for name, count in counts:
        table.add_row(name, str(count))
    console.print(table)
    write_overlays(overlays, console)


def _own(overlay: Overlay) -> dict[str, str | None]:
    price = None if overlay.attos is None else plain_decimal(price_usd(overlay.attos, 1_000_000))
    return {
        "id": overlay.overlay_id,
        "provider": overlay.provider,
        "model": overlay.model,
        "meter": overlay.meter,
        "tier": overlay.tier,
        "kind": overlay.kind.value,
        "usd_per_million": price,
        "percent": None if overlay.percent is None else plain_decimal(overlay.percent),
        "from": _date(overlay.from_us),
        "until": None if overlay.to_us is None else _date(overlay.to_us),
        "set_by": overlay.created_by,
    }


def write_overlays(overlays: Sequence[Overlay], console: Console) -> None:
    """Write the operator's own prices; nothing when there are none."""
    if not overlays:
        return
    table = Table(*_own(overlays[0]), title="own prices")
    for one in overlays:
        table.add_row(*(value or "" for value in _own(one).values()))
    console.print(table)


def write_lines(lines: Sequence[PriceLine], revision: str, at_us: int, format_: Format) -> None:
    """Write prices, a row for each meter; there is at least one."""
    rows = [_line_row(line) for line in lines]
    if format_ == "json":
        shown = {"revision": revision, "at": rfc3339(at_us), "prices": rows}
        print(json.dumps(shown, indent=2))
    elif format_ == "csv":
        _write_csv(rows[0], (row.values() for row in rows))
    else:
        console = open_console()
        table = Table(*rows[0], title=f"{revision} at {rfc3339(at_us)}")
        for row in rows:
            table.add_row(*row.values())
        console.print(table)


def _line_row(line: PriceLine) -> dict[str, str]:
    return {
        "provider": line.provider,
        "model": line.model,
        "tier": line.tier,
        "meter": line.meter,
        "kind": line.kind,
        "above_tokens": str(line.above_tokens),
        "usd": plain_decimal(line.price),
        "per": str(line.per),
        "from": _date(line.from_us),
        "until": _date(line.until_us),
        "source": line.source,
    }


def write_changes(changes: Sequence[PriceChange], format_: Format) -> None:
    """Write what differs between two states of the prices."""
    rows = [_change_row(change) for change in changes]
    if format_ == "json":
        print(json.dumps(rows, indent=2))
    elif format_ == "csv":
        _write_csv(_change_columns(), (row.values() for row in rows))
    elif not rows:
        print("no price differs")
    else:
        table = Table(*_change_columns(), title=f"{len(rows)} prices differ")
        for row in rows:
            table.add_row(*row.values())
        open_console().print(table)


def _change_columns() -> list[str]:
    return ["provider", "model", "tier", "meter", "kind", "above_tokens", "per", "old", "new"]


def _change_row(change: PriceChange) -> dict[str, str]:
    return {
        "provider": change.provider,
        "model": change.model,
        "tier": change.tier,
        "meter": change.meter,
        "kind": change.kind,
        "above_tokens": str(change.above_tokens),
        "per": str(change.per),
        "old": "" if change.old is None else plain_decimal(change.old),
        "new": "" if change.new is None else plain_decimal(change.new),
    }


def _write_csv(header: Iterable[object], rows: Iterable[Iterable[object]]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(header)
    writer.writerows(rows)


def open_console() -> Console:
    """Open the terminal, or something wide."""
    return Console(width=None if sys.stdout.isatty() else WIDE_COLUMNS)


def plain_decimal(number: Decimal) -> str:
    """Write a decimal without exponent and without trailing zeros."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _date(at_us: int) -> str:
    if at_us in (0, END_OF_TIME_US):
        return ""
    text = rfc3339(at_us)
    return text[:10] if text.endswith("T00:00:00.000000Z") else text
