"""Calls one by one: in recorded order, page by page, by every filter, corrections included."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from outlay.attribution.dimensions import Attribution, Dimension, Source, Value
from outlay.intake import call_row
from outlay.ledger.facts import Correction, Ending, Intent, UsageEvent
from outlay.pricing.cost import Cost, CostBasis
from outlay.reports.calls import (
    CALL_FIELDS,
    CallFilter,
    call_fields,
    newest_seq,
    read_calls,
    read_newest_calls,
    read_open_calls,
)
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.imports import LedgerImports
from outlay.usage.meters import Meter
from outlay.usage.usage import Pass, Usage, UsageSource
from tests.ledgers import NOON_US, make_event, make_intent
from tests.reports.recording import record


def call(
    name: str, event: dict[str, Any] | None = None, **intent: Any
) -> tuple[Intent, UsageEvent]:
    made = make_intent(request_id=name, **intent)
    return made, make_event(name, **(event or {}))


def of(**dimensions: str) -> Attribution:
    return Attribution({Dimension(n): Value(t, Source.HEADER) for n, t in dimensions.items()})


def ids(ledger: Ledger, **wanted: Any) -> list[str]:
    return [row["request_id"] for row in read_calls(ledger, CallFilter(**wanted))]


def test_all_calls_come_in_the_order_they_were_recorded_over_many_pages(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outlay.reports.calls.PAGE_ROWS", 2)
    names = [f"c{n}" for n in range(5)]
    record(ledger, [call(name, requested_at_us=NOON_US - n) for n, name in enumerate(names)])
    assert ids(ledger) == names
    assert [row["request_id"] for row in read_newest_calls(ledger, CallFilter(), limit=2)] == [
        "c3",
        "c4",
    ]
    rows = read_calls(ledger, CallFilter(), after_seq=newest_seq(ledger) - 1)
    assert [row["request_id"] for row in rows] == ["c4"]


def test_a_call_shows_everything_that_is_recorded_of_it(ledger: Ledger) -> None:
    record(ledger, [call("c1", {"findings": ("odd",), "cut_reason": "total_limit"})])
    (row,) = read_calls(ledger, CallFilter())
    found = call_fields(row)
    assert tuple(found) == CALL_FIELDS
    expected = {
        "request_id": "c1",
        "at": "2026-11-20T12:00:00.000000Z",
        "finished_at": "2026-11-20T12:00:02.000000Z",
        "provider": "openai",
        "model": "gpt-5",
        "model_returned": "gpt-5-2025-08-07",
        "wire": "openai_chat",
        "operation": "chat",
        "stream": True,
        "status": 200,
        "ending": "complete",
        "usage": {"input": 1_000, "output": 100},
        "input_tokens": 1_000,
        "output_tokens": 100,
        "usage_source": "reported",
        "cost_nanos": 3_500_000,
        "cost_usd": "0.0035",
        "list_token_cost_usd": "0.0035",
        "contract_cost_usd": None,
        "tool_cost_usd": "0",
        "cost_basis": "list",
        "unpriced": [],
        "corrected": False,
        "original_cost_usd": None,
        "feature": "ticket-resolver",
        "session": None,
        "sources": {"feature": "header", "department": "pinned", "user": "body"},
        "key_id": "key_1",
        "hold_class": "bounded",
        "bound_usd": "0.009",
        "latency_ms": 2_000,
        "first_byte_ms": 400,
        "service_tier": "default",
        "finish_reason": "stop",
        "price_revision": "2026-11-20",
        "cut_reason": "total_limit",
        "findings": ["odd"],
        "unmetered": False,
    }
    assert expected == {name: found[name] for name in expected}
    json.dumps(found, allow_nan=False)


def test_usage_of_several_passes_is_added_up(ledger: Ledger) -> None:
    passes = (Pass(None, {Meter.INPUT: 3}), Pass("other", {Meter.INPUT: 4, Meter.OUTPUT: 1}))
    record(ledger, [call("c1", {"usage": Usage(passes)})])
    (row,) = read_calls(ledger, CallFilter())
    assert call_fields(row)["usage"] == {"input": 7, "output": 1}


def test_an_unpriced_call_has_no_cost_and_says_what_has_no_price(ledger: Ledger) -> None:
    record(ledger, [call("c1", {"cost": Cost(None, CostBasis.NONE, unpriced=("m/input",))})])
    (row,) = read_calls(ledger, CallFilter())
    found = call_fields(row)
    assert (found["cost_nanos"], found["cost_usd"], found["unpriced"]) == (None, None, ["m/input"])


def test_a_correction_shows_with_the_original_beside_it(ledger: Ledger) -> None:
    pair = call("c1", {"ending": Ending.SWEPT, "status": None, "likely_cost_nanos": 7})
    late = Correction(
        correction_id="cor_1",
        request_id=pair[0].request_id,
        booked_at_us=NOON_US,
        reason="late event",
        previous_cost_nanos=3_500_000,
        cost=Cost(5, CostBasis.LIST),
        usage=Usage((Pass(None, {Meter.INPUT: 2}),)),
        usage_source=UsageSource.REPORTED,
        ending=Ending.COMPLETE,
        status=200,
    )
    newer = replace(
        late, correction_id="cor_2", cost=Cost(6, CostBasis.CONTRACT), status=None, ending=None
    )
    record(ledger, [pair], [late, newer])
    (row,) = read_calls(ledger, CallFilter())
    found = call_fields(row)
    assert found["corrected"] is True
    assert (found["cost_usd"], found["original_cost_usd"]) == ("0.000000006", "0.0035")
    assert (found["cost_basis"], found["usage"]) == ("contract", {"input": 2})
    assert (found["status"], found["ending"]) == (200, "complete")
    assert found["likely_cost_usd"] == "0.000000007"


def test_filters(ledger: Ledger) -> None:
    record(
        ledger,
        [
            call("a", attribution=of(feature="f", user="u")),
            call("b", requested_at_us=NOON_US + 5, attribution=of(feature="g")),
            call("c", {"status": 429, "ending": Ending.PROVIDER_ERROR}, provider="anthropic"),
            call("d", {"cost": Cost(None, CostBasis.NONE)}, model_served="m1"),
            call("e", {"model_returned": "m1"}, attribution=of(feature="f")),
        ],
    )
    assert ids(ledger, request_id="b") == ["b"]
    assert ids(ledger, since_us=NOON_US + 5) == ["b"]
    assert ids(ledger, until_us=NOON_US + 5) == ["a", "c", "d", "e"]
    assert ids(ledger, provider="anthropic") == ["c"]
    assert ids(ledger, status=429) == ids(ledger, ending="provider_error") == ["c"]
    assert ids(ledger, is_unpriced=True) == ["d"]
    assert ids(ledger, model="m1") == ["d", "e"]
    assert ids(ledger, dimensions={Dimension.FEATURE: "f"}) == ["a", "e"]
    both = {Dimension.FEATURE: "f", Dimension.USER: "u"}
    assert ids(ledger, dimensions=both) == ["a"]
    assert ids(ledger, request_id="nobody") == []


def test_open_calls_are_listed_apart(ledger: Ledger) -> None:
    record(ledger, [(make_intent(request_id="o1"), None), call("c1")])
    assert ids(ledger) == ["c1"]
    (row,) = read_open_calls(ledger, CallFilter(), limit=None)
    found = call_fields(row)
    assert (found["request_id"], found["ending"], found["status"]) == ("o1", "open", None)
    assert (found["cost_usd"], found["usage"], found["bound_usd"]) == (None, None, "0.009")


def test_calls_of_an_unpublished_import_are_nowhere(ledger: Ledger) -> None:
    store = LedgerImports(ledger)
    begun = store.begin("calls.jsonl", "ab" * 32)
    record(ledger, [call("c1", boot_id=begun.import_id)])
    assert ids(ledger) == []
    assert read_newest_calls(ledger, CallFilter(), limit=9) == []
    store.publish(begun)
    assert ids(ledger) == ["c1"]


def test_everything_a_call_shows_is_known_to_the_import() -> None:
    """What `outlay calls` writes must be readable by `outlay import calls`."""
    assert set(CALL_FIELDS) <= call_row._KNOWN_FIELDS
