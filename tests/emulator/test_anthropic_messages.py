"""Anthropic's own client against the emulator, whole and streamed."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import pytest
from anthropic import AsyncAnthropic

from outlay.emulator.server import Emulator
from tests.emulator.raw import ask

MESSAGES = "/v1/messages"
WEATHER: Any = {
    "name": "get_weather",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
LONG = "a word and another one " * 600


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(
        api_key="sk-ant-anything", base_url=emulator.base_url, max_retries=0
    ) as made:
        yield made


def message(text: str = "hello", **more: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": text}]
    return {"model": "claude-sonnet-4-6", "max_tokens": 400, "messages": turns, **more}


def as_billed(usage: Any) -> dict[str, int]:
    """Usage as the SDK reads it, in disjoint quantities: nothing lies within `input_tokens`."""
    written = usage.cache_creation
    thought = usage.output_tokens_details.thinking_tokens if usage.output_tokens_details else 0
    quantities = {
        "input": usage.input_tokens,
        "cache_read": usage.cache_read_input_tokens,
        "cache_write_5m": written.ephemeral_5m_input_tokens if written else 0,
        "cache_write_1h": written.ephemeral_1h_input_tokens if written else 0,
        "output": usage.output_tokens - thought,
        "reasoning": thought,
        "web_search": usage.server_tool_use.web_search_requests if usage.server_tool_use else 0,
    }
    return {name: n for name, n in quantities.items() if n}


BODIES: list[dict[str, Any]] = [
    message(),
    message(thinking={"type": "enabled", "budget_tokens": 1024}, max_tokens=2000),
    message(tools=[{"type": "web_search_20250305", "name": "web_search"}]),
    message(system=[{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}]),
    message(LONG, cache_control={"type": "ephemeral", "ttl": "1h"}),
]


@pytest.mark.parametrize("body", BODIES)
async def test_usage_says_what_the_bill_charges(
    emulator: Emulator, client: AsyncAnthropic, body: dict[str, Any]
) -> None:
    answer = await client.messages.create(**body)
    assert as_billed(answer.usage) == emulator.bill()[0]["quantities"]


@pytest.mark.parametrize("body", BODIES)
async def test_a_stream_adds_up_to_the_same(
    emulator: Emulator, client: AsyncAnthropic, body: dict[str, Any]
) -> None:
    async with client.messages.stream(**body) as stream:
        final = await stream.get_final_message()

    assert as_billed(final.usage) == emulator.bill()[0]["quantities"]


async def test_the_start_knows_less_than_the_end(emulator: Emulator) -> None:
    """Searches raise the input afterwards, and the start counts one token of output only."""
    tools = [{"type": "web_search_20250305", "name": "web_search"}]
    steering = "input_tokens=702; searches=1; output_tokens=30"

    raw = await ask(emulator, MESSAGES, message(tools=tools, stream=True), x_emulate=steering)

    start = next(e for e in raw.events() if e["type"] == "message_start")["message"]["usage"]
    end = next(e for e in raw.events() if e["type"] == "message_delta")["usage"]
    assert (start["input_tokens"], start["output_tokens"]) == (702, 1)
    assert (end["input_tokens"], end["output_tokens"]) == (1502, 30)


async def test_a_breakpoint_is_written_then_read(
    emulator: Emulator, client: AsyncAnthropic
) -> None:
    for _ in range(2):
        await client.messages.create(**BODIES[3])

    first, second = (line["quantities"] for line in emulator.bill())
    assert first["cache_write_5m"] == second["cache_read"]
    assert first["input"] == second["input"]


async def test_compaction_stands_in_iterations_only(
    emulator: Emulator, client: AsyncAnthropic
) -> None:
    """The end replaces the start's 8,000 cache reads by 0; they were billed all the same."""
    steering = "compaction=1; input_tokens=9000; cached_tokens=8000; output_tokens=6"
    seen: list[Any] = []
    async with client.beta.messages.stream(
        **message(), extra_headers={"x-emulate": steering}
    ) as stream:
        seen.extend([event async for event in stream])

    start = next(e for e in seen if e.type == "message_start").message.usage
    end = next(e for e in seen if e.type == "message_delta").usage
    compaction, said = end.iterations
    assert start.cache_read_input_tokens == 8000
    assert end.cache_read_input_tokens == 0
    assert (compaction.type, compaction.cache_read_input_tokens) == ("compaction", 8000)
    assert end.input_tokens == said.input_tokens
    quantities = emulator.bill()[0]["quantities"]
    assert quantities["cache_read"] == 8000
    assert quantities["input"] == compaction.input_tokens + said.input_tokens
    assert quantities["output"] == compaction.output_tokens + said.output_tokens


async def test_an_advisors_pass_names_its_model(emulator: Emulator, client: AsyncAnthropic) -> None:
    advisor: Any = {"type": "advisor_20260301", "name": "advisor", "model": "claude-opus-4-8"}

    answer = await client.beta.messages.create(**message(), tools=[advisor])

    passes = answer.usage.iterations or []
    (line,) = emulator.bill()
    assert [one.type for one in passes] == ["message", "advisor_message", "message"]
    assert line["passes"][1]["model"] == "claude-opus-4-8"
    assert answer.usage.output_tokens == passes[0].output_tokens + passes[2].output_tokens


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "get_weather"}])
async def test_a_tool_is_used_when_forced(client: AsyncAnthropic, choice: Any) -> None:
    async with client.messages.stream(**message(), tools=[WEATHER], tool_choice=choice) as stream:
        final = await stream.get_final_message()

    (use,) = (block for block in final.content if block.type == "tool_use")
    assert list(use.input) == ["city"]
    assert final.stop_reason == "tool_use"


async def test_a_tool_result_is_answered_with_text(client: AsyncAnthropic) -> None:
    result = {"type": "tool_result", "tool_use_id": "1", "content": "use the tool: sunny"}
    body = message("use the tool")
    body["messages"] += [
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "1", "name": "x", "input": {}}],
        },
        {"role": "user", "content": [result]},
    ]

    answer = await client.messages.create(**body, tools=[WEATHER])

    assert [block.type for block in answer.content] == ["text"]


async def test_the_limit_includes_thinking(client: AsyncAnthropic) -> None:
    body = message(thinking={"type": "enabled", "budget_tokens": 1024}, max_tokens=30)

    answer = await client.messages.create(
        **body, extra_headers={"x-emulate": "reasoning_tokens=25; output_tokens=20"}
    )

    assert answer.stop_reason == "max_tokens"
    assert answer.usage.output_tokens == 30


async def test_a_schema_is_answered_in_json(client: AsyncAnthropic) -> None:
    schema = {"type": "object", "properties": {"sum": {"type": "integer"}}}
    wanted = {"format": {"type": "json_schema", "schema": schema}}

    answer = await client.messages.create(**message(), extra_body={"output_config": wanted})

    (block,) = answer.content
    assert block.type == "text"
    assert json.loads(block.text) == {"sum": 7}


async def test_fast_speed_costs_its_own_price(emulator: Emulator, client: AsyncAnthropic) -> None:
    """Opus 4.8, fast: 10 USD per million tokens of input instead of 5."""
    answer = await client.beta.messages.create(
        **message(model="claude-opus-4-8", speed="fast"),
        extra_headers={"x-emulate": "input_tokens=1000; output_tokens=0"},
    )

    assert answer.usage.speed == "fast"
    assert emulator.bill()[0]["cost_usd"] == "0.01"


async def test_events_are_named_and_padded_as_the_provider_does(emulator: Emulator) -> None:
    raw = await ask(emulator, MESSAGES, message("hello there", stream=True))

    text = raw.body.decode()
    assert text.startswith("event: message_start\ndata: {")
    assert "event: ping\n" in text
    assert " }\n\n" in text
    assert "[DONE]" not in text


@pytest.mark.parametrize("missing", ["model", "messages", "max_tokens"])
async def test_a_missing_field_is_a_400(client: AsyncAnthropic, missing: str) -> None:
    body = {name: value for name, value in message().items() if name != missing}
    with pytest.raises(anthropic.BadRequestError, match=missing):
        await client.post(MESSAGES, body=body, cast_to=object)


async def test_counting_is_free_and_true(emulator: Emulator, client: AsyncAnthropic) -> None:
    asked: Any = {"model": "claude-sonnet-4-6", "messages": message()["messages"]}
    counted = await client.messages.count_tokens(**asked)
    assert emulator.bill() == []

    answer = await client.messages.create(**asked, max_tokens=5)
    assert counted.input_tokens == answer.usage.input_tokens


async def test_models_are_listed_in_anthropics_manner(client: AsyncAnthropic) -> None:
    models = [model.id async for model in client.models.list()]
    assert "claude-sonnet-4-5-20250929" in models
    assert "gpt-4o" not in models
