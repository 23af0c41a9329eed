"""Whose word counts for what a call consumed, and what happens when nobody says anything."""

from typing import Any

import pytest

from outlay.kernel.findings import Finding
from outlay.routing.provider import Provider
from outlay.usage.answer import Answer
from outlay.usage.meters import Meter
from outlay.usage.usage import Metered, UsageSource
from outlay.wire.call import Call
from outlay.wire.metering import meter
from tests.wire.calls import (
    ANTHROPIC,
    CHAT,
    EMBED,
    EMBEDDINGS,
    GEMINI,
    GENERATE,
    MESSAGES,
    OPENAI,
    RESPONSES,
    RETRIEVE,
    call_of,
    chat,
    compatible,
)

CALL = call_of(CHAT, chat())
HIDDEN = {"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109}
AMBIGUOUS = {"input_tokens": 100, "output_tokens": 10, "cache_read_input_tokens": 60}


def quantities(metered: Metered) -> dict[Meter, int]:
    return metered.usage.quantities()


def metered(call: Call, provider: Provider, **answer: Any) -> Metered:
    return meter(call, provider, Answer(terminal=True, **answer), complete=True)


def codes(result: Metered) -> list[str]:
    return [finding.code for finding in result.findings]


def test_the_dialect_is_chosen_by_provider_and_not_by_the_shape_of_the_usage() -> None:
    """The same object means hidden thinking at Google's OpenAI endpoint, and nothing at OpenAI."""
    assert Meter.REASONING not in quantities(metered(CALL, OPENAI, raw_usage=HIDDEN))
    assert quantities(metered(CALL, GEMINI, raw_usage=HIDDEN))[Meter.REASONING] == 62


def test_the_dialect_is_chosen_by_wire_and_not_by_the_shape_of_the_usage() -> None:
    """`input_tokens` includes cached tokens at OpenAI and excludes them at Anthropic."""
    responses, messages = (call_of(route, {"model": "m"}) for route in (RESPONSES, MESSAGES))
    as_responses = metered(responses, OPENAI, raw_usage=AMBIGUOUS)
    as_messages = metered(messages, ANTHROPIC, raw_usage=AMBIGUOUS)
    assert (as_responses.usage.input_tokens, as_messages.usage.input_tokens) == (100, 160)


@pytest.mark.parametrize(
    ("call", "provider", "usage", "expected"),
    [
        (
            call_of(EMBEDDINGS, {"model": "m", "input": "a"}),
            OPENAI,
            {"prompt_tokens": 5, "total_tokens": 5},
            {Meter.INPUT: 5},
        ),
        (call_of(EMBED, {}), GEMINI, {"promptTokenCount": 4}, {Meter.INPUT: 4}),
        (
            call_of(GENERATE, {}),
            GEMINI,
            {"promptTokenCount": 4, "thoughtsTokenCount": 3},
            {Meter.INPUT: 4, Meter.REASONING: 3},
        ),
        (
            CALL,
            compatible("xai"),
            {
                "prompt_tokens": 3,
                "completion_tokens": 2,
                "total_tokens": 9,
                "completion_tokens_details": {"reasoning_tokens": 4},
            },
            {Meter.INPUT: 3, Meter.OUTPUT: 2, Meter.REASONING: 4},
        ),
        (
            CALL,
            compatible("deepseek"),
            {"prompt_tokens": 3, "completion_tokens": 2, "prompt_cache_hit_tokens": 1},
            {Meter.INPUT: 2, Meter.CACHE_READ: 1, Meter.OUTPUT: 2},
        ),
    ],
)
def test_reported_usage_is_divided(
    call: Call, provider: Provider, usage: dict[str, Any], expected: dict[Meter, int]
) -> None:
    result = metered(call, provider, raw_usage=usage)
    assert (result.source, quantities(result)) == (UsageSource.REPORTED, expected)


def test_reported_zero_is_zero_and_is_not_replaced_by_an_estimate() -> None:
    usage = {"prompt_tokens": 0, "completion_tokens": 0}
    result = metered(CALL, OPENAI, raw_usage=usage, text_bytes_seen=180)
    assert (result.source, quantities(result)) == (UsageSource.REPORTED, {})


def test_an_answer_without_usage_is_estimated_and_flagged() -> None:
    result = metered(CALL, OPENAI, text_bytes_seen=180)
    assert (result.source, codes(result)) == (UsageSource.ESTIMATED, ["usage.missing"])
    assert quantities(result)[Meter.OUTPUT] == 50
    assert quantities(result)[Meter.INPUT] > 0


def test_usage_that_cannot_be_read_is_estimated_and_flagged() -> None:
    result = metered(CALL, OPENAI, raw_usage={"tokens": "many"}, text_bytes_seen=18)
    assert (result.source, codes(result)) == (UsageSource.ESTIMATED, ["usage.unreadable"])


def test_a_final_count_is_reported_even_if_the_stream_broke_off_after_it() -> None:
    answer = Answer(raw_usage={"prompt_tokens": 3, "completion_tokens": 2})
    assert meter(CALL, OPENAI, answer, complete=False).source is UsageSource.REPORTED


def test_a_running_count_is_kept_and_its_output_raised_to_what_was_seen() -> None:
    call = call_of(MESSAGES, {"model": "m", "stream": True})
    usage = {"input_tokens": 700, "cache_read_input_tokens": 55, "output_tokens": 1}
    answer = Answer(raw_usage=usage, usage_running=True, text_bytes_seen=144)
    result = meter(call, ANTHROPIC, answer, complete=False)
    assert quantities(result) == {Meter.INPUT: 700, Meter.CACHE_READ: 55, Meter.OUTPUT: 40}
    assert (result.source, codes(result)) == (UsageSource.ESTIMATED, ["usage.partial"])


def test_a_running_count_above_what_was_seen_stays() -> None:
    usage = {"promptTokenCount": 9, "thoughtsTokenCount": 500}
    answer = Answer(raw_usage=usage, usage_running=True, text_bytes_seen=144)
    result = meter(call_of(GENERATE, {}), GEMINI, answer, complete=False)
    assert quantities(result) == {Meter.INPUT: 9, Meter.REASONING: 500}


def test_a_broken_stream_without_usage_is_metered_so_far() -> None:
    result = meter(CALL, OPENAI, Answer(text_bytes_seen=25), complete=False)
    assert (result.source, codes(result)) == (UsageSource.ESTIMATED, [])
    assert quantities(result)[Meter.OUTPUT] == 7


@pytest.mark.parametrize(
    "answer",
    [Answer(failed=True, terminal=True), Answer(deferred=True, terminal=True)],
    ids=["failed before any output", "deferred"],
)
def test_what_nobody_bills_yet_is_no_usage(answer: Answer) -> None:
    result = meter(CALL, OPENAI, answer, complete=True)
    assert (result.source, result.usage.passes) == (UsageSource.NONE, ())


def test_a_failure_after_output_is_metered_so_far() -> None:
    answer = Answer(failed=True, text_bytes_seen=25)
    assert meter(CALL, OPENAI, answer, complete=False).source is UsageSource.ESTIMATED


def test_a_free_call_is_never_estimated_and_a_polled_response_is_read() -> None:
    call = Call(RETRIEVE, "GET", "/v1/responses/r", "", b"")
    assert metered(call, OPENAI).source is UsageSource.NONE
    usage = {"input_tokens": 3, "output_tokens": 2}
    assert metered(call, OPENAI, raw_usage=usage).source is UsageSource.REPORTED


def test_tools_join_the_only_pass() -> None:
    call = call_of(RESPONSES, {"model": "m"})
    usage = {"input_tokens": 3, "output_tokens": 2}
    result = metered(call, OPENAI, raw_usage=usage, tool_units={"web_search_call": 2})
    assert len(result.usage.passes) == 1
    assert quantities(result)[Meter.WEB_SEARCH] == 2


def test_tools_of_several_passes_stand_apart_and_are_counted_once() -> None:
    iterations = [{"type": "message", "input_tokens": 1, "output_tokens": 1}] * 2
    usage = {"input_tokens": 2, "output_tokens": 2, "iterations": iterations}
    call = call_of(MESSAGES, {"model": "m"})
    result = metered(call, ANTHROPIC, raw_usage=usage, tool_units={"web_search_requests": 2})
    assert quantities(result) == {Meter.INPUT: 2, Meter.OUTPUT: 2, Meter.WEB_SEARCH: 2}


@pytest.mark.parametrize(
    ("provider", "stated"),
    [
        (compatible("openrouter"), 5),
        (compatible("mine", price_provider="openrouter"), 5),
        (compatible("xai"), 5),
        (compatible("mine"), None),
        (OPENAI, None),
    ],
)
def test_a_stated_charge_counts_only_from_providers_whose_bill_it_is(
    provider: Provider, stated: int | None
) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    result = metered(CALL, provider, raw_usage=usage, stated_cost_nanos=5)
    assert result.stated_cost_nanos == stated


def test_what_the_reader_found_is_passed_on() -> None:
    found = Finding("answer.unreadable_event", "wire", "x")
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    assert codes(metered(CALL, OPENAI, raw_usage=usage, findings=[found])) == [found.code]
