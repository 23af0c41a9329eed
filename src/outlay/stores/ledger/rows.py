"""Facts to rows and back. A row is a tuple in the order of its table's columns without `seq`.

Written by hand and not by reflection: this runs twice for every call.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import RowMapping, Table

from outlay.attribution.dimensions import Attribution, Dimension, Source, Value
from outlay.budgets.hold import Hold, HoldClass
from outlay.kernel.ids import BootId, KeyId, RequestId
from outlay.ledger.facts import (
    Correction,
    Ending,
    Intent,
    ProviderObject,
    Refusal,
    UsageEvent,
)
from outlay.pricing.cost import Cost, CostBasis
from outlay.usage.meters import Meter
from outlay.usage.usage import Pass, Usage, UsageSource

Row = tuple[Any, ...]
Cells = Mapping[str, Any] | RowMapping
"""A row as read: cells by column name."""

_encode = msgspec.json.Encoder(order="deterministic").encode
_DIMENSIONS = tuple(Dimension)
_NOTHING_ATTRIBUTED: Row = (*(None for _ in Dimension), "{}", None)


def columns_of(table: Table) -> tuple[str, ...]:
    """Return the names of a table's columns in the order of its rows, without `seq`."""
    return tuple(column.name for column in table.columns if column.name != "seq")


def json_text(value: Any) -> str:
    """Write a value of ours as compact JSON with sorted keys: equal values, equal text."""
    return _encode(value).decode()


def intent_row(intent: Intent, booked_at_us: int) -> Row:
    """Write an intent as a row of `intents`."""
    attribution = intent.attribution
    return (
        intent.request_id,
        intent.boot_id,
        booked_at_us,
        intent.requested_at_us,
        intent.key_id,
        intent.provider,
        str(intent.wire),
        intent.operation,
        intent.stream,
        _clean(intent.model_requested),
        _clean(intent.model_served),
        *_attribution_cells(attribution),
        attribution.run_budget_nanos,
        _list_or_none(attribution.warnings),
        intent.hold_class.value,
        _list_or_none(intent.hold_reasons),
        intent.bound_nanos,
        intent.likely_nanos,
        _clean(intent.service_tier),
        intent.output_limit,
        intent.temperature_zero,
        intent.has_tools,
        intent.unmetered,
        intent.deferred,
        intent.attempt,
        _clean(intent.degraded_from),
        intent.request_hash,
        intent.request_bytes,
    )


def hold_rows(intent: Intent) -> list[Row]:
    """Write the holds of an intent as rows of `holds`."""
    return [(intent.request_id, hold.budget_id, hold.amount_nanos) for hold in intent.holds]


def event_row(event: UsageEvent, booked_at_us: int) -> Row:
    """Write a usage event as a row of `usage_events`."""
    return (
        event.request_id,
        booked_at_us,
        event.finished_at_us,
        event.ending.value,
        event.status,
        *_usage_and_cost_cells(event.usage_source, event.usage, event.cost),
        _foreign_json(event.raw_usage),
        event.likely_cost_nanos,
        _clean(event.model_returned),
        _clean(event.service_tier),
        _clean(event.finish_reason),
        event.response_id_hash,
        event.first_byte_us,
        event.latency_us,
        event.response_bytes,
        _clean(event.cut_reason),
        _list_or_none(event.findings),
    )


def correction_row(correction: Correction) -> Row:
    """Write a correction as a row of `corrections`."""
    return (
        correction.correction_id,
        correction.request_id,
        correction.booked_at_us,
        correction.reason,
        correction.previous_cost_nanos,
        *_usage_and_cost_cells(correction.usage_source, correction.usage, correction.cost),
        _foreign_json(correction.raw_usage),
        None if correction.ending is None else correction.ending.value,
        correction.status,
    )


def refusal_row(refusal: Refusal, booked_at_us: int) -> Row:
    """Write a refusal as a row of `refusals`."""
    return (
        refusal.request_id,
        booked_at_us,
        refusal.refused_at_us,
        refusal.key_id,
        refusal.code,
        str(refusal.wire),
        refusal.operation,
        _clean(refusal.model_requested),
        *_attribution_cells(refusal.attribution),
        refusal.attribution.run_budget_nanos,
        _list_or_none(refusal.attribution.warnings),
    )


def object_row(made: ProviderObject) -> Row:
    """Write who made a provider's id as a row of `provider_objects`."""
    return (
        made.object_hash,
        made.provider,
        made.key_id,
        made.department,
        made.request_id,
        made.created_at_us,
    )


def intent_from_row(row: Cells, holds: Iterable[Hold] = ()) -> Intent:
    """Read an intent from a row of `intents`."""
    return Intent(
        request_id=RequestId(row["request_id"]),
        boot_id=BootId(row["boot_id"]),
        requested_at_us=row["requested_at_us"],
        key_id=KeyId(row["key_id"]),
        provider=row["provider"],
        wire=row["wire"],
        operation=row["operation"],
        stream=row["stream"],
        model_requested=row["model_requested"],
        model_served=row["model_served"],
        attribution=attribution_from_row(row),
        hold_class=HoldClass(row["hold_class"]),
        hold_reasons=_tuple(row["hold_reasons"]),
        bound_nanos=row["bound_nanos"],
        likely_nanos=row["likely_nanos"],
        holds=tuple(holds),
        service_tier=row["service_tier"],
        output_limit=row["output_limit"],
        temperature_zero=row["temperature_zero"],
        has_tools=row["has_tools"],
        unmetered=row["unmetered"],
        deferred=row["deferred"],
        attempt=row["attempt"],
        degraded_from=row["degraded_from"],
        request_hash=row["request_hash"],
        request_bytes=row["request_bytes"],
    )


def event_from_row(row: Cells) -> UsageEvent:
    """Read a usage event from a row of `usage_events`."""
    return UsageEvent(
        request_id=RequestId(row["request_id"]),
        finished_at_us=row["finished_at_us"],
        ending=Ending(row["ending"]),
        status=row["status"],
        usage=usage_from_text(row["usage"]),
        usage_source=UsageSource(row["usage_source"]),
        raw_usage=_foreign_from(row["raw_usage"]),
        cost=cost_from_row(row),
        likely_cost_nanos=row["likely_cost_nanos"],
        model_returned=row["model_returned"],
        service_tier=row["service_tier"],
        finish_reason=row["finish_reason"],
        response_id_hash=row["response_id_hash"],
        first_byte_us=row["first_byte_us"],
        latency_us=row["latency_us"],
        response_bytes=row["response_bytes"],
        cut_reason=row["cut_reason"],
        findings=_tuple(row["findings"]),
    )


def correction_from_row(row: Cells) -> Correction:
    """Read a correction from a row of `corrections`."""
    return Correction(
        correction_id=row["correction_id"],
        request_id=RequestId(row["request_id"]),
        booked_at_us=row["booked_at_us"],
        reason=row["reason"],
        previous_cost_nanos=row["previous_cost_nanos"],
        cost=cost_from_row(row),
        usage=usage_from_text(row["usage"]),
        usage_source=UsageSource(row["usage_source"]),
        raw_usage=_foreign_from(row["raw_usage"]),
        ending=None if row["ending"] is None else Ending(row["ending"]),
        status=row["status"],
    )


def attribution_from_row(row: Cells) -> Attribution:
    """Read an attribution from a row of `intents` or `refusals`."""
    sources: dict[str, str] = json.loads(row["sources"])
    hashed = _tuple(row["hashed"])
    values = {
        dimension: Value(row[dimension.value], Source(sources[dimension]), dimension in hashed)
        for dimension in _DIMENSIONS
        if row[dimension.value] is not None
    }
    return Attribution(values, row["run_budget_nanos"], _tuple(row["warnings"]))


def cost_from_row(row: Cells) -> Cost:
    """Read a cost from a row of `usage_events` or `corrections`."""
    return Cost(
        cost_nanos=row["cost_nanos"],
        basis=CostBasis(row["cost_basis"]),
        list_token_cost_nanos=row["list_token_cost_nanos"],
        contract_cost_nanos=row["contract_cost_nanos"],
        stated_cost_nanos=row["stated_cost_nanos"],
        tool_cost_nanos=row["tool_cost_nanos"],
        price_revision=row["price_revision"],
        unit_prices=json.loads(row["unit_prices"]),
        unpriced=_tuple(row["unpriced"]),
    )


def usage_from_text(text: str) -> Usage:
    """Read usage from its JSON text: `[{"model": null, "quantities": {"input": 3}}]`."""
    return Usage(
        tuple(
            Pass(one["model"], {Meter(meter): n for meter, n in one["quantities"].items()})
            for one in json.loads(text)
        )
    )


def _attribution_cells(attribution: Attribution) -> Row:
    values = attribution.values
    if not values:
        return _NOTHING_ATTRIBUTED
    found = [values.get(dimension) for dimension in _DIMENSIONS]
    sources = {dimension: value.source for dimension, value in values.items()}
    hashed = [dimension for dimension, value in values.items() if value.hashed]
    return (
        *[None if value is None else value.text for value in found],
        json_text(sources),
        json_text(hashed) if hashed else None,
    )


def _usage_and_cost_cells(source: UsageSource, usage: Usage, cost: Cost) -> Row:
    return (
        source.value,
        json_text(usage.passes),
        usage.input_tokens,
        usage.output_tokens,
        cost.cost_nanos,
        cost.basis.value,
        cost.list_token_cost_nanos,
        cost.contract_cost_nanos,
        cost.stated_cost_nanos,
        cost.tool_cost_nanos,
        cost.price_revision,
        json_text(cost.unit_prices),
        json_text(cost.unpriced),
    )


def _clean(text: str | None) -> str | None:
    """Replace what a database may refuse (NUL, lone surrogates) in text that others wrote."""
    if text is None or (text.isascii() and "\0" not in text):
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "�")


def _foreign_json(value: Mapping[str, Any] | None) -> str | None:
    """Write the provider's object as JSON; NUL and lone surrogates stay visible as escapes."""
    if value is None:
        return None
    try:
        return json_text(value)
    except UnicodeEncodeError:
        return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _foreign_from(text: str | None) -> Mapping[str, Any] | None:
    value: Mapping[str, Any] | None = None if text is None else json.loads(text)
    return value


def _list_or_none(values: tuple[str, ...]) -> str | None:
    return json_text(values) if values else None


def _tuple(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(json.loads(text))
