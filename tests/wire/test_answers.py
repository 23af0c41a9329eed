"""Listening never raises, never keeps text, and does not depend on how an answer is sliced."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay.usage.answer import Answer
from outlay.wire import answers
from outlay.wire.answers import open_reader
from outlay.wire.call import Call, Route
from tests.wire.calls import (
    CHAT,
    COMPLETIONS,
    EMBED,
    EMBEDDINGS,
    GENERATE,
    MESSAGES,
    RESPONSES,
    STREAM,
    call_of,
    chat,
    event,
    slices,
    words,
)

ROUTES = [CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES, MESSAGES, GENERATE, STREAM, EMBED]


def call_on(route: Route, *, stream: bool = True) -> Call:
    return call_of(route, {"model": "m", "stream": stream})


def listen(call: Call, *pieces: bytes, status: int = 200) -> Answer:
    reader = open_reader(call, status=status, content_type=None)
    for piece in pieces:
        reader.feed(piece)
    return reader.finish()


MEMBERS = words(
    "type id model choices usage delta message content text error response item output status "
    "usageMetadata candidates parts finishReason promptTokenCount totalTokenCount iterations "
    "input_tokens output_tokens prompt_tokens completion_tokens prompt_tokens_details cost is_byok "
    "cost_in_usd_ticks x_groq service_tier server_tool_use content_block action background "
    "tool_usage web_search num_requests image_gen groundingMetadata webSearchQueries tool_calls"
)
WORDS = words(
    "message_start message_delta content_block_start content_block_delta error response.completed "
    "response.created response.output_item.done web_search_call server_tool_use code_execution "
    "response.output_text.delta STOP stop queued"
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=5)
    ),
    max_leaves=25,
)


@given(st.sampled_from(ROUTES), st.booleans(), st.lists(st.binary(max_size=80), max_size=5))
def test_any_bytes_are_taken(route: Route, stream: bool, pieces: list[bytes]) -> None:
    assert isinstance(listen(call_on(route, stream=stream), *pieces), Answer)


@given(st.sampled_from(ROUTES), st.lists(VALUES, max_size=4), st.booleans())
def test_any_events_are_taken(route: Route, values: list[object], as_array: bool) -> None:
    call = call_on(route)
    raw = [json.dumps(value).encode() for value in values]
    stream = b"[" + b",".join(raw) + b"]" if as_array else b"".join(map(event, values))
    assert isinstance(listen(call, stream), Answer)


@given(st.sampled_from(ROUTES), VALUES)
def test_any_json_is_taken(route: Route, value: object) -> None:
    assert isinstance(listen(call_on(route, stream=False), json.dumps(value).encode()), Answer)


def test_deep_nesting_in_an_answer_is_survived() -> None:
    deep = b'{"a":' + b"[" * 100_000
    assert listen(call_on(CHAT, stream=False), deep).raw_usage is None
    assert listen(call_on(CHAT), b"data: " + deep + b"\n\n").findings


USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
CHUNKS = [
    {"id": "c1", "model": "gpt-4o-2024", "choices": [{"delta": {"content": "h\u2028\u00e9"}}]},
    {"id": "c1", "choices": [{"delta": {}, "finish_reason": "stop"}], "service_tier": "default"},
    {"id": "c1", "choices": [], "usage": USAGE},
]
CHAT_STREAM = b": hi\n\n" + b"".join(map(event, CHUNKS)) + b"data: [DONE]\n\n"
MESSAGE_EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {"id": "m1", "usage": {"input_tokens": 9}}},
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hello"}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}},
    {"type": "message_stop"},
]
ARRAY = (
    b"["
    + b",\r\n".join(
        json.dumps(
            {"candidates": [{"content": {"parts": [{"text": "a"}]}}], "usageMetadata": usage}
        ).encode()
        for usage in ({"promptTokenCount": 1, "totalTokenCount": 1}, {"trafficType": "ON_DEMAND"})
    )
    + b"]"
)


@pytest.mark.parametrize(
    ("route", "body"),
    [
        (CHAT, CHAT_STREAM),
        (CHAT, CHAT_STREAM.replace(b"\n", b"\r\n")),
        (CHAT, json.dumps({"id": "x", "usage": USAGE}).encode()),
        (MESSAGES, b"".join(event(one) for one in MESSAGE_EVENTS)),
        (STREAM, ARRAY),
    ],
)
@settings(max_examples=30)
@given(cuts=st.data())
def test_the_slicing_of_an_answer_does_not_matter(
    route: Route, body: bytes, cuts: st.DataObject
) -> None:
    call = call_on(route)
    assert listen(call, body) == listen(call, *cuts.draw(slices(body)))


def test_the_end_marker_is_seen_as_soon_as_it_was_fed() -> None:
    reader = open_reader(call_on(CHAT), status=200, content_type="text/event-stream")
    ended = []
    for piece in (CHAT_STREAM[:-2], CHAT_STREAM[-2:]):
        reader.feed(piece)
        ended.append(reader.answer.terminal)
    assert ended == [False, True]
    assert reader.answer.raw_usage == USAGE


def test_the_last_event_counts_without_its_blank_line() -> None:
    answer = listen(call_on(CHAT), CHAT_STREAM.removesuffix(b"\n\n"))
    assert answer.terminal


def test_finishing_twice_is_harmless() -> None:
    reader = open_reader(call_on(CHAT, stream=False), status=200, content_type=None)
    reader.feed(json.dumps({"usage": USAGE}).encode())
    assert reader.finish() is reader.finish()


@pytest.mark.parametrize("content_type", ["application/octet-stream", "text/event-stream", None])
def test_json_is_known_by_its_first_byte_and_not_by_its_label(content_type: str | None) -> None:
    """A 400 was recorded as application/octet-stream; proxies label errors as event streams."""
    reader = open_reader(call_on(CHAT), status=400, content_type=content_type)
    reader.feed(b'\r\n {"error": {"message": "no"}}')
    answer = reader.finish()
    assert answer.failed
    assert answer.terminal


def test_a_stream_that_was_not_asked_for_is_read_by_its_label() -> None:
    call = call_on(CHAT, stream=False)
    reader = open_reader(call, status=200, content_type="text/event-stream; charset=utf-8")
    reader.feed(CHAT_STREAM)
    assert reader.finish().raw_usage == USAGE


def test_an_answer_that_is_no_text_is_let_pass() -> None:
    assert listen(call_on(CHAT, stream=False), b"\x89PNG\r\n\x1a\n") == Answer()


def test_an_answer_above_the_limit_is_noted_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MAX_WHOLE_BYTES", 100)
    answer = listen(call_on(CHAT, stream=False), b'{"a": "' + b"x" * 60, b"x" * 60 + b'"}')
    assert [finding.code for finding in answer.findings] == ["answer.too_large"]
    assert not answer.terminal


def test_an_event_above_the_limit_is_noted_and_the_usage_after_it_is_read() -> None:
    huge = event({"choices": [{"delta": {"content": "x" * 1_100_000}}]})
    answer = listen(call_on(CHAT), huge, CHAT_STREAM)
    assert answer.raw_usage == USAGE
    assert [finding.code for finding in answer.findings] == ["answer.event_too_large"]


def test_torn_json_in_a_stream_is_noted_once() -> None:
    answer = listen(call_on(CHAT), b'data: {"a\n\ndata: {"b\n\n', CHAT_STREAM)
    assert [finding.code for finding in answer.findings] == ["answer.unreadable_event"]
    assert answer.raw_usage == USAGE


def test_no_text_of_an_answer_is_kept() -> None:
    secret = "canary-in-the-answer"
    chunk = {"id": "c", "choices": [{"delta": {"content": secret}, "finish_reason": "stop"}]}
    whole = {"id": "c", "choices": [{"message": {"content": secret}, "finish_reason": "stop"}]}
    for body in (event(chunk), json.dumps(whole).encode()):
        assert secret not in repr(listen(call_of(CHAT, chat(stream=True)), body))
