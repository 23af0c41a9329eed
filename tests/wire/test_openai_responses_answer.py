"""Responses: created, in the background, streamed, broken off; and the tools used on the way."""

import json
from typing import Any

import pytest

from outlay.usage.answer import Answer
from outlay.wire.answers import open_reader
from tests.wire.calls import RESPONSES, call_of, event

USAGE = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}


def response(**fields: Any) -> dict[str, Any]:
    return {"id": "resp_1", "object": "response", "model": "gpt-5-2025", "output": [], **fields}


def whole(body: dict[str, Any]) -> Answer:
    reader = open_reader(call_of(RESPONSES, {"model": "m"}), status=200, content_type=None)
    reader.feed(json.dumps(body).encode())
    return reader.finish()


def stream(*events: dict[str, Any]) -> Answer:
    call = call_of(RESPONSES, {"model": "m", "stream": True})
    reader = open_reader(call, status=200, content_type=None)
    for one in events:
        reader.feed(b"event: %s\n" % one["type"].encode() + event(one))
    return reader.answer


def state(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "response": response(**fields)}


def text(piece: str) -> dict[str, Any]:
    return {"type": "response.output_text.delta", "delta": piece}


@pytest.mark.parametrize(
    ("kind", "finish", "failed"),
    [("completed", "completed", False), ("failed", "failed", True), ("incomplete", "cut", False)],
)
def test_each_last_event_ends_the_stream_and_states_its_usage(
    kind: str, finish: str, failed: bool
) -> None:
    details = {"reason": "cut"} if kind == "incomplete" else None
    answer = stream(
        state("created", status="in_progress", usage=None),
        text("hello"),
        state(kind, status=kind, usage=USAGE, incomplete_details=details, service_tier="flex"),
    )
    assert (answer.terminal, answer.failed, answer.finish_reason) == (True, failed, finish)
    assert (answer.raw_usage, answer.service_tier) == (USAGE, "flex")


def test_a_broken_stream_has_text_seen_and_no_usage() -> None:
    answer = stream(state("created", status="in_progress", usage=None), text("x" * 36))
    assert (answer.terminal, answer.raw_usage, answer.output_tokens_seen) == (False, None, 10)
    assert answer.response_id == "resp_1"


def test_sound_is_not_counted_as_text() -> None:
    assert stream({"type": "response.audio.delta", "delta": "A" * 99}).output_tokens_seen == 0


def test_an_error_event_fails_and_ends_the_stream() -> None:
    answer = stream(text("a"), {"type": "error", "code": "server_error", "message": "x"})
    assert (answer.failed, answer.terminal) == (True, True)


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_work_in_the_background_is_deferred_until_its_usage_is_seen(status: str) -> None:
    answer = whole(response(status=status, background=True, usage=None))
    assert (answer.deferred, answer.raw_usage, answer.response_id) == (True, None, "resp_1")


def test_a_finished_response_is_not_deferred() -> None:
    answer = whole(response(status="completed", background=True, usage=USAGE))
    assert (answer.deferred, answer.raw_usage) == (False, USAGE)


def test_a_background_stream_that_breaks_off_goes_on_without_us() -> None:
    first = state("queued", status="queued", background=True, usage=None)
    assert stream(first).deferred
    assert not stream(first, state("completed", background=True, usage=USAGE)).deferred


def test_a_failed_response_is_told_by_its_status() -> None:
    answer = whole(response(status="failed", usage=None, error={"code": "server_error"}))
    assert (answer.failed, answer.finish_reason) == (True, "failed")


OUTPUT: list[dict[str, Any]] = [
    {"type": "reasoning"},
    {"type": "function_call"},
    {"type": "custom_tool_call"},
    {"type": "tool_search_call"},
    {"type": "web_search_call", "action": {"type": "search"}},
    {"type": "web_search_call"},
    {"type": "web_search_call", "action": {"type": "open_page"}},
    {"type": "web_search_call", "action": {"type": "find_in_page"}},
    {"type": "file_search_call"},
    {"type": "code_interpreter_call", "container_id": "cntr_1"},
    {"type": "code_interpreter_call", "container_id": "cntr_1"},
    {"type": "mcp_call"},
    {"type": "image_generation_call"},
    {"type": "message"},
]
UNITS = {
    "web_search_call": 2,
    "file_search_call": 1,
    "code_interpreter_call": 2,
    "container:cntr_1": 1,
    "mcp_call": 1,
    "image_generation_call": 1,
}


def test_hosted_tools_are_counted_and_of_web_searches_only_the_searches() -> None:
    assert whole(response(output=OUTPUT, usage=USAGE)).tool_units == UNITS


def test_tools_of_a_stream_are_counted_once_though_they_are_told_twice() -> None:
    items = [{"type": "response.output_item.done", "item": item} for item in OUTPUT]
    assert stream(*items).tool_units == UNITS
    assert stream(*items, state("completed", output=OUTPUT, usage=USAGE)).tool_units == UNITS


def test_a_stated_number_of_searches_counts() -> None:
    tool_usage = {"web_search": {"num_requests": 3}}
    answer = whole(response(output=OUTPUT, usage=USAGE, tool_usage=tool_usage))
    assert answer.tool_units["web_search_call"] == 3


def test_tokens_of_generated_images_are_kept_with_the_model_that_drew_them() -> None:
    images = {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}
    tools = [{"type": "function"}, {"type": "image_generation", "model": "gpt-image-2"}]
    answer = whole(response(usage=USAGE, tool_usage={"image_gen": images}, tools=tools))
    assert answer.raw_usage is not None
    assert answer.raw_usage["tool_usage"] == {"image_gen": {**images, "model": "gpt-image-2"}}


def test_a_compacted_response_states_usage_without_a_status() -> None:
    answer = whole({"id": "cmp_1", "object": "response.compaction", "output": [], "usage": USAGE})
    assert (answer.raw_usage, answer.deferred, answer.finish_reason) == (USAGE, False, None)


def test_counting_input_is_no_usage() -> None:
    assert whole({"object": "response.input_tokens", "input_tokens": 11}).raw_usage is None
