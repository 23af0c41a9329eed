"""Where chat answers hide their usage, and what else is learned from them."""

import json
from typing import Any

import pytest

from outlay.usage.answer import Answer
from outlay.wire.answers import open_reader
from tests.wire.calls import CHAT, COMPLETIONS, EMBEDDINGS, call_of, chat, event

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def stream(*chunks: dict[str, Any], done: bool = True) -> Answer:
    reader = open_reader(call_of(CHAT, chat(stream=True)), status=200, content_type=None)
    for chunk in chunks:
        reader.feed(event(chunk))
    if done:
        reader.feed(b"data: [DONE]\n\n")
    return reader.answer


def whole(body: dict[str, Any]) -> Answer:
    reader = open_reader(call_of(CHAT, chat()), status=200, content_type=None)
    reader.feed(json.dumps(body).encode())
    return reader.finish()


def delta(text: str | None, **fields: Any) -> dict[str, Any]:
    return {"id": "c", "choices": [{"index": 0, "delta": {"content": text}}], **fields}


STOP = {"id": "c", "choices": [{"delta": {}, "finish_reason": "stop"}]}


@pytest.mark.parametrize(
    "chunks",
    [
        [delta("a", usage=None), STOP, {"id": "c", "choices": [], "usage": USAGE}],
        [delta("a"), {**STOP, "usage": USAGE}],
        [delta("a"), {**STOP, "x_groq": {"id": "r", "usage": USAGE}}],
        [delta("a", usage={"prompt_tokens": 3}), {**STOP, "usage": USAGE}],
        [{"id": "c", "choices": [], "prompt_filter_results": []}, STOP, {"usage": USAGE}],
    ],
    ids=["openai", "mistral", "groq", "vllm", "azure"],
)
def test_the_last_usage_of_a_stream_is_the_one(chunks: list[dict[str, Any]]) -> None:
    answer = stream(*chunks)
    assert (answer.raw_usage, answer.usage_running, answer.terminal) == (USAGE, False, True)
    assert (answer.response_id, answer.finish_reason) == ("c", "stop")


def test_usage_in_the_middle_of_a_stream_is_a_running_count() -> None:
    answer = stream(delta("a", usage={"prompt_tokens": 3, "completion_tokens": 1}), done=False)
    assert answer.usage_running


def test_an_error_within_a_stream_is_a_failure() -> None:
    answer = stream(delta("a"), {"error": {"message": "overloaded", "code": 502}})
    assert answer.failed
    assert answer.raw_usage is None


@pytest.mark.parametrize(
    "piece",
    [
        {"content": "x" * 36},
        {"content": [{"type": "text", "text": "x" * 36}]},
        {"reasoning_content": "x" * 36, "content": None},
        {"reasoning": "x" * 36},
        {"refusal": "x" * 36},
        {"tool_calls": [{"index": 0, "function": {"name": "x" * 6, "arguments": "x" * 30}}]},
    ],
)
def test_all_text_that_passes_is_counted(piece: dict[str, Any]) -> None:
    answer = stream({"id": "c", "choices": [{"delta": piece}]}, done=False)
    assert answer.output_tokens_seen == 10


def test_text_that_is_not_ascii_counts_in_bytes() -> None:
    assert stream(delta("今天天气很好"), done=False).output_tokens_seen == 5


def test_legacy_completions_count_their_text() -> None:
    call = call_of(COMPLETIONS, {"model": "m", "prompt": "a", "stream": True})
    reader = open_reader(call, status=200, content_type=None)
    reader.feed(event({"id": "c", "choices": [{"text": "x" * 36, "finish_reason": "length"}]}))
    assert (reader.answer.output_tokens_seen, reader.answer.finish_reason) == (10, "length")


def test_usage_counts_even_where_the_choices_are_odd() -> None:
    answer = stream({"id": "c", "choices": [{"delta": 5}], "usage": USAGE})
    assert answer.raw_usage == USAGE
    assert [finding.code for finding in answer.findings] == ["answer.unreadable_event"]


def test_a_whole_answer_states_what_was_served() -> None:
    answer = whole(
        {
            "id": "c",
            "model": "gpt-4o-2024-08-06",
            "service_tier": "flex",
            "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}],
            "usage": USAGE,
        }
    )
    assert (answer.model_returned, answer.service_tier) == ("gpt-4o-2024-08-06", "flex")
    assert (answer.raw_usage, answer.finish_reason, answer.terminal) == (USAGE, "stop", True)


def test_a_whole_answer_without_usage_has_its_text_counted() -> None:
    message = {"content": "x" * 18, "tool_calls": [{"function": {"arguments": "y" * 18}}]}
    answer = whole({"id": "c", "choices": [{"message": message}]})
    assert answer.output_tokens_seen == 10


def test_a_torn_whole_answer_has_no_end() -> None:
    reader = open_reader(call_of(CHAT, chat()), status=200, content_type=None)
    reader.feed(b'{"id": "c", "usage": {"prompt_tokens": 3')
    assert not reader.finish().terminal


@pytest.mark.parametrize(
    ("usage", "nanos"),
    [
        ({"cost": 0.00014, "is_byok": False}, 140_000),
        ({"cost": 1.13e-05, "is_byok": False}, 11_300),
        ({"cost": 0, "is_byok": False}, 0),
        ({"cost": 0.0076509169, "is_byok": False}, 7_650_917),
        ({"cost": 0.0000000005, "is_byok": False}, 0),
        ({"cost": 0.0000000015, "is_byok": False}, 2),
        ({"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": 1}}, None),
        ({"cost": 0.5}, None),
        ({"cost": {"total_cost": 0.5}, "is_byok": False}, None),
        ({"cost": True, "is_byok": False}, None),
        ({"cost": -1, "is_byok": False}, None),
        ({"cost": 1e300, "is_byok": False}, None),
        ({"cost_in_usd_ticks": 12_345_678}, 1_234_568),
        ({"cost_in_usd_ticks": 10**10}, 10**9),
        ({"cost_in_usd_ticks": -5}, None),
    ],
)
def test_a_stated_charge_is_read_in_exact_decimals(
    usage: dict[str, Any], nanos: int | None
) -> None:
    assert whole({"id": "c", "usage": {**USAGE, **usage}}).stated_cost_nanos == nanos


def test_embeddings_are_read_for_their_usage() -> None:
    call = call_of(EMBEDDINGS, {"model": "m", "input": "a"})
    reader = open_reader(call, status=200, content_type=None)
    reader.feed(b'{"data": [{"embedding": [0.1, 0.2]}], "model": "m", "usage": {"prompt_tokens": 5')
    reader.feed(b', "total_tokens": 5}}')
    answer = reader.finish()
    assert answer.raw_usage == {"prompt_tokens": 5, "total_tokens": 5}
    assert (answer.model_returned, answer.terminal) == ("m", True)
