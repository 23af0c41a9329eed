"""`outlay prices`: show the price book, set and import own prices, compare two states of it.

Works on the ledger itself, whether `outlay serve` runs or not; it takes a change over within a
second.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from msgspec.structs import replace

from outlay.cli.opening import DataDir, opened_ledger
from outlay.cli.price_tables import (
    Format,
    open_console,
    plain_decimal,
    write_changes,
    write_lines,
    write_overlays,
    write_summary,
)
from outlay.kernel.clock import rfc3339
from outlay.kernel.errors import Category, OutlayError
from outlay.pricing.book import PriceBook
from outlay.pricing.listing import PriceLine, changes_between, lines_of, models_of
from outlay.pricing.overlay import Overlay, is_jump, price_usd
from outlay.pricing.price_file import parse_price, parse_prices, parse_start_us
from outlay.stores.ledger.prices import PriceStore, ensure_seeded, load_book

app = App(name="prices", help="Show, set, import and compare the prices that calls cost.")


class PriceRefused(OutlayError):
    """A price that cannot be set as it was given; the text says what to write instead."""

    code = "price.invalid"
    category = Category.INVALID


@dataclass(frozen=True, slots=True)
class _Opened:
    """The ledger's prices, and the instant that prices are looked at by default."""

    store: PriceStore
    book: PriceBook
    now_us: int
    actor: str


@app.command
def show(
    model: str | None = None,
    *,
    provider: str | None = None,
    at: str | None = None,
    format_: Annotated[Format, Parameter(name="--format")] = "table",
    data_dir: DataDir = None,
) -> None:
    """Show what models cost, with units, dates and source.

    Parameters
    ----------
    model:
        A model by any of its names; without it, every model of the provider, or a summary.
    provider:
        Only this provider's prices (openai, anthropic, google, groq, …).
    at:
        The date (UTC) or instant to show prices of; now, or OUTLAY_PRICE_DATE.
    format_:
        table, json or csv.
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    with _opened(data_dir) as opened:
        at_us = opened.now_us if at is None else _read_instant(at)
        if model is None and provider is None:
            write_summary(opened.book, opened.store.list_overlays(), format_)
            return
        lines = _find_lines(opened.book, model, provider, at_us)
        if not lines:
            wanted = model or provider
            raise PriceRefused(
                f"nothing is known to have a price by {wanted!r}: `outlay prices show` lists the "
                "providers, `outlay prices set` gives a model of yours a price"
            )
        write_lines(lines, opened.book.revision, at_us, format_)


@app.command(name="set")
def set_(
    provider: str,
    model: str,
    meter: str,
    price: str,
    *,
    per: str | None = None,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    until: str | None = None,
    tier: str | None = None,
    contract: bool = False,
    discount: bool = False,
    yes: bool = False,
    data_dir: DataDir = None,
) -> None:
    """Set a price of your own: a list price of your own model, a contract price or a discount.

    Parameters
    ----------
    provider:
        Whose model it is (openai, anthropic, google, or a provider of yours).
    model:
        A model name, or a prefix that ends in `*`.
    meter:
        What is priced (input, output, cache_read, web_search, …); `*` for a discount on all.
    price:
        USD as a decimal number; with --discount the percentage off the list price.
    per:
        Units that the price is for: 1M (tokens), 1k (fees) or 1.
    from_:
        The date (UTC) or instant it counts from; now, when not given.
    until:
        The date or instant it no longer counts at.
    tier:
        The service tier it is for (standard; a discount: every tier).
    contract:
        It is a negotiated price: the list price stays known beside it.
    discount:
        It is a percentage off the list price.
    yes:
        Do not ask when it is ten times above or below the present price.
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    kind = "discount" if discount else "contract" if contract else "list"
    row = {
        "provider": provider,
        "model": model,
        "meter": meter,
        "kind": kind,
        "percent" if discount else "price": price,
        "per": per,
        "tier": tier,
        "from": from_,
        "until": until,
    }
    if contract and discount:
        raise PriceRefused("a price is either --contract or --discount")
    with _opened(data_dir) as opened:
        row["from"] = from_ or rfc3339(opened.now_us)
        overlay = _parsed(row)
        _confirm_jumps([overlay], opened.book, opened.now_us, yes=yes)
        recorded = opened.store.add_overlays([overlay], actor=opened.actor)
        write_overlays(recorded, open_console())


@app.command(name="import")
def import_(file: Path, *, yes: bool = False, data_dir: DataDir = None) -> None:
    """Import own prices from a TOML, JSON or CSV file; prints what would change before it asks.

    Parameters
    ----------
    file:
        Rows with provider, model, meter, price, per, kind, percent, tier, from, until.
    yes:
        Record them without asking.
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    try:
        overlays = parse_prices(file.name, file.read_text())
    except OSError as error:
        raise PriceRefused(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise PriceRefused(f"nothing was imported from {file}\n{error}") from error
    with _opened(data_dir) as opened:
        fresh = _without_standing(overlays, opened.book.overlays)
        proposed = opened.book.with_overlays([*opened.book.overlays, *fresh], 0)
        at_us = max([opened.now_us, *(one.from_us for one in fresh)])
        changes = changes_between(opened.book, proposed, old_at_us=at_us, new_at_us=at_us)
        print(f"{len(fresh)} prices to record, {len(overlays) - len(fresh)} stand already")
        write_changes(changes, "table")
        if not fresh:
            return
        _confirm_jumps(fresh, opened.book, opened.now_us, yes=yes)
        if not yes:
            _ask(f"Record these {len(fresh)} prices?")
        print(f"recorded {len(opened.store.add_overlays(fresh, actor=opened.actor))} prices")


@app.command
def remove(price_id: str, *, data_dir: DataDir = None) -> None:
    """Take one of your own prices back; give it an end with `set --until` to keep its past.

    Parameters
    ----------
    price_id:
        Its id (ovl_…), as `outlay prices show` lists it.
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    with _opened(data_dir) as opened:
        opened.store.withdraw(price_id, actor=opened.actor)
        print(f"removed {price_id}")


@app.command
def diff(
    old: str,
    new: str = "now",
    *,
    format_: Annotated[Format, Parameter(name="--format")] = "table",
    data_dir: DataDir = None,
) -> None:
    """Compare two states of the prices: a date, a stored revision, a file of prices, or `now`.

    Parameters
    ----------
    old:
        The state before.
    new:
        The state after.
    format_:
        table, json or csv.
    data_dir:
        Directory of the ledger (./outlay-data).
    """
    with _opened(data_dir) as opened:
        before, before_us = _state(old, opened)
        after, after_us = _state(new, opened)
        changes = changes_between(before, after, old_at_us=before_us, new_at_us=after_us)
        write_changes(changes, format_)


@contextmanager
def _opened(data_dir: Path | None) -> Iterator[_Opened]:
    """Open the ledger of the settings; one without prices gets the bundled ones, as by `serve`."""
    with opened_ledger(data_dir) as opened:
        ledger = opened.ledger
        ensure_seeded(ledger, ledger.clock)
        now_us = opened.settings.price_at_us or ledger.clock.now_us()
        store = PriceStore(ledger, opened.master_key)
        yield _Opened(store, load_book(ledger), now_us, opened.actor)


def _find_lines(
    book: PriceBook, model: str | None, provider: str | None, at_us: int
) -> list[PriceLine]:
    lines: list[PriceLine] = []
    for one in book.providers if provider is None else (provider,):
        names = models_of(book, one) if model is None else [model]
        for name in names:
            lines += lines_of(book, one, name, at_us=at_us)
    return lines


def _state(text: str, opened: _Opened) -> tuple[PriceBook, int]:
    if text == "now":
        return opened.book, opened.now_us
    if text.startswith("pbk_"):
        if text == opened.book.revision:
            return opened.book, opened.now_us
        return opened.store.get_book(text), opened.now_us
    if Path(text).is_file():
        path = Path(text)
        try:
            overlays = parse_prices(path.name, path.read_text())
        except ValueError as error:
            raise PriceRefused(f"{path}: {error}") from error
        return opened.book.with_overlays([*opened.book.overlays, *overlays], 0), opened.now_us
    return opened.book, _read_instant(text)


def _read_instant(text: str) -> int:
    try:
        return parse_start_us(text)
    except ValueError as error:
        raise PriceRefused(
            f"{text!r} is no date, no instant and no revision: write 2026-11-20 or "
            "2026-11-20T12:00:00Z"
        ) from error


def _parsed(row: dict[str, str | None]) -> Overlay:
    try:
        return parse_price(row)
    except ValueError as error:
        raise PriceRefused(str(error)) from error


def _without_standing(overlays: Iterable[Overlay], standing: Sequence[Overlay]) -> list[Overlay]:
    """Leave out prices that stand already, so that a file can be imported twice."""
    known = {replace(one, overlay_id="", created_by="") for one in standing}
    return [one for one in overlays if replace(one, overlay_id="", created_by="") not in known]


def _confirm_jumps(overlays: Iterable[Overlay], book: PriceBook, now_us: int, *, yes: bool) -> None:
    """Ask about each price that is ten times above or below the present one."""
    for one in overlays:
        present = _present(one, book, max(now_us, one.from_us))
        if yes or one.attos is None or not is_jump(one.attos, present):
            continue
        was = "-" if present is None else plain_decimal(price_usd(present, 1_000_000))
        new = plain_decimal(price_usd(one.attos, 1_000_000))
        _ask(
            f"{one.provider} {one.model} {one.meter}: {new} USD per million units, and it is "
            f"{was} now. Is that right?"
        )


def _present(overlay: Overlay, book: PriceBook, at_us: int) -> int | None:
    found = book.find_price(overlay.provider, overlay.model, at_us=at_us, service_tier=overlay.tier)
    return found.listed[0].get(overlay.meter)


def _ask(question: str) -> None:
    if not sys.stdin.isatty():
        raise PriceRefused(f"{question} Nothing was recorded: confirm it with --yes")
    if input(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise PriceRefused("nothing was recorded")
