"""The official Google SDK against the gateway; version 3 calls /v1, older ones call /v1beta."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from tests.flow.running import Gateway

MODEL = "gemini-2.5-flash"
WEATHER = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="get_weather",
            description="Current weather of a city",
            parameters_json_schema={
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        )
    ]
)


@contextmanager
def connected(gateway: Gateway, user: str, version: str | None = None) -> Iterator[genai.Client]:
    client = genai.Client(
        api_key=gateway.key,
        http_options=types.HttpOptions(
            base_url=gateway.url, api_version=version, headers={"X-Cost-User": user}
        ),
    )
    try:
        yield client
    finally:
        client.close()


@pytest.fixture
def client(gateway: Gateway, user: str) -> Iterator[genai.Client]:
    with connected(gateway, user) as client:
        yield client


def quantity(event: dict[str, Any], *meters: str) -> int:
    return sum(int(event["usage"].get(meter, 0)) for meter in meters)


@pytest.mark.parametrize("version", [None, "v1", "v1beta"])
def test_the_models_of_the_gemini_api_are_listed_and_described(
    gateway: Gateway, user: str, version: str | None
) -> None:
    with connected(gateway, user, version) as client:
        listed = [model.name for model in client.models.list()]
        described = client.models.get(model=MODEL)
    assert listed
    assert described.name == f"models/{MODEL}"


@pytest.mark.parametrize("version", [None, "v1", "v1beta"])
def test_generated_content_is_metered_under_every_version(
    gateway: Gateway, user: str, version: str | None
) -> None:
    with connected(gateway, user, version) as client:
        answer = client.models.generate_content(model=MODEL, contents="Say hello.")

    event = gateway.call(user=user)
    usage = answer.usage_metadata

    assert answer.text
    assert usage is not None
    assert event["provider"] == "gemini"
    assert event["wire"] == "gemini"
    assert usage.prompt_token_count == quantity(event, "input", "cache_read")
    assert usage.candidates_token_count == quantity(event, "output")


def test_streamed_content_is_metered(client: genai.Client, gateway: Gateway, user: str) -> None:
    chunks = list(client.models.generate_content_stream(model=MODEL, contents="Say hello."))

    event = gateway.call(user=user)

    assert "".join(chunk.text or "" for chunk in chunks)
    assert event["stream"] is True
    assert event["usage_source"] == "reported"


def test_a_function_call_comes_through_whole(
    client: genai.Client, gateway: Gateway, user: str
) -> None:
    answer = client.models.generate_content(
        model=MODEL,
        contents="What is the weather in Lisbon?",
        config=types.GenerateContentConfig(
            tools=[WEATHER],
            tool_config=types.ToolConfig(
                function_calling_config=types.FunctionCallingConfig(
                    mode=types.FunctionCallingConfigMode.ANY
                )
            ),
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        ),
    )

    assert answer.function_calls is not None
    assert answer.function_calls[0].name == "get_weather"
    assert gateway.call(user=user)["usage_source"] == "reported"


async def test_async_content_and_stream_are_two_calls(
    client: genai.Client, gateway: Gateway, user: str
) -> None:
    await client.aio.models.generate_content(model=MODEL, contents="Say hello.")
    stream = await client.aio.models.generate_content_stream(model=MODEL, contents="Say hello.")
    text = "".join([chunk.text or "" async for chunk in stream])
    await client.aio.aclose()

    assert text
    assert [event["stream"] for event in gateway.calls(user=user)] == [False, True]


def test_counting_tokens_costs_nothing(client: genai.Client, gateway: Gateway, user: str) -> None:
    counted = client.models.count_tokens(model=MODEL, contents="Hello")

    assert counted.total_tokens
    assert gateway.calls(user=user) == []


def test_embeddings_are_recorded(client: genai.Client, gateway: Gateway, user: str) -> None:
    answer = client.models.embed_content(model="gemini-embedding-001", contents=["one", "two"])

    event = gateway.call(user=user)

    assert answer.embeddings is not None
    assert len(answer.embeddings) == 2
    assert event["status"] == 200


def test_an_unknown_key_is_a_client_error(gateway: Gateway) -> None:
    stranger = replace(gateway, key="sk-outlay-unknown")

    with connected(stranger, "usr_x") as client, pytest.raises(errors.ClientError) as refused:
        client.models.generate_content(model=MODEL, contents="x")

    assert refused.value.code == 401
    assert refused.value.status == "UNAUTHENTICATED"
