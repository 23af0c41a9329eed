"""Google's own client against the emulator, whole and streamed, under both API versions."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google import genai
from google.genai import types

from outlay.emulator.server import Emulator
from tests.emulator.raw import ask

MODEL = "gemini-2.5-flash"


@pytest.fixture(params=["v1", "v1beta"])
async def client(
    emulator: Emulator, request: pytest.FixtureRequest
) -> AsyncIterator[genai.client.AsyncClient]:
    options = types.HttpOptions(base_url=emulator.base_url, api_version=request.param)
    made = genai.Client(api_key="AIza-anything", http_options=options)
    yield made.aio
    await made.aio.aclose()
    made.close()


def as_billed(usage: types.GenerateContentResponseUsageMetadata | None) -> dict[str, int]:
    """Usage as the SDK reads it: cached within the prompt, thoughts and tool prompts beside it."""
    assert usage is not None
    cached = _by_modality(usage.cache_tokens_details)
    prompt = _by_modality(usage.prompt_tokens_details)
    quantities: dict[str, int] = {}
    for modality, tokens in prompt.items():
        suffix = "" if modality == "TEXT" else f"_{modality.lower()}"
        quantities["input" + suffix] = tokens - cached.get(modality, 0)
        quantities["cache_read" + suffix] = cached.get(modality, 0)
    quantities["input"] += usage.tool_use_prompt_token_count or 0
    quantities["output"] = usage.candidates_token_count or 0
    quantities["reasoning"] = usage.thoughts_token_count or 0
    return {name: n for name, n in quantities.items() if n}


def _by_modality(details: list[types.ModalityTokenCount] | None) -> dict[str, int]:
    return {str(one.modality.value): one.token_count or 0 for one in details or [] if one.modality}


def config(steering: str = "", **more: Any) -> types.GenerateContentConfig:
    options = types.HttpOptions(headers={"x-emulate": steering})
    return types.GenerateContentConfig(http_options=options, **more)


STEERINGS = [
    "",
    "input_tokens=5000; cached_tokens=4096",
    "input_tokens=32; tool_prompt_tokens=4610",
    "input_tokens=20; input_audio_tokens=1881",
    "reasoning_tokens=742; output_tokens=3",
]


@pytest.mark.parametrize("steering", STEERINGS)
async def test_usage_says_what_the_bill_charges(
    emulator: Emulator, client: genai.client.AsyncClient, steering: str
) -> None:
    answer = await client.models.generate_content(
        model=MODEL, contents="hello", config=config(steering)
    )

    assert as_billed(answer.usage_metadata) == emulator.bill()[0]["quantities"]
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.total_token_count == sum(emulator.bill()[0]["quantities"].values())


@pytest.mark.parametrize("steering", STEERINGS)
async def test_the_last_chunk_of_a_stream_says_the_same(
    emulator: Emulator, client: genai.client.AsyncClient, steering: str
) -> None:
    stream = await client.models.generate_content_stream(
        model=MODEL, contents="hello", config=config(steering)
    )
    chunks = [chunk async for chunk in stream]

    assert as_billed(chunks[-1].usage_metadata) == emulator.bill()[0]["quantities"]


async def test_usage_grows_in_a_stream(client: genai.client.AsyncClient) -> None:
    stream = await client.models.generate_content_stream(
        model=MODEL, contents="hello", config=config("output_tokens=4")
    )
    counts = [chunk.usage_metadata.candidates_token_count async for chunk in stream
              if chunk.usage_metadata]  # fmt: skip

    assert counts == [1, 2, 3, 4, 4]


async def test_streamed_text_is_the_text(client: genai.client.AsyncClient) -> None:
    whole = await client.models.generate_content(model=MODEL, contents="say it")
    stream = await client.models.generate_content_stream(model=MODEL, contents="say it")

    assert "".join([chunk.text or "" async for chunk in stream]) == whole.text


async def test_media_are_counted_by_modality(
    emulator: Emulator, client: genai.client.AsyncClient
) -> None:
    parts: Any = [
        types.Part.from_bytes(data=b"x" * 4_000, mime_type="audio/mp3"),
        types.Part.from_bytes(data=b"x" * 100, mime_type="image/png"),
        "what is this?",
    ]

    answer = await client.models.generate_content(model=MODEL, contents=parts)

    quantities = emulator.bill()[0]["quantities"]
    assert as_billed(answer.usage_metadata) == quantities
    assert quantities["input_image"] == 258
    assert quantities["input_audio"] == 6  # 4,000 bytes, 800 for a token, and one


async def test_cached_sound_is_counted_as_such(emulator: Emulator) -> None:
    sound = {"mimeType": "audio/mp3", "data": base64.b64encode(b"x" * 900_000).decode()}
    body = {"contents": [{"parts": [{"inlineData": sound}, {"text": "word " * 300}]}]}
    for _ in range(2):
        await ask(emulator, f"/v1beta/models/{MODEL}:generateContent", body)

    second = emulator.bill()[1]["quantities"]
    assert second["cache_read_audio"] == 1126
    assert "input_audio" not in second


async def test_a_function_is_called(client: genai.client.AsyncClient) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    declared = types.FunctionDeclaration(name="get_weather", parameters_json_schema=schema)
    tools: Any = [types.Tool(function_declarations=[declared])]

    answer = await client.models.generate_content(
        model=MODEL, contents="use the tool", config=types.GenerateContentConfig(tools=tools)
    )

    (call,) = answer.function_calls or []
    assert (call.name, list(call.args or {})) == ("get_weather", ["city"])


async def test_json_is_answered_by_its_schema(client: genai.client.AsyncClient) -> None:
    schema = {"type": "object", "properties": {"sum": {"type": "integer"}}}
    wanted = config(response_mime_type="application/json", response_json_schema=schema)

    answer = await client.models.generate_content(model=MODEL, contents="x", config=wanted)

    assert json.loads(answer.text or "") == {"sum": 7}


async def test_the_limit_includes_thoughts(client: genai.client.AsyncClient) -> None:
    answer = await client.models.generate_content(
        model=MODEL, contents="x",
        config=config("reasoning_tokens=30; output_tokens=30", max_output_tokens=40),
    )  # fmt: skip

    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason is types.FinishReason.MAX_TOKENS
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.candidates_token_count == 10


async def test_a_budget_of_zero_thinks_nothing(
    emulator: Emulator, client: genai.client.AsyncClient
) -> None:
    thinking = types.ThinkingConfig(thinking_budget=0)
    await client.models.generate_content(
        model=MODEL, contents="x", config=config(thinking_config=thinking)
    )
    assert "reasoning" not in emulator.bill()[0]["quantities"]


async def test_a_search_tells_its_queries(
    emulator: Emulator, client: genai.client.AsyncClient
) -> None:
    tools: Any = [types.Tool(google_search=types.GoogleSearch())]

    answer = await client.models.generate_content(
        model="gemini-3-flash-preview", contents="x", config=config("queries=2", tools=tools)
    )

    assert answer.candidates is not None
    grounding = answer.candidates[0].grounding_metadata
    assert grounding is not None
    assert grounding.web_search_queries == ["query 1", "query 2"]
    assert emulator.bill()[0]["quantities"]["grounded_query"] == 2


async def test_embeddings_are_billed_by_their_tokens(
    emulator: Emulator, client: genai.client.AsyncClient
) -> None:
    made = await client.models.embed_content(
        model="gemini-embedding-001", contents=["one", "two three"]
    )

    assert len(made.embeddings or []) == 2
    assert emulator.bill()[0]["quantities"] == {"input": 3}
    assert emulator.bill()[0]["cost_usd"] == "0.00000045"


async def test_counting_is_free_and_true(
    emulator: Emulator, client: genai.client.AsyncClient
) -> None:
    counted = await client.models.count_tokens(model=MODEL, contents="hello there")
    assert emulator.bill() == []

    answer = await client.models.generate_content(model=MODEL, contents="hello there")
    assert answer.usage_metadata is not None
    assert counted.total_tokens == answer.usage_metadata.prompt_token_count


async def test_models_are_listed_in_googles_manner(emulator: Emulator) -> None:
    raw = await ask(emulator, "/v1beta/models", method="GET")
    assert "models/gemini-2.5-flash" in {model["name"] for model in raw.json()["models"]}


async def test_a_stream_without_sse_is_one_array(emulator: Emulator) -> None:
    body = {"contents": [{"parts": [{"text": "hello"}]}]}
    path = f"/v1beta/models/{MODEL}:streamGenerateContent"

    array = await ask(emulator, path, body)
    events = await ask(emulator, path + "?alt=sse", body)

    assert array.header("content-type") == "application/json"
    assert [x["candidates"] for x in array.json()] == [x["candidates"] for x in events.events()]
    assert b"\r\n\r\n" in events.body
