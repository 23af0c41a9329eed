"""Calls one by one: what is recorded of each, in recorded order, page by page.

`call_fields` is the one list of what a call shows to programs (`outlay calls --format jsonl`); an
export of it can be imported again.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, func, or_, select

from outlay.attribution.dimensions import Dimension
from outlay.kernel.clock import rfc3339
from outlay.kernel.money import usd_text
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.present_calls import (
    all_calls,
    ended_calls,
    is_corrected,
    is_published,
    present,
    present_ending,
    present_status,
)
from outlay.stores.ledger.rows import usage_from_text
from outlay.stores.ledger.schema import intents, usage_events

PAGE_ROWS = 1_000
"""Calls read in one short transaction."""

OPEN = "open"
"""What stands for the ending of a call that has none yet."""

_NOT_OF_INTENT = ("seq", "service_tier", "booked_at_us")
_OF_EVENT = (
    *("seq", "finished_at_us", "cut_reason", "model_returned", "finish_reason", "first_byte_us"),
    *("latency_us", "likely_cost_nanos", "findings"),
)
_USAGE_AND_COST = (
    *("usage", "usage_source", "input_tokens", "output_tokens", "cost_nanos", "cost_basis"),
    *("list_token_cost_nanos", "contract_cost_nanos", "stated_cost_nanos", "tool_cost_nanos"),
    *("price_revision", "unpriced"),
)


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls to read; everything that is None, empty or false lets all through.

    `since_us` is included, `until_us` is not; both mean the admission instant. `model` is compared
    with the model requested, served and returned.
    """

    since_us: int | None = None
    until_us: int | None = None
    request_id: str | None = None
    dimensions: Mapping[Dimension, str] = field(default_factory=dict)
    provider: str | None = None
    model: str | None = None
    status: int | None = None
    ending: str | None = None
    is_unpriced: bool = False


def read_calls(ledger: Ledger, wanted: CallFilter, *, after_seq: int = 0) -> Iterator[RowMapping]:
    """Read calls that ended, in the order they were recorded, after an event's `seq`.

    Each page is a short read of its own; memory does not grow with the number of calls.
    """
    while True:
        query = _ended(wanted).where(usage_events.c.seq > after_seq)
        page = _read(ledger, query.order_by(usage_events.c.seq).limit(PAGE_ROWS))
        yield from page
        if len(page) < PAGE_ROWS:
            return
        after_seq = page[-1]["seq"]


def read_newest_calls(ledger: Ledger, wanted: CallFilter, *, limit: int) -> list[RowMapping]:
    """Read the calls recorded last, in recorded order."""
    query = _ended(wanted).order_by(usage_events.c.seq.desc()).limit(limit)
    return _read(ledger, query)[::-1]


def read_open_calls(ledger: Ledger, wanted: CallFilter, *, limit: int | None) -> list[RowMapping]:
    """Read the calls that have no event yet, the oldest first; None reads all."""
    query = select(*_columns()).select_from(all_calls()).where(usage_events.c.seq.is_(None))
    return _read(ledger, query.where(*_conditions(wanted)).order_by(intents.c.seq).limit(limit))


def newest_seq(ledger: Ledger) -> int:
    """Return the `seq` of the event recorded last; 0 when there is none."""
    newest = select(usage_events.c.seq).order_by(usage_events.c.seq.desc()).limit(1)
    with ledger.read() as connection:
        return connection.scalar(newest) or 0


def call_fields(row: RowMapping) -> dict[str, Any]:
    """Write a call as JSON values: instants as RFC 3339, money as decimal text, unknown as null."""
    return {name: read(row) for name, read in _FIELDS.items()}


def _read(ledger: Ledger, query: Select[Any]) -> list[RowMapping]:
    with ledger.read() as connection:
        return list(connection.execute(query).mappings())


def _ended(wanted: CallFilter) -> Select[Any]:
    return select(*_columns()).select_from(ended_calls()).where(*_conditions(wanted))


def _columns() -> list[ColumnElement[Any]]:
    return [
        *[column for column in intents.columns if column.name not in _NOT_OF_INTENT],
        *[usage_events.c[name] for name in _OF_EVENT],
        *[present(name).label(name) for name in _USAGE_AND_COST],
        present_status().label("status"),
        present_ending().label("ending"),
        func.coalesce(usage_events.c.service_tier, intents.c.service_tier).label("service_tier"),
        usage_events.c.cost_nanos.label("original_cost_nanos"),
        is_corrected().label("corrected"),
    ]


def _conditions(wanted: CallFilter) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = [is_published()]
    if wanted.since_us is not None:
        chosen.append(intents.c.requested_at_us >= wanted.since_us)
    if wanted.until_us is not None:
        chosen.append(intents.c.requested_at_us < wanted.until_us)
    if wanted.model is not None:
        named = (intents.c.model_served, intents.c.model_requested, usage_events.c.model_returned)
        chosen.append(or_(*[column == wanted.model for column in named]))
    if wanted.is_unpriced:
        chosen.append(present("cost_nanos").is_(None))
    equal: list[tuple[ColumnElement[Any], object]] = [
        (intents.c.request_id, wanted.request_id),
        (intents.c.provider, wanted.provider),
        (present_status(), wanted.status),
        (present_ending(), wanted.ending),
        *[(intents.c[name.value], value) for name, value in wanted.dimensions.items()],
    ]
    return chosen + [column == value for column, value in equal if value is not None]


def _quantities(text: str | None) -> dict[str, int] | None:
    """Add up the passes of a call, meter by meter; None while there is no event."""
    if text is None:
        return None
    quantities = usage_from_text(text).quantities()
    return {meter.value: quantity for meter, quantity in quantities.items()}


def _usd(nanos: int | None) -> str | None:
    return None if nanos is None else usd_text(nanos)


def _instant(at_us: int | None) -> str | None:
    return None if at_us is None else rfc3339(at_us)


def _milliseconds(duration_us: int | None) -> float | None:
    return None if duration_us is None else duration_us / 1000


def _list(text: str | None) -> list[str]:
    return [] if text is None else list(json.loads(text))


_Read = Callable[[RowMapping], Any]


def _as(column: str) -> _Read:
    return lambda row: row[column]


def _usd_of(column: str) -> _Read:
    return lambda row: _usd(row[column])


def _list_of(column: str) -> _Read:
    return lambda row: _list(row[column])


_FIELDS: Mapping[str, _Read] = {
    "request_id": _as("request_id"),
    "at": lambda row: rfc3339(row["requested_at_us"]),
    "finished_at": lambda row: _instant(row["finished_at_us"]),
    "provider": _as("provider"),
    "model": _as("model_served"),
    "model_requested": _as("model_requested"),
    "model_returned": _as("model_returned"),
    "wire": _as("wire"),
    "operation": _as("operation"),
    "stream": _as("stream"),
    "status": _as("status"),
    "ending": lambda row: row["ending"] or OPEN,
    "cut_reason": _as("cut_reason"),
    "usage": lambda row: _quantities(row["usage"]),
    "input_tokens": _as("input_tokens"),
    "output_tokens": _as("output_tokens"),
    "usage_source": _as("usage_source"),
    "cost_nanos": _as("cost_nanos"),
    "cost_usd": _usd_of("cost_nanos"),
    "list_token_cost_usd": _usd_of("list_token_cost_nanos"),
    "contract_cost_usd": _usd_of("contract_cost_nanos"),
    "stated_cost_usd": _usd_of("stated_cost_nanos"),
    "tool_cost_usd": _usd_of("tool_cost_nanos"),
    "likely_cost_usd": _usd_of("likely_cost_nanos"),
    "cost_basis": _as("cost_basis"),
    "price_revision": _as("price_revision"),
    "unpriced": _list_of("unpriced"),
    "corrected": lambda row: bool(row["corrected"]),
    "original_cost_usd": lambda row: _usd(row["original_cost_nanos"] if row["corrected"] else None),
    **{dimension.value: _as(dimension.value) for dimension in Dimension},
    "sources": lambda row: json.loads(row["sources"]),
    "key_id": _as("key_id"),
    "hold_class": _as("hold_class"),
    "hold_reasons": _list_of("hold_reasons"),
    "bound_usd": _usd_of("bound_nanos"),
    "latency_ms": lambda row: _milliseconds(row["latency_us"]),
    "first_byte_ms": lambda row: _milliseconds(row["first_byte_us"]),
    "service_tier": _as("service_tier"),
    "finish_reason": _as("finish_reason"),
    "attempt": _as("attempt"),
    "degraded_from": _as("degraded_from"),
    "unmetered": _as("unmetered"),
    "findings": _list_of("findings"),
}
CALL_FIELDS = tuple(_FIELDS)
"""The names of what `call_fields` gives, in its order."""
