"""One row of an import: what is required, what is checked, and that every problem is reported."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from outlay.attribution.dimensions import Dimension, Source
from outlay.attribution.values import Rules
from outlay.intake.call_facts import stated_cost
from outlay.intake.call_row import CallRow, RowRefused, RowRules, parse_call_row
from outlay.kernel.clock import to_us
from outlay.usage.meters import Meter
from outlay.usage.usage import UsageSource

NOW_US = to_us(datetime(2026, 11, 20, 12, tzinfo=UTC))
RULES = RowRules(Rules(hash_value=lambda text: f"hmac:{len(text)}"), NOW_US)
SMALLEST: dict[str, Any] = {
    "id": "call-1",
    "at": "2026-11-20T11:59:59Z",
    "provider": "openai",
    "model": "gpt-4o",
    "cost_usd": "0.00673",
}


def parse(**fields: Any) -> CallRow:
    return parse_call_row({**SMALLEST, **fields}, RULES)


def problems(**fields: Any) -> dict[str, str]:
    with pytest.raises(RowRefused) as refused:
        parse(**fields)
    return {problem.field: problem.message for problem in refused.value.problems}


def test_five_fields_are_enough() -> None:
    row = parse()
    assert row.request_id == "call-1"
    assert row.at_us == NOW_US - 1_000_000
    assert row.cost_nanos == 6_730_000
    assert row.quantities is None
    assert row.usage_source is UsageSource.NONE
    assert row.status == 200
    assert row.model_requested == "gpt-4o"
    assert not row.attribution.values


def test_usage_instead_of_a_cost_is_enough_and_counts_as_reported() -> None:
    row = parse(cost_usd=None, usage={"input_tokens": 3})
    assert row.quantities == {Meter.INPUT: 3}
    assert row.cost_nanos is None
    assert row.usage_source is UsageSource.REPORTED


def test_every_dimension_is_taken_by_its_name_as_sent_by_an_import() -> None:
    row = parse(**{dimension.value: f" {dimension.value} x " for dimension in Dimension})
    for dimension in Dimension:
        assert row.attribution.text(dimension) == f"{dimension.value} x"
        assert row.attribution.values[dimension].source is Source.IMPORT


def test_a_blank_dimension_is_absent() -> None:
    assert not parse(feature="", user="  ").attribution.values


def test_a_cost_is_exact_as_text_and_as_a_json_number() -> None:
    assert parse(cost_usd=Decimal("0.123456789")).cost_nanos == 123_456_789
    assert parse(cost_usd="0.123456789").cost_nanos == 123_456_789
    assert parse(cost_usd=3).cost_nanos == 3_000_000_000


def test_null_status_means_that_nobody_was_answered() -> None:
    assert parse(status=None).status is None
    assert parse(status="429").status == 429


def test_durations_are_milliseconds() -> None:
    row = parse(latency_ms=Decimal("787.125"), first_byte_ms="12")
    assert row.latency_us == 787_125
    assert row.first_byte_us == 12_000


def test_an_export_of_ours_is_a_row_with_what_we_worked_out_left_aside() -> None:
    row = parse_call_row(
        {
            "request_id": "req_1",
            "at": "2026-11-20T11:59:59.000001Z",
            "provider": "anthropic",
            "model": "claude",
            "model_requested": "alias",
            "wire": "anthropic_messages",
            "operation": "messages",
            "stream": True,
            "usage": {"input": 3, "output": 4},
            "input_tokens": 3,
            "output_tokens": 4,
            "usage_source": "estimated",
            "cost_nanos": 7,
            "cost_usd": "0.000000007",
            "cost_basis": "list",
            "unpriced": [],
            "sources": {"user": "header"},
            "user": "u1",
            "hold_class": "bounded",
            "corrected": False,
            "original_cost_usd": None,
        },
        RULES,
    )
    assert row.request_id == "req_1"
    assert row.cost_nanos == 7
    assert row.usage_source is UsageSource.ESTIMATED
    assert (row.wire, row.operation, row.stream) == ("anthropic_messages", "messages", True)
    assert row.model_requested == "alias"


def test_an_export_of_a_call_whose_usage_nobody_knew_has_none() -> None:
    row = parse(usage={}, usage_source="none", cost_usd=None)
    assert row.quantities is None
    assert stated_cost(row).cost_nanos is None
    assert parse(usage={}, cost_usd=None).quantities == {}


def test_every_problem_of_a_row_is_reported_at_once() -> None:
    with pytest.raises(RowRefused) as refused:
        parse_call_row({"at": "yesterday", "departmet": "x", "status": 20, "feature": 7}, RULES)
    found = {problem.field for problem in refused.value.problems}
    assert found == {"id", "at", "provider", "model", "usage", "departmet", "status", "feature"}


@pytest.mark.parametrize(
    ("fields", "field", "word"),
    [
        ({"id": None}, "id", "required"),
        ({"id": "a b"}, "id", "visible ASCII"),
        ({"id": "x" * 256}, "id", "255"),
        ({"request_id": "other"}, "request_id", "differs"),
        ({"at": "2026-11-20T12:00:00"}, "at", "instant"),
        ({"at": "2026-11-20"}, "at", "instant"),
        ({"at": "2026-11-20T12:06:00Z"}, "at", "future"),
        ({"at": "1969-12-31T23:59:59Z"}, "at", "1970"),
        ({"at": 1763600000}, "at", "text"),
        ({"provider": "Open AI"}, "provider", "lower case"),
        ({"model": " "}, "model", "visible text"),
        ({"model": "a\u202eb"}, "model", "visible text"),
        ({"cost_usd": None}, "usage", "cost_usd is required"),
        ({"cost_usd": "-1"}, "cost_usd", "negative"),
        ({"cost_usd": "0.0000000001"}, "cost_usd", "nine decimals"),
        ({"cost_usd": "NaN"}, "cost_usd", "decimal"),
        ({"cost_usd": True}, "cost_usd", "decimal"),
        ({"cost_usd": Decimal("1e999")}, "cost_usd", "decimal"),
        ({"status": 99}, "status", "100 to 599"),
        ({"status": True}, "status", "100 to 599"),
        ({"stream": 1}, "stream", "true or false"),
        ({"latency_ms": -1}, "latency_ms", "milliseconds"),
        ({"latency_ms": 10**10}, "latency_ms", "week"),
        ({"usage_source": "guessed"}, "usage_source", "reported"),
        ({"feature": "f" * 257}, "feature", "256"),
        ({"user": "u\u200bv"}, "user", "U+200B"),
        ({"departmet": "x"}, "departmet", "did you mean department?"),
        ({"cache_read_tokens": 3}, "cache_read_tokens", "usage.cache_read_tokens"),
    ],
)
def test_a_bad_field_is_named_with_what_to_write_instead(
    fields: dict[str, Any], field: str, word: str
) -> None:
    assert word in problems(**fields)[field]


def test_a_long_user_id_is_kept_as_its_hash_only() -> None:
    value = parse(user="u" * 1025).attribution.values[Dimension.USER]
    assert value.hashed
    assert value.text == "hmac:1025"
