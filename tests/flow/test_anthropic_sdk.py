"""The official Anthropic SDK against the gateway."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic
from anthropic.types import TextBlockParam, ToolParam

from tests.flow.running import Gateway

WEATHER: ToolParam = {
    "name": "get_weather",
    "description": "Current weather of a city",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
_INPUT_METERS = ("input", "cache_read", "cache_write_5m", "cache_write_1h")


@pytest.fixture
def client(gateway: Gateway, user: str) -> Iterator[Anthropic]:
    with Anthropic(
        api_key=gateway.key,
        base_url=gateway.url,
        default_headers={"X-Cost-User": user},
        max_retries=0,
    ) as client:
        yield client


@pytest.fixture
async def async_client(gateway: Gateway, user: str) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(
        api_key=gateway.key,
        base_url=gateway.url,
        default_headers={"X-Cost-User": user},
        max_retries=0,
    ) as client:
        yield client


def ask(text: str = "Say hello.") -> dict[str, Any]:
    return {
        "model": "claude-sonnet-5",
        "max_tokens": 200,
        "messages": [{"role": "user", "content": text}],
    }


def quantity(event: dict[str, Any], *meters: str) -> int:
    return sum(int(event["usage"].get(meter, 0)) for meter in meters)


def test_a_message_reports_what_the_event_records(
    client: Anthropic, gateway: Gateway, user: str
) -> None:
    raw = client.messages.with_raw_response.create(**ask())
    message = raw.parse()

    event = gateway.call(user=user)

    assert raw.headers["x-cost-request-id"] == event["request_id"]
    assert raw.headers["x-cost-usd"] == event["cost_usd"]
    assert event["provider"] == "anthropic"
    assert event["wire"] == "anthropic_messages"
    assert message.usage.input_tokens == quantity(event, "input")
    assert message.usage.output_tokens == quantity(event, "output", "reasoning")


def test_a_streamed_message_is_metered(client: Anthropic, gateway: Gateway, user: str) -> None:
    with client.messages.stream(**ask()) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()

    event = gateway.call(user=user)

    assert text
    assert event["stream"] is True
    assert event["usage_source"] == "reported"
    assert message.usage.output_tokens == quantity(event, "output", "reasoning")


def test_a_tool_use_comes_through_whole(client: Anthropic, gateway: Gateway, user: str) -> None:
    message = client.messages.create(
        **ask("What is the weather in Lisbon?"), tools=[WEATHER], tool_choice={"type": "any"}
    )

    (use,) = [block for block in message.content if block.type == "tool_use"]

    assert use.name == "get_weather"
    assert message.stop_reason == "tool_use"
    assert gateway.call(user=user)["usage_source"] == "reported"


def test_a_streamed_tool_use_comes_through_whole(
    client: Anthropic, gateway: Gateway, user: str
) -> None:
    with client.messages.stream(
        **ask("What is the weather in Lisbon?"), tools=[WEATHER], tool_choice={"type": "any"}
    ) as stream:
        message = stream.get_final_message()

    (use,) = [block for block in message.content if block.type == "tool_use"]

    assert isinstance(use.input, dict)
    assert gateway.call(user=user)["usage_source"] == "reported"


def test_a_written_cache_is_metered_apart(client: Anthropic, gateway: Gateway, user: str) -> None:
    """A cached system prompt costs its own rate, so it must not count as fresh input."""
    system: list[TextBlockParam] = [
        {
            "type": "text",
            "text": "You answer briefly and kindly. " * 400,
            "cache_control": {"type": "ephemeral"},
        }
    ]

    message = client.messages.create(**ask(), system=system)

    event = gateway.call(user=user)
    written = message.usage.cache_creation_input_tokens or 0
    read = message.usage.cache_read_input_tokens or 0

    assert written + read > 0
    assert written + read == quantity(event, *_INPUT_METERS[1:])
    assert message.usage.input_tokens == quantity(event, "input")


async def test_async_message_and_stream_are_two_calls(
    async_client: AsyncAnthropic, gateway: Gateway, user: str
) -> None:
    await async_client.messages.create(**ask())
    async with async_client.messages.stream(**ask()) as stream:
        text = "".join([part async for part in stream.text_stream])

    assert text
    assert [event["stream"] for event in gateway.calls(user=user)] == [False, True]


def test_counting_tokens_costs_nothing(client: Anthropic, gateway: Gateway, user: str) -> None:
    counted = client.messages.count_tokens(
        model="claude-sonnet-5", messages=[{"role": "user", "content": "Hello"}]
    )

    assert counted.input_tokens > 0
    assert gateway.calls(user=user) == []


def test_an_unknown_key_is_an_authentication_error(gateway: Gateway) -> None:
    with (
        Anthropic(api_key="sk-outlay-unknown", base_url=gateway.url, max_retries=0) as stranger,
        pytest.raises(anthropic.AuthenticationError) as refused,
    ):
        stranger.messages.create(**ask())

    assert isinstance(refused.value.body, dict)
    assert refused.value.body["type"] == "error"
    assert refused.value.body["error"]["type"] == "authentication_error"
