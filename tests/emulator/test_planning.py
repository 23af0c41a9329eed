"""What an answer consumes and what of it is billed, worked out by hand."""

from datetime import UTC, datetime
from typing import Any

import pytest

from outlay.emulator.anthropic_reading import read_messages
from outlay.emulator.gemini_reading import read_generate
from outlay.emulator.openai_chat import read_chat
from outlay.emulator.planning import Plan, make_plan
from outlay.emulator.prices import price_table
from outlay.emulator.prompt_cache import PromptCache
from outlay.emulator.responses_reading import read_response
from outlay.emulator.steering import read_steering
from outlay.emulator.wire_format import Target
from outlay.kernel.clock import FrozenClock
from tests.emulator.raw import chat

READERS = {
    "chat": read_chat,
    "messages": read_messages,
    "gemini": read_generate,
    "responses": read_response,
}


def plan(kind: str, body: dict[str, Any], steering: str = "", model: str = "") -> Plan:
    ask = READERS[kind](body, Target(model=model))
    cache = PromptCache(FrozenClock(datetime(2026, 11, 20, tzinfo=UTC)))
    return make_plan(
        ask,
        read_steering(steering),
        table=price_table(),
        cache=cache,
        call_id="1",
        now_s=0,
    )


def message(model: str = "claude-sonnet-4-6", **more: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": "hello"}]
    return {"model": model, "max_tokens": 500, "messages": turns, **more}


def contents(**more: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": "hello"}]}], **more}


def of_one_pass(planned: Plan) -> dict[str, int]:
    ((_, quantities),) = planned.billed_whole()
    return quantities


def test_a_chat_counts_its_text_and_three_tokens_a_message() -> None:
    """One word, three for the message, three for the reply."""
    assert of_one_pass(plan("chat", chat("hello"), "output_tokens=5")) == {"input": 7, "output": 5}


def test_every_choice_is_billed() -> None:
    quantities = of_one_pass(plan("chat", chat("hello", n=3), "output_tokens=5"))
    assert quantities["output"] == 15


def test_steered_parts_lie_within_the_input() -> None:
    steering = "input_tokens=3000; cached_tokens=2048; cache_write_tokens=500; output_tokens=1"

    quantities = of_one_pass(
        plan("chat", chat(model="gpt-5.6-sol"), steering + ";reasoning_tokens=0")
    )

    assert quantities == {"input": 452, "cache_read": 2048, "cache_write": 500, "output": 1}


def test_steering_never_makes_input_negative() -> None:
    quantities = of_one_pass(
        plan("chat", chat(), "input_tokens=10; cached_tokens=99; output_tokens=1")
    )
    assert quantities == {"cache_read": 10, "output": 1}


def test_the_limit_holds_for_text() -> None:
    planned = plan("chat", chat(max_tokens=4), "output_tokens=50")
    assert planned.choices[0].is_cut
    assert of_one_pass(planned)["output"] == 4


def test_the_limit_includes_reasoning() -> None:
    """A budget of 30 that the thoughts use up leaves nothing to say."""
    body = chat(model="gpt-5-mini", max_completion_tokens=30)

    planned = plan("chat", body, "reasoning_tokens=40; output_tokens=10")

    assert planned.choices[0].is_cut
    assert of_one_pass(planned) == {"input": 7, "reasoning": 30}


def test_reasoning_is_off_when_asked() -> None:
    body = chat(model="gpt-5-mini", reasoning_effort="none")
    assert "reasoning" not in of_one_pass(plan("chat", body))


def test_sound_is_counted_apart() -> None:
    steering = "input_tokens=20; input_audio_tokens=80; output_tokens=5; output_audio_tokens=60"

    quantities = of_one_pass(plan("chat", chat(model="gpt-audio"), steering))

    assert quantities == {"input": 20, "input_audio": 80, "output": 5, "output_audio": 60}


def test_anthropic_thinks_only_when_asked() -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    assert "reasoning" not in of_one_pass(plan("messages", message()))
    assert "reasoning" in of_one_pass(plan("messages", message(thinking=thinking)))


def test_a_search_is_a_unit_and_800_tokens_of_input() -> None:
    tools = [{"type": "web_search_20250305", "name": "web_search"}]

    quantities = of_one_pass(
        plan("messages", message(tools=tools), "input_tokens=100;output_tokens=1")
    )

    assert quantities == {"input": 900, "output": 1, "web_search": 1}


@pytest.mark.parametrize(
    ("model", "unit"),
    [
        ("gemini-2.5-flash", {"grounded_prompt": 1}),
        ("gemini-3-flash-preview", {"grounded_query": 3}),
    ],
)
def test_grounding_is_charged_by_prompt_or_by_query(model: str, unit: dict[str, int]) -> None:
    planned = plan(
        "gemini",
        contents(),
        "queries=3; output_tokens=1; reasoning_tokens=0",
        model,
    )
    assert of_one_pass(planned) == {"input": 1, "output": 1} | unit


def test_geminis_own_tools_add_to_the_input() -> None:
    body = contents(tools=[{"url_context": {}}])

    planned = plan("gemini", body, "tool_prompt_tokens=50;input_tokens=10", "gemini-2.5-flash")

    assert planned.tool_prompt_tokens == 50
    assert of_one_pass(planned)["input"] == 60


def test_compaction_is_a_pass_of_its_own() -> None:
    """It reads everything; the pass after it reads its summary only."""
    steering = "compaction=1; input_tokens=9000; cached_tokens=8000; output_tokens=6"

    (_, first), (_, second) = plan("messages", message(), steering).billed_whole()

    assert first == {"input": 1000, "cache_read": 8000, "output": first["output"]}
    assert second == {"input": first["output"] + 95, "output": 6}


def test_compaction_starts_above_the_requests_own_trigger() -> None:
    trigger = {"type": "input_tokens", "value": 60_000}
    edits = {"edits": [{"type": "compact_20260112", "trigger": trigger}]}
    body = message(context_management=edits)

    assert len(plan("messages", body, "input_tokens=60000").passes) == 1
    assert len(plan("messages", body, "input_tokens=60001").passes) == 2


def test_an_advisor_is_billed_as_the_model_it_is() -> None:
    advisor = {"type": "advisor_20260301", "name": "advisor", "model": "claude-opus-4-8"}
    body = message("claude-sonnet-5", tools=[advisor])

    passes = plan("messages", body, "input_tokens=1128; output_tokens=121").billed_whole()

    assert [model for model, _ in passes] == [
        "claude-sonnet-5",
        "claude-opus-4-8",
        "claude-sonnet-5",
    ]
    assert passes[1][1] == {"input": 2 * 1128 + 262, "output": 20}
    assert passes[0][1]["output"] + passes[2][1]["output"] == 121


def test_a_tier_is_served_where_it_has_a_price() -> None:
    assert plan("chat", chat(model="gpt-5", service_tier="flex")).rate_tier == "flex"
    assert plan("chat", chat(model="gpt-4o", service_tier="flex")).rate_tier == "standard"
    assert plan("chat", chat(model="gpt-5", service_tier="auto")).tier == "default"


def test_a_broken_answer_bills_what_was_said_until_then() -> None:
    planned = plan("chat", chat(model="gpt-5-mini"), "output_tokens=50; reasoning_tokens=20")

    assert planned.billed_until(0, 0) == [("gpt-5-mini-2025-08-07", {"input": 7})]
    assert planned.billed_until(9, 20) == [
        ("gpt-5-mini-2025-08-07", {"input": 7, "output": 9, "reasoning": 20})
    ]


def test_passes_before_the_break_are_billed_whole() -> None:
    planned = plan("messages", message(), "compaction=1; input_tokens=9000; output_tokens=6")

    first, second = planned.billed_until(2, 0)

    assert first == planned.billed_whole()[0]
    assert second[1] == planned.billed_whole()[1][1] | {"output": 2}


@pytest.mark.parametrize("kind", ["chat", "responses"])
def test_the_same_request_gets_the_same_answer_streamed_or_not(kind: str) -> None:
    body = chat() if kind == "chat" else {"model": "gpt-4o", "input": "hello"}
    assert plan(kind, body).choices == plan(kind, body | {"stream": True}).choices
