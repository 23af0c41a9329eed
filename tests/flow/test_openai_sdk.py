"""The official OpenAI SDK against the gateway: every operation of its two wires."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionToolParam

from tests.flow.running import Gateway

WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


@pytest.fixture
def client(gateway: Gateway, user: str) -> Iterator[OpenAI]:
    with OpenAI(
        api_key=gateway.key,
        base_url=f"{gateway.url}/v1",
        default_headers={"X-Cost-User": user},
        max_retries=0,
    ) as client:
        yield client


@pytest.fixture
async def async_client(gateway: Gateway, user: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        api_key=gateway.key,
        base_url=f"{gateway.url}/v1",
        default_headers={"X-Cost-User": user},
        max_retries=0,
    ) as client:
        yield client


def ask(text: str = "Say hello.") -> dict[str, Any]:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]}


def quantity(event: dict[str, Any], *meters: str) -> int:
    return sum(int(event["usage"].get(meter, 0)) for meter in meters)


def test_chat_reports_what_the_event_records(client: OpenAI, gateway: Gateway, user: str) -> None:
    raw = client.chat.completions.with_raw_response.create(**ask())
    answer = raw.parse()

    event = gateway.call(user=user)

    assert raw.headers["x-cost-request-id"] == event["request_id"]
    assert raw.headers["x-cost-usd"] == event["cost_usd"]
    assert raw.headers["x-cost-model"] == event["model"]
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == quantity(event, "input", "cache_read")
    assert answer.usage.completion_tokens == quantity(event, "output", "reasoning")


def test_a_stream_that_asks_for_usage_gets_it(client: OpenAI, gateway: Gateway, user: str) -> None:
    chunks = list(
        client.chat.completions.create(**ask(), stream=True, stream_options={"include_usage": True})
    )

    event = gateway.call(user=user)

    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == quantity(event, "output", "reasoning")
    assert event["stream"] is True
    assert event["usage_source"] == "reported"


def test_a_stream_that_does_not_ask_sees_no_extra_chunk(
    client: OpenAI, gateway: Gateway, user: str
) -> None:
    """Usage is asked for upstream all the same, so the call is metered exactly."""
    chunks = list(client.chat.completions.create(**ask(), stream=True))

    event = gateway.call(user=user)

    assert all(chunk.choices for chunk in chunks)
    assert all(chunk.usage is None for chunk in chunks)
    assert event["usage_source"] == "reported"
    assert quantity(event, "output", "reasoning") > 0


def test_a_tool_call_comes_through_whole(client: OpenAI, gateway: Gateway, user: str) -> None:
    answer = client.chat.completions.create(
        **ask("What is the weather in Lisbon?"), tools=[WEATHER], tool_choice="required"
    )

    calls = answer.choices[0].message.tool_calls

    assert calls is not None
    assert calls[0].type == "function"
    assert calls[0].function.name == "get_weather"
    assert gateway.call(user=user)["usage_source"] == "reported"


async def test_async_chat_and_stream_are_two_calls(
    async_client: AsyncOpenAI, gateway: Gateway, user: str
) -> None:
    plain = await async_client.chat.completions.create(**ask())
    text = ""
    async for chunk in await async_client.chat.completions.create(**ask(), stream=True):
        text += chunk.choices[0].delta.content or ""

    events = gateway.calls(user=user)

    assert plain.choices[0].message.content
    assert text
    assert [event["stream"] for event in events] == [False, True]


@pytest.mark.parametrize("stream", [False, True])
def test_responses_are_metered(client: OpenAI, gateway: Gateway, user: str, stream: bool) -> None:
    if stream:
        events = list(client.responses.create(model="gpt-4o-mini", input="Hello", stream=True))
        completed = events[-1]
        assert completed.type == "response.completed"
        answer = completed.response
    else:
        answer = client.responses.create(model="gpt-4o-mini", input="Hello")

    event = gateway.call(user=user)

    assert answer.output_text
    assert answer.usage is not None
    assert answer.usage.output_tokens == quantity(event, "output", "reasoning")
    assert event["wire"] == "openai_responses"
    assert event["stream"] is stream


def test_counting_input_tokens_costs_nothing(client: OpenAI, gateway: Gateway, user: str) -> None:
    counted = client.responses.input_tokens.count(model="gpt-4o-mini", input="Hello there")

    assert counted.input_tokens > 0
    assert gateway.calls(user=user) == []


def test_embeddings_are_metered(client: OpenAI, gateway: Gateway, user: str) -> None:
    """The SDK asks for base64 by itself and decodes it: bytes must arrive unchanged."""
    answer = client.embeddings.create(model="text-embedding-3-small", input=["one", "two"])

    event = gateway.call(user=user)

    assert len(answer.data) == 2
    assert len(answer.data[0].embedding) > 0
    assert answer.usage.prompt_tokens == quantity(event, "input")


def test_models_are_listed(client: OpenAI, gateway: Gateway, user: str) -> None:
    listed = [model.id for model in client.models.list()]

    assert listed
    assert gateway.calls(user=user) == []


def test_an_unknown_key_is_an_authentication_error(gateway: Gateway) -> None:
    with (
        OpenAI(
            api_key="sk-outlay-unknown", base_url=f"{gateway.url}/v1", max_retries=0
        ) as stranger,
        pytest.raises(openai.AuthenticationError) as refused,
    ):
        stranger.chat.completions.create(**ask())

    assert refused.value.code == "invalid_proxy_key"


def test_an_unknown_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(
            model="no-such-model", messages=[{"role": "user", "content": "x"}]
        )

    assert refused.value.code == "model_not_found"


def test_a_header_too_long_is_refused_once(gateway: Gateway) -> None:
    """`x-should-retry: false` keeps the SDK from asking again: with two retries, one request."""
    with (
        OpenAI(api_key=gateway.key, base_url=f"{gateway.url}/v1", max_retries=2) as patient,
        pytest.raises(openai.BadRequestError) as refused,
    ):
        patient.chat.completions.create(**ask(), extra_headers={"X-Cost-Feature": "f" * 257})

    assert refused.value.code == "invalid_header"
    assert "X-Cost-Feature" in refused.value.message
    assert refused.value.response.headers["x-should-retry"] == "false"


def test_a_gemini_model_answers_in_openai_format(gateway: Gateway, user: str) -> None:
    with OpenAI(
        api_key=gateway.key,
        base_url=f"{gateway.url}/v1beta/openai",
        default_headers={"X-Cost-User": user},
    ) as client:
        answer = client.chat.completions.create(
            model="gemini-2.5-flash", messages=[{"role": "user", "content": "Say hello."}]
        )

    event = gateway.call(user=user)

    assert answer.choices[0].message.content
    assert event["provider"] == "gemini"
    assert event["wire"] == "openai_chat"
    assert event["usage_source"] == "reported"


def test_a_provider_can_be_named_before_the_model(
    client: OpenAI, gateway: Gateway, user: str
) -> None:
    """The provider sees its own name for the model, so it must be the part after the slash."""
    answer = client.chat.completions.create(
        model="openai/gpt-4o-mini", messages=[{"role": "user", "content": "Say hello."}]
    )

    event = gateway.call(user=user)

    assert answer.model.startswith("gpt-4o-mini")
    assert event["model_requested"] == "openai/gpt-4o-mini"
    assert event["model"] == "gpt-4o-mini"
