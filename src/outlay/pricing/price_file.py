"""Reads a file of the operator's own prices: TOML, JSON or CSV, exact decimals, all errors at once.

A row has `provider`, `model`, `meter`, and either `price` (USD, with `per`: 1M, 1k or 1) or
`percent` (with `kind = "discount"`); optional are `kind` (list, contract, discount), `tier`,
`from` and `until` (dates in UTC, or instants).
"""

import csv
import json
import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from io import StringIO
from typing import Any

from outlay.kernel.clock import parse_instant, to_us
from outlay.kernel.unit_price import attos_per_unit
from outlay.pricing.entry import STANDARD
from outlay.pricing.listing import units_per
from outlay.pricing.overlay import Overlay, OverlayKind, check

MAX_ROWS = 10_000
_PER = {"1m": 1_000_000, "1k": 1_000, "1": 1}
_FIELDS = frozenset(
    ["provider", "model", "meter", "price", "per", "percent", "kind", "tier", "from", "until"]
)


def parse_prices(name: str, text: str) -> list[Overlay]:
    """Read a file of prices.

    Args:
        name: the file's name; its ending says how it is written.
        text: what is in it.

    Raises:
        ValueError: everything that is wrong, a line each, with the number of its row.
    """
    rows = _rows(name, text)
    if len(rows) > MAX_ROWS:
        raise ValueError(f"{len(rows)} rows are too many: at most {MAX_ROWS} at once")
    overlays, faults = [], []
    for number, row in enumerate(rows, start=1):
        try:
            overlays.append(parse_price(row))
        except ValueError as error:
            faults.append(f"row {number}: {error}")
    if faults:
        raise ValueError("\n".join(faults))
    return overlays


def parse_price(row: Mapping[str, Any]) -> Overlay:
    """Read one price from its fields.

    Raises:
        ValueError: what is wrong with it.
    """
    unknown = sorted(set(row) - _FIELDS)
    if unknown:
        raise ValueError(f"unknown field {unknown[0]!r}: there are {', '.join(sorted(_FIELDS))}")
    fields = {key: str(value).strip() for key, value in row.items() if value not in (None, "")}
    percent = fields.get("percent")
    kind = fields.get("kind") or ("discount" if percent else "list")
    if kind not in set(OverlayKind):
        raise ValueError(f"{kind!r} is no kind: write list, contract or discount")
    meter = fields.get("meter", "*" if kind == OverlayKind.DISCOUNT else "")
    until = fields.get("until")
    return check(
        Overlay(
            overlay_id="",
            provider=fields.get("provider", ""),
            model=fields.get("model", ""),
            meter=meter,
            kind=OverlayKind(kind),
            attos=_attos(fields, meter) if "price" in fields else None,
            percent=None if percent is None else _decimal(percent),
            tier=fields.get("tier", "*" if kind == OverlayKind.DISCOUNT else STANDARD),
            from_us=parse_start_us(fields.get("from", "1970-01-01")),
            to_us=None if until is None else parse_start_us(until),
        )
    )


def parse_start_us(text: str) -> int:
    """Read a date (its midnight in UTC) or an instant with an offset, as microseconds.

    Raises:
        ValueError: it is neither.
    """
    if len(text) == len("2026-11-20"):
        return to_us(datetime.combine(date.fromisoformat(text), time.min, UTC))
    return to_us(parse_instant(text))


def parse_per(text: str) -> int:
    """Read how many units a price is for: `1M`, `1k` or `1`.

    Raises:
        ValueError: it is none of these.
    """
    units = _PER.get(text.strip().lower())
    if units is None:
        raise ValueError(f"{text!r} is no number of units: write 1M, 1k or 1")
    return units


def _attos(fields: Mapping[str, str], meter: str) -> int:
    units = parse_per(fields["per"]) if "per" in fields else units_per(meter)
    return attos_per_unit(_decimal(fields["price"]), units)


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text[:40]!r} is not a decimal number") from error
    if not number.is_finite():
        raise ValueError(f"{text[:40]!r} is not a decimal number")
    return number


def _rows(name: str, text: str) -> list[Mapping[str, Any]]:
    ending = name.rpartition(".")[2].lower()
    try:
        if ending == "toml":
            found: Any = tomllib.loads(text, parse_float=Decimal).get("price")
        elif ending == "json":
            found = json.loads(text, parse_float=Decimal)
            found = found.get("prices") if isinstance(found, dict) else found
        elif ending == "csv":
            found = list(csv.DictReader(StringIO(text)))
        else:
            raise ValueError(f"{name!r} must end in .toml, .json or .csv")
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{name} cannot be read: {error}") from error
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise ValueError(
            f'{name} has no prices: TOML has [[price]] tables, JSON {{"prices": [{{…}}]}}'
        )
    return found
