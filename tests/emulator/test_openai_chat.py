"""OpenAI's own client against the emulator: chat completions, whole and streamed."""

from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from openai.types import CompletionUsage

from outlay.emulator.server import Emulator
from tests.emulator.raw import CHAT, ask, chat

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        api_key="sk-anything", base_url=f"{emulator.base_url}/v1", max_retries=0
    ) as made:
        yield made


def as_billed(usage: CompletionUsage | None) -> dict[str, int]:
    """Usage as the SDK reads it, in disjoint quantities."""
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    assert usage.completion_tokens_details is not None
    cached = usage.prompt_tokens_details.cached_tokens or 0
    written = usage.prompt_tokens_details.cache_write_tokens or 0
    heard = usage.prompt_tokens_details.audio_tokens or 0
    thought = usage.completion_tokens_details.reasoning_tokens or 0
    sounded = usage.completion_tokens_details.audio_tokens or 0
    quantities = {
        "input": usage.prompt_tokens - cached - written - heard,
        "input_audio": heard,
        "cache_read": cached,
        "cache_write": written,
        "output": usage.completion_tokens - thought - sounded,
        "reasoning": thought,
        "output_audio": sounded,
    }
    return {name: n for name, n in quantities.items() if n}


STEERINGS = [
    "",
    "input_tokens=5000; cached_tokens=4096",
    "input_tokens=5000; cached_tokens=1024; cache_write_tokens=2048",
    "input_audio_tokens=44; output_audio_tokens=120",
    "reasoning_tokens=300; output_tokens=2",
]


@pytest.mark.parametrize("steering", STEERINGS)
async def test_usage_says_what_the_bill_charges(
    emulator: Emulator, client: AsyncOpenAI, steering: str
) -> None:
    answer = await client.chat.completions.create(**chat(), extra_headers={"x-emulate": steering})

    assert as_billed(answer.usage) == emulator.bill()[0]["quantities"]


@pytest.mark.parametrize("steering", STEERINGS)
async def test_a_stream_says_the_same_in_its_last_chunk(
    emulator: Emulator, client: AsyncOpenAI, steering: str
) -> None:
    stream = await client.chat.completions.create(
        **chat(), stream=True, stream_options={"include_usage": True},
        extra_headers={"x-emulate": steering},
    )  # fmt: skip
    chunks = [chunk async for chunk in stream]

    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert as_billed(chunks[-1].usage) == emulator.bill()[0]["quantities"]
    assert chunks[-1].choices == []


async def test_streamed_text_is_the_text(client: AsyncOpenAI) -> None:
    whole = await client.chat.completions.create(**chat("say it"))
    stream = await client.chat.completions.create(**chat("say it"), stream=True)
    said = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]

    assert "".join(said) == whole.choices[0].message.content


async def test_usage_comes_only_when_asked_for(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(**chat(), stream=True)

    assert [chunk.usage async for chunk in stream if chunk.usage or not chunk.choices] == []


async def test_a_tool_call_is_streamed_in_pieces(client: AsyncOpenAI) -> None:
    async with client.chat.completions.stream(
        **chat("use the tool"), tools=[WEATHER, WEATHER]
    ) as stream:
        final = await stream.get_final_completion()

    (call,) = final.choices[0].message.tool_calls or []
    assert call.function.name == "get_weather"
    assert final.choices[0].finish_reason == "tool_calls"


async def test_parallel_tool_calls_keep_their_places(client: AsyncOpenAI) -> None:
    async with client.chat.completions.stream(
        **chat("x"), tools=[WEATHER], extra_headers={"x-emulate": "tool_calls=3"}
    ) as stream:
        final = await stream.get_final_completion()

    calls = final.choices[0].message.tool_calls or []
    assert len({call.id for call in calls}) == 3


async def test_choices_take_turns_in_a_stream(emulator: Emulator, client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(**chat(n=2), stream=True)
    order = [chunk.choices[0].index async for chunk in stream]

    assert order[:4] == [0, 1, 0, 1]
    assert emulator.bill()[0]["quantities"]["output"] > 0


async def test_the_limit_is_honoured(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(**chat(max_tokens=3))

    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 3


async def test_the_answer_names_the_dated_model(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(**chat(model="gpt-4o-mini"))
    assert answer.model == "gpt-4o-mini-2024-07-18"


async def test_an_answer_can_be_heard(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(
        **chat(model="gpt-audio"), modalities=["text", "audio"],
        audio={"voice": "alloy", "format": "wav"},
    )  # fmt: skip

    assert answer.choices[0].message.audio is not None
    assert answer.usage is not None
    assert answer.usage.completion_tokens_details is not None
    assert answer.usage.completion_tokens_details.audio_tokens


async def test_googles_openai_format_hides_thoughts_in_the_total(emulator: Emulator) -> None:
    raw = await ask(
        emulator,
        "/v1beta/openai/chat/completions",
        chat(model="gemini-2.5-pro"),
        x_emulate="output_tokens=12; reasoning_tokens=62; input_tokens=35",
    )

    usage = {"completion_tokens": 12, "prompt_tokens": 35, "total_tokens": 109}
    assert raw.json()["usage"] == usage
    assert emulator.bill()[0]["quantities"] == {"input": 35, "output": 12, "reasoning": 62}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"messages": []}, "model"),
        ({"model": "gpt-4o"}, "messages"),
        (chat(max_tokens=0), "max_tokens"),
        (chat(max_tokens="many"), "max_tokens"),
    ],
)
async def test_a_request_that_makes_no_sense_names_the_field(
    emulator: Emulator, body: dict[str, Any], field: str
) -> None:
    raw = await ask(emulator, CHAT, body)

    assert raw.status == 400
    assert raw.json()["error"]["param"] == field
    assert emulator.bill() == []


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'{"model":"gpt-4o","messages":[7]}'])
async def test_a_body_of_the_wrong_shape_is_a_400(emulator: Emulator, body: bytes) -> None:
    raw = await ask(emulator, CHAT, body)
    assert (raw.status, raw.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_an_unknown_model_is_not_found(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        await client.chat.completions.create(**chat(model="no-such-model"))


async def test_stream_options_need_a_stream(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        await client.chat.completions.create(**chat(stream_options={"include_usage": True}))


async def test_a_repeated_prompt_is_cached(emulator: Emulator, client: AsyncOpenAI) -> None:
    for _ in range(2):
        await client.chat.completions.create(**chat("one two three four " * 500))

    first, second = (line["quantities"] for line in emulator.bill())
    assert "cache_read" not in first
    assert second["cache_read"] % 128 == 0
    assert second["cache_read"] + second["input"] == first["input"]
