"""The ways in which metering is known to go wrong, each by its name.

Source: metering pitfalls measured on recorded provider exchanges; counts as in the recordings
where one is quoted.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.usage.anthropic import read_anthropic_usage
from outlay.usage.gemini import (
    is_billed_by_query,
    read_gemini_embeddings_usage,
    read_gemini_usage,
)
from outlay.usage.meters import INPUT_METERS, OUTPUT_METERS, Meter
from outlay.usage.openai_chat import ChatDialect, read_chat_usage, read_embeddings_usage
from outlay.usage.openai_responses import read_responses_usage
from outlay.usage.reading import Reading
from outlay.usage.usage import Usage
from tests.wire.calls import words

Quantities = dict[Meter, int]


def of(reading: Reading | None) -> Quantities:
    """The quantities of a usage that was read without anything odd."""
    assert reading is not None
    assert reading.findings == ()
    return Usage(reading.passes).quantities()


def odd(reading: Reading | None) -> tuple[Quantities, list[str]]:
    """The quantities of a usage that contradicts itself, and what was found."""
    assert reading is not None
    return Usage(reading.passes).quantities(), [finding.code for finding in reading.findings]


def chat(usage: dict[str, Any], dialect: ChatDialect = ChatDialect.OPENAI) -> Reading | None:
    return read_chat_usage(usage, dialect)


def test_reasoning_inside_output_is_not_added_again() -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 105,
        "completion_tokens_details": {"reasoning_tokens": 95},
    }
    assert of(chat(usage)) == {Meter.INPUT: 10, Meter.REASONING: 95, Meter.OUTPUT: 10}
    responses = {
        "input_tokens": 10,
        "output_tokens": 105,
        "output_tokens_details": {"reasoning_tokens": 95},
    }
    assert of(read_responses_usage(responses)) == of(chat(usage))
    messages = {
        "input_tokens": 10,
        "output_tokens": 105,
        "output_tokens_details": {"thinking_tokens": 95},
    }
    assert of(read_anthropic_usage(messages)) == of(chat(usage))


def test_thoughts_of_gemini_are_beside_the_candidates() -> None:
    usage = {"promptTokenCount": 132, "candidatesTokenCount": 62, "thoughtsTokenCount": 121}
    assert of(read_gemini_usage(usage)) == {
        Meter.INPUT: 132,
        Meter.OUTPUT: 62,
        Meter.REASONING: 121,
    }


def test_thinking_hidden_by_googles_openai_endpoint_is_the_rest_of_the_total() -> None:
    usage = {"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109}
    assert of(chat(usage, ChatDialect.GEMINI)) == {
        Meter.INPUT: 35,
        Meter.OUTPUT: 12,
        Meter.REASONING: 62,
    }


def test_a_total_that_says_more_means_nothing_at_other_providers() -> None:
    usage = {"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109}
    assert of(chat(usage)) == {Meter.INPUT: 35, Meter.OUTPUT: 12}


def test_reasoning_of_xai_is_beside_the_completion_when_the_total_says_so() -> None:
    details = {"completion_tokens_details": {"reasoning_tokens": 94}}
    beside = {"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135, **details}
    assert of(chat(beside, ChatDialect.XAI)) == {
        Meter.INPUT: 32,
        Meter.OUTPUT: 9,
        Meter.REASONING: 94,
    }
    inside = {"prompt_tokens": 32, "completion_tokens": 103, "total_tokens": 135, **details}
    assert of(chat(inside, ChatDialect.XAI)) == of(chat(beside, ChatDialect.XAI))


def test_cache_reads_are_not_fresh_input() -> None:
    usage = {"prompt_tokens": 336, "prompt_tokens_details": {"cached_tokens": 256}}
    assert of(chat(usage)) == {Meter.INPUT: 80, Meter.CACHE_READ: 256}


def test_cached_tokens_are_inside_the_prompt_for_openai_and_gemini_and_beside_for_anthropic() -> (
    None
):
    inside = {Meter.INPUT: 8, Meter.CACHE_READ: 92}
    chat_usage = {"prompt_tokens": 100, "prompt_tokens_details": {"cached_tokens": 92}}
    assert of(chat(chat_usage)) == inside
    responses = {"input_tokens": 100, "input_tokens_details": {"cached_tokens": 92}}
    assert of(read_responses_usage(responses)) == inside
    gemini = {"promptTokenCount": 100, "cachedContentTokenCount": 92}
    assert of(read_gemini_usage(gemini)) == inside
    messages = {"input_tokens": 100, "cache_read_input_tokens": 92}
    assert of(read_anthropic_usage(messages)) == {Meter.INPUT: 100, Meter.CACHE_READ: 92}


def test_cache_writes_are_not_fresh_input() -> None:
    usage = {
        "input_tokens": 6,
        "cache_creation_input_tokens": 574,
        "cache_creation": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 74},
    }
    assert of(read_anthropic_usage(usage)) == {
        Meter.INPUT: 6,
        Meter.CACHE_WRITE_5M: 500,
        Meter.CACHE_WRITE_1H: 74,
    }
    openai = {"prompt_tokens": 4020, "prompt_tokens_details": {"cache_write_tokens": 4012}}
    assert of(chat(openai)) == {Meter.INPUT: 8, Meter.CACHE_WRITE: 4012}


@pytest.mark.parametrize(
    ("written", "lifetimes", "quantities"),
    [
        (500, None, {Meter.CACHE_WRITE: 500}),
        (500, (500, 0), {Meter.CACHE_WRITE_5M: 500}),
        (
            500,
            (100, 100),
            {Meter.CACHE_WRITE_5M: 100, Meter.CACHE_WRITE_1H: 100, Meter.CACHE_WRITE: 300},
        ),
        (None, (100, 200), {Meter.CACHE_WRITE_5M: 100, Meter.CACHE_WRITE_1H: 200}),
    ],
)
def test_a_cache_write_whose_lifetime_is_not_stated_is_kept_apart(
    written: int | None, lifetimes: tuple[int, int] | None, quantities: Quantities
) -> None:
    usage: dict[str, Any] = {"input_tokens": 0, "cache_creation_input_tokens": written}
    if lifetimes:
        names = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
        usage["cache_creation"] = dict(zip(names, lifetimes, strict=True))
    assert of(read_anthropic_usage(usage)) == quantities


def test_a_stale_division_of_cache_writes_gives_way_to_the_total() -> None:
    """The last event of a stream brings a new total and leaves the division of the first."""
    usage = {
        "input_tokens": 9,
        "cache_creation_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 55_096},
    }
    assert odd(read_anthropic_usage(usage)) == (
        {Meter.INPUT: 9},
        ["usage.parts_exceed_total"],
    )


COMPACTION: dict[str, Any] = {
    "input_tokens": 220,
    "output_tokens": 8,
    "iterations": [
        {"type": "compaction", "input_tokens": 55_196, "output_tokens": 125},
        {"type": "message", "input_tokens": 220, "output_tokens": 8},
    ],
}


def test_iterations_are_the_bill_and_the_top_level_leaves_compaction_out() -> None:
    assert of(read_anthropic_usage(COMPACTION)) == {Meter.INPUT: 55_416, Meter.OUTPUT: 133}


def test_an_advisor_is_billed_at_the_rate_of_the_model_that_ran_it() -> None:
    usage = {
        "input_tokens": 2390,
        "output_tokens": 121,
        "output_tokens_details": {"thinking_tokens": 28},
        "iterations": [
            {"type": "message", "input_tokens": 1128, "output_tokens": 110},
            {
                "type": "advisor_message",
                "model": "claude-opus-4-8",
                "input_tokens": 2518,
                "output_tokens": 22,
            },
            {"type": "message", "input_tokens": 1262, "output_tokens": 11},
        ],
    }
    reading = read_anthropic_usage(usage)
    assert reading is not None
    assert [(one.model, dict(one.quantities)) for one in reading.passes] == [
        (None, {Meter.INPUT: 1128, Meter.REASONING: 28, Meter.OUTPUT: 82}),
        ("claude-opus-4-8", {Meter.INPUT: 2518, Meter.OUTPUT: 22}),
        (None, {Meter.INPUT: 1262, Meter.OUTPUT: 11}),
    ]


@pytest.mark.parametrize("iterations", [[], None, "x", [5, "x"], [{}]])
def test_iterations_that_say_nothing_leave_the_top_level(iterations: object) -> None:
    usage = {"input_tokens": 3, "output_tokens": 2, "iterations": iterations}
    reading = read_anthropic_usage(usage)
    assert reading is not None
    assert Usage(reading.passes).quantities() == {Meter.INPUT: 3, Meter.OUTPUT: 2}


def test_tool_prompts_of_gemini_are_on_top_of_the_prompt() -> None:
    usage = {
        "promptTokenCount": 32,
        "candidatesTokenCount": 25,
        "thoughtsTokenCount": 37,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 32}],
        "toolUsePromptTokenCount": 4610,
        "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 4610}],
    }
    assert of(read_gemini_usage(usage)) == {
        Meter.INPUT: 4642,
        Meter.OUTPUT: 25,
        Meter.REASONING: 37,
    }


def test_prompt_details_that_add_up_to_less_leave_the_prompt_count_as_the_truth() -> None:
    usage = {
        "promptTokenCount": 417,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 351}],
    }
    assert of(read_gemini_usage(usage)) == {Meter.INPUT: 417}


def test_prompt_details_that_add_up_to_more_are_clamped_and_found() -> None:
    usage = {
        "promptTokenCount": 10,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 15}],
    }
    assert odd(read_gemini_usage(usage)) == (
        {Meter.INPUT_AUDIO: 10},
        ["usage.parts_exceed_total"],
    )


def test_cached_audio_has_a_rate_of_its_own() -> None:
    """1,881 cached audio tokens of a video cost 0.10 instead of 0.03 USD a million."""
    usage = {
        "promptTokenCount": 3000,
        "cachedContentTokenCount": 2500,
        "promptTokensDetails": [
            {"modality": "VIDEO", "tokenCount": 900},
            {"modality": "AUDIO", "tokenCount": 2000},
            {"modality": "TEXT", "tokenCount": 100},
        ],
        "cacheTokensDetails": [
            {"modality": "AUDIO", "tokenCount": 1881},
            {"modality": "VIDEO", "tokenCount": 600},
        ],
    }
    assert of(read_gemini_usage(usage)) == {
        Meter.CACHE_READ_AUDIO: 1881,
        Meter.CACHE_READ_VIDEO: 600,
        Meter.CACHE_READ: 19,
        Meter.INPUT_AUDIO: 119,
        Meter.INPUT_VIDEO: 300,
        Meter.INPUT: 81,
    }


def test_audio_input_is_not_text_input() -> None:
    """44 audio tokens at 40 USD a million; read as text the call is 7.6 times too cheap."""
    usage = {
        "prompt_tokens": 64,
        "prompt_tokens_details": {"audio_tokens": 44, "text_tokens": 20, "cached_tokens": 0},
        "completion_tokens": 9,
    }
    assert of(chat(usage)) == {Meter.INPUT: 20, Meter.INPUT_AUDIO: 44, Meter.OUTPUT: 9}


def test_images_that_gemini_draws_are_not_text_output() -> None:
    usage = {
        "candidatesTokenCount": 1300,
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
    }
    assert of(read_gemini_usage(usage)) == {Meter.OUTPUT_IMAGE: 1290, Meter.OUTPUT: 10}


def test_images_that_openai_draws_are_a_pass_of_the_image_model() -> None:
    images = {
        "model": "gpt-image-2",
        "input_tokens": 30,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 20},
        "output_tokens": 272,
        "output_tokens_details": {"text_tokens": 0, "image_tokens": 272},
        "total_tokens": 302,
    }
    usage = {"input_tokens": 5, "output_tokens": 3, "tool_usage": {"image_gen": images}}
    reading = read_responses_usage(usage)
    assert reading is not None
    assert [(one.model, dict(one.quantities)) for one in reading.passes] == [
        (None, {Meter.INPUT: 5, Meter.OUTPUT: 3}),
        ("gpt-image-2", {Meter.INPUT_IMAGE: 20, Meter.INPUT: 10, Meter.OUTPUT_IMAGE: 272}),
    ]


@pytest.mark.parametrize("name", ["prompt_cache_hit_tokens", "num_cached_tokens", "cached_tokens"])
def test_compatible_providers_name_cached_tokens_their_own_way(name: str) -> None:
    usage = {"prompt_tokens": 100, name: 60}
    assert of(chat(usage, ChatDialect.COMPATIBLE)) == {Meter.INPUT: 40, Meter.CACHE_READ: 60}
    assert of(chat(usage)) == {Meter.INPUT: 100}


def test_more_cached_than_prompt_is_clamped_and_found() -> None:
    usage = {"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 15}}
    assert odd(chat(usage)) == ({Meter.CACHE_READ: 10}, ["usage.parts_exceed_total"])
    gemini = {"promptTokenCount": 10, "cachedContentTokenCount": 15}
    assert odd(read_gemini_usage(gemini)) == (
        {Meter.CACHE_READ: 10},
        ["usage.parts_exceed_total"],
    )


def test_the_same_tokens_reported_as_written_and_read_are_counted_once() -> None:
    details = {"cached_tokens": 2161, "cache_write_tokens": 2161}
    usage = {"prompt_tokens": 2161, "prompt_tokens_details": details}
    assert odd(chat(usage, ChatDialect.COMPATIBLE)) == (
        {Meter.CACHE_READ: 2161},
        ["usage.parts_exceed_total"],
    )


def test_more_reasoning_than_output_is_clamped_and_found() -> None:
    usage = {"completion_tokens": 10, "completion_tokens_details": {"reasoning_tokens": 11}}
    assert odd(chat(usage)) == ({Meter.REASONING: 10}, ["usage.parts_exceed_total"])


def test_an_explicit_zero_is_zero_and_not_unknown() -> None:
    assert of(chat({"prompt_tokens": 0, "completion_tokens": 0})) == {}
    assert of(read_responses_usage({"input_tokens": 0, "output_tokens": 0})) == {}
    assert of(read_anthropic_usage({"input_tokens": 0, "output_tokens": 0})) == {}
    assert of(read_embeddings_usage({"prompt_tokens": 0})) == {}


@pytest.mark.parametrize("usage", [{}, {"total_tokens": None}, {"prompt_tokens": "3"}])
def test_a_usage_object_without_counts_is_unknown_and_not_zero(usage: dict[str, Any]) -> None:
    assert chat(usage) is None
    assert read_responses_usage(usage) is None
    assert read_anthropic_usage(usage) is None
    assert read_gemini_embeddings_usage(usage) is None


def test_a_blocked_prompt_with_a_traffic_type_only_consumed_nothing() -> None:
    assert of(read_gemini_usage({"trafficType": "ON_DEMAND"})) == {}


def test_embeddings_of_gemini_spell_their_details_in_the_singular() -> None:
    usage = {
        "promptTokenCount": 9,
        "promptTokenDetails": [{"modality": "IMAGE", "tokenCount": 4}],
    }
    assert of(read_gemini_embeddings_usage(usage)) == {Meter.INPUT: 5, Meter.INPUT_IMAGE: 4}


def test_embeddings_may_state_a_total_only() -> None:
    assert of(read_embeddings_usage({"total_tokens": 7})) == {Meter.INPUT: 7}


@pytest.mark.parametrize(
    ("model", "by_query"),
    [
        ("gemini-2.5-flash", False),
        ("models/gemini-1.5-pro", False),
        ("gemini-3-flash-preview", True),
        (None, True),
    ],
)
def test_google_search_is_billed_by_query_from_gemini_3_on(
    model: str | None, by_query: bool
) -> None:
    assert is_billed_by_query(model) is by_query


COUNTS = st.integers(0, 50)
DETAILS = st.dictionaries(
    st.sampled_from(["cached_tokens", "cache_write_tokens", "audio_tokens", "reasoning_tokens"]),
    COUNTS,
)


@given(COUNTS, COUNTS, DETAILS, DETAILS, st.sampled_from([*ChatDialect][:2]))
def test_disjoint_quantities_add_up_to_the_inclusive_counts(
    prompt: int, completion: int, given: dict[str, int], made: dict[str, int], dialect: ChatDialect
) -> None:
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "prompt_tokens_details": given,
        "completion_tokens_details": made,
    }
    reading = chat(usage, dialect)
    assert reading is not None
    total = Usage(reading.passes)
    assert (total.tokens_of(INPUT_METERS), total.tokens_of(OUTPUT_METERS)) == (prompt, completion)


MODALITIES = st.lists(
    st.fixed_dictionaries(
        {"modality": st.sampled_from(["TEXT", "AUDIO", "IMAGE", "NEW"]), "tokenCount": COUNTS}
    ),
    max_size=4,
)


@given(COUNTS, COUNTS, MODALITIES, MODALITIES, MODALITIES)
def test_whatever_the_details_say_geminis_counts_are_kept(
    prompt: int, cached: int, of_prompt: list[Any], of_cache: list[Any], of_output: list[Any]
) -> None:
    usage = {
        "promptTokenCount": prompt,
        "cachedContentTokenCount": cached,
        "promptTokensDetails": of_prompt,
        "cacheTokensDetails": of_cache,
        "candidatesTokenCount": 20,
        "candidatesTokensDetails": of_output,
    }
    total = Usage(read_gemini_usage(usage).passes)
    assert (total.tokens_of(INPUT_METERS), total.tokens_of(OUTPUT_METERS)) == (prompt, 20)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["modality", "tokenCount", "input_tokens"]), inner)
    ),
    max_leaves=6,
)
USAGES = st.dictionaries(
    st.sampled_from(
        words(
            "prompt_tokens completion_tokens prompt_tokens_details input_tokens output_tokens "
            "iterations cache_creation promptTokenCount promptTokensDetails cacheTokensDetails "
            "candidatesTokensDetails tool_usage output_tokens_details"
        )
    ),
    JSON,
)


@given(USAGES)
def test_no_usage_object_makes_a_reader_raise_or_count_below_zero(usage: dict[str, Any]) -> None:
    readings = [chat(usage, dialect) for dialect in ChatDialect]
    readings += [read_responses_usage(usage), read_anthropic_usage(usage)]
    readings += [read_gemini_usage(usage), read_embeddings_usage(usage)]
    readings += [read_gemini_embeddings_usage(usage)]
    for reading in readings:
        for one in reading.passes if reading else ():
            assert all(quantity > 0 for quantity in one.quantities.values())
