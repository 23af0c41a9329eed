"""Messages: totals that replace totals, and what the usage leaves out."""

import json
from typing import Any

import pytest

from outlay.usage.answer import Answer
from outlay.wire.answers import open_reader
from tests.wire.calls import MESSAGES, call_of, event

START = {"input_tokens": 702, "cache_read_input_tokens": 55, "output_tokens": 1}


def stream(*events: dict[str, Any]) -> Answer:
    call = call_of(MESSAGES, {"model": "m", "stream": True})
    reader = open_reader(call, status=200, content_type=None)
    for one in events:
        reader.feed(b"event: %s\n" % one["type"].encode() + event(one))
    return reader.answer


def whole(body: dict[str, Any]) -> Answer:
    reader = open_reader(call_of(MESSAGES, {"model": "m"}), status=200, content_type=None)
    reader.feed(json.dumps(body).encode())
    return reader.finish()


def start(usage: dict[str, Any]) -> dict[str, Any]:
    message = {"id": "msg_1", "model": "claude-sonnet-5", "usage": usage, "stop_reason": None}
    return {"type": "message_start", "message": message}


def delta(usage: dict[str, Any] | None, reason: str | None = "end_turn") -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}


def test_later_totals_replace_earlier_ones_field_by_field() -> None:
    answer = stream(start(START), delta({"input_tokens": 1591, "output_tokens": 9}))
    assert answer.raw_usage == {**START, "input_tokens": 1591, "output_tokens": 9}
    assert (answer.usage_running, answer.finish_reason) == (False, "end_turn")


def test_of_several_deltas_the_last_counts_and_none_is_added() -> None:
    answer = stream(start(START), delta({"output_tokens": 5}), delta({"output_tokens": 9}))
    assert answer.raw_usage == {**START, "output_tokens": 9}


def test_zero_replaces_and_null_does_not() -> None:
    answer = stream(
        start(START),
        delta({"input_tokens": None, "cache_read_input_tokens": 0, "output_tokens": 9}),
    )
    assert answer.raw_usage == {**START, "cache_read_input_tokens": 0, "output_tokens": 9}


def test_the_start_alone_is_a_running_count() -> None:
    answer = stream(start(START))
    assert (answer.usage_running, answer.terminal) == (True, False)
    assert (answer.response_id, answer.model_returned) == ("msg_1", "claude-sonnet-5")


def test_the_end_is_message_stop() -> None:
    assert stream(start(START), {"type": "ping"}, {"type": "message_stop"}).terminal


def test_an_error_event_fails_and_ends_the_stream() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}
    answer = stream(start(START), error)
    assert (answer.failed, answer.terminal, answer.usage_running) == (True, True, True)


@pytest.mark.parametrize("name", ["text", "thinking", "partial_json"])
def test_all_text_that_passes_is_counted(name: str) -> None:
    answer = stream({"type": "content_block_delta", "delta": {name: "x" * 36}})
    assert answer.output_tokens_seen == 10


@pytest.mark.parametrize("name", ["code_execution", "bash_code_execution"])
def test_runs_of_the_code_tool_are_counted_since_the_usage_leaves_them_out(name: str) -> None:
    block = {"type": "server_tool_use", "name": name, "input": {}}
    mine = {"type": "tool_use", "name": name}
    answer = stream(
        {"type": "content_block_start", "content_block": block},
        {"type": "content_block_start", "content_block": mine},
    )
    assert answer.tool_units == {"code_execution": 1}
    assert whole({"content": [block, mine, block]}).tool_units == {"code_execution": 2}


def test_searches_are_stated_in_the_usage() -> None:
    tools = {"web_search_requests": 2, "web_fetch_requests": 0}
    answer = stream(start(START), delta({"output_tokens": 1, "server_tool_use": tools}))
    assert answer.tool_units == {"web_search_requests": 2}


@pytest.mark.parametrize(
    ("usage", "tier"),
    [
        ({"service_tier": "priority"}, "priority"),
        ({"service_tier": "standard", "speed": "fast"}, "fast"),
        ({"service_tier": "standard", "speed": "standard"}, "standard"),
        ({}, None),
    ],
)
def test_the_tier_served_is_the_one_stated(usage: dict[str, Any], tier: str | None) -> None:
    assert whole({"id": "m", "usage": usage}).service_tier == tier


def test_an_error_body_is_a_failure() -> None:
    assert whole({"type": "error", "error": {"type": "invalid_request_error"}}).failed


def test_counted_tokens_are_no_usage() -> None:
    assert whole({"input_tokens": 25}).raw_usage is None
