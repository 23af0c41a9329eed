"""Gemini: usage in every event, blocked prompts, search queries, and streams that are arrays."""

import json
from typing import Any

import pytest

from outlay.usage.answer import Answer
from outlay.wire.answers import open_reader
from tests.wire.calls import EMBED, STREAM, call_of, event

FIRST = {"promptTokenCount": 9, "candidatesTokenCount": 1, "totalTokenCount": 10}
LAST = {"promptTokenCount": 9, "candidatesTokenCount": 7, "totalTokenCount": 16}


def stream(*events: dict[str, Any]) -> Answer:
    reader = open_reader(call_of(STREAM, {}), status=200, content_type="text/event-stream")
    for one in events:
        reader.feed(event(one, b"\r\n\r\n"))
    return reader.answer


def said(text: str, usage: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    candidate = {"content": {"parts": [{"text": text}]}, **fields}
    return {"candidates": [candidate], "usageMetadata": usage, "responseId": "r1"}


def test_the_last_total_replaces_what_came_before() -> None:
    before = {**FIRST, "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 1}]}
    answer = stream(said("a", before), said("b", LAST, finishReason="STOP"))
    assert (answer.raw_usage, answer.usage_running) == (LAST, False)
    assert (answer.finish_reason, answer.response_id) == ("STOP", "r1")


def test_usage_without_a_total_is_laid_over_what_was_known() -> None:
    answer = stream(said("a", LAST), said("", {"trafficType": "ON_DEMAND_FLEX"}))
    assert answer.raw_usage == {**LAST, "trafficType": "ON_DEMAND_FLEX"}
    assert answer.service_tier == "ON_DEMAND_FLEX"


def test_a_stream_that_breaks_off_has_a_running_count() -> None:
    answer = stream(said("x" * 36, FIRST))
    assert (answer.usage_running, answer.output_tokens_seen) == (True, 10)


def test_calls_of_functions_count_as_text() -> None:
    part = {"functionCall": {"name": "f", "args": {"city": "x" * 40}}}
    answer = stream({"candidates": [{"content": {"parts": [part]}}]})
    assert answer.output_tokens_seen > 10


def test_a_blocked_prompt_is_an_end() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"trafficType": "X"}}
    answer = stream(blocked)
    assert (answer.finish_reason, answer.usage_running) == ("SAFETY", False)


def test_an_error_within_a_stream_is_a_failure() -> None:
    assert stream(said("a", FIRST), {"error": {"code": 503, "status": "UNAVAILABLE"}}).failed


def test_distinct_queries_are_counted_and_empty_ones_are_not_billed() -> None:
    tool = {"toolType": "GOOGLE_SEARCH_WEB", "args": {"queries": ["weather"]}}
    grounding = {"groundingMetadata": {"webSearchQueries": ["", "weather", "rain"]}}
    first = {"candidates": [{"content": {"parts": [{"toolCall": tool}]}}]}
    answer = stream(first, said("a", LAST, **grounding), said("b", LAST, **grounding))
    assert answer.tool_units == {"google_search": 2}


def test_the_array_form_is_read_as_it_comes() -> None:
    reader = open_reader(call_of(STREAM, {}), status=200, content_type="application/json")
    reader.feed(b"[" + json.dumps(said("a", FIRST)).encode())
    assert reader.answer.raw_usage == FIRST
    reader.feed(b",\r\n" + json.dumps(said("b", LAST, finishReason="STOP")).encode() + b"\r\n]")
    answer = reader.finish()
    assert (answer.raw_usage, answer.usage_running) == (LAST, False)


@pytest.mark.parametrize("tier", ["serviceTier", "trafficType"])
def test_the_tier_is_in_the_usage(tier: str) -> None:
    assert stream(said("a", {**LAST, tier: "flex"})).service_tier == "flex"


def test_embeddings_are_read_for_their_usage() -> None:
    reader = open_reader(call_of(EMBED, {}), status=200, content_type="application/json")
    reader.feed(b'{"embeddings": [{"values": [0.1]}], "usageMetadata": {"promptTokenCount": 4}}')
    answer = reader.finish()
    assert (answer.raw_usage, answer.terminal) == ({"promptTokenCount": 4}, True)
