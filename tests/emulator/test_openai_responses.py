"""OpenAI's own client against the emulator: responses, stored ones and background work."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from openai.types.responses import Response, ResponseUsage

from outlay.emulator.server import Emulator
from tests.emulator.raw import ask

FUNCTION: Any = {
    "type": "function",
    "name": "get_weather",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        api_key="sk-anything", base_url=f"{emulator.base_url}/v1", max_retries=0
    ) as made:
        yield made


def as_billed(usage: ResponseUsage | None) -> dict[str, int]:
    """Usage as the SDK reads it, in disjoint quantities."""
    assert usage is not None
    details = usage.input_tokens_details
    written = details.cache_write_tokens or 0
    thought = usage.output_tokens_details.reasoning_tokens
    quantities = {
        "input": usage.input_tokens - details.cached_tokens - written,
        "cache_read": details.cached_tokens,
        "cache_write": written,
        "output": usage.output_tokens - thought,
        "reasoning": thought,
    }
    return {name: n for name, n in quantities.items() if n}


async def retrieve_until(client: AsyncOpenAI, response_id: str, status: str) -> Response:
    """Ask for a response until it has the status."""
    async with asyncio.timeout(20):
        response = await client.responses.retrieve(response_id)
        while response.status != status:
            response = await client.responses.retrieve(response_id)
    return response


@pytest.mark.parametrize(
    "steering", ["", "input_tokens=3000; cached_tokens=1024; cache_write_tokens=512"]
)
async def test_usage_says_what_the_bill_charges(
    emulator: Emulator, client: AsyncOpenAI, steering: str
) -> None:
    response = await client.responses.create(
        model="gpt-5", input="hello", extra_headers={"x-emulate": steering}
    )

    assert as_billed(response.usage) == emulator.bill()[0]["quantities"]
    assert response.output_text


async def test_a_stream_ends_with_the_whole_response(
    emulator: Emulator, client: AsyncOpenAI
) -> None:
    async with client.responses.stream(model="gpt-5", input="hello") as stream:
        kinds = [event.type async for event in stream]
        response = await stream.get_final_response()

    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert as_billed(response.usage) == emulator.bill()[0]["quantities"]


async def test_a_function_call_is_streamed(client: AsyncOpenAI) -> None:
    async with client.responses.stream(
        model="gpt-4o", input="use the tool", tools=[FUNCTION]
    ) as stream:
        async for _ in stream:
            pass
        response = await stream.get_final_response()

    (call,) = (item for item in response.output if item.type == "function_call")
    assert call.name == "get_weather"
    assert '"city"' in call.arguments


async def test_a_search_is_an_item_and_a_unit(emulator: Emulator, client: AsyncOpenAI) -> None:
    response = await client.responses.create(
        model="gpt-5",
        input="news?",
        tools=[{"type": "web_search"}],
        extra_headers={"x-emulate": "searches=2"},
    )

    kinds = [item.type for item in response.output]
    (line,) = emulator.bill()
    assert kinds.count("web_search_call") == 2
    assert line["quantities"]["web_search"] == 2
    assert line["tool_cost_usd"] == "0.02"


async def test_the_limit_makes_it_incomplete(client: AsyncOpenAI) -> None:
    async with client.responses.stream(
        model="gpt-4o", input="hello", max_output_tokens=16,
        extra_headers={"x-emulate": "output_tokens=40"},
    ) as stream:  # fmt: skip
        events = [event async for event in stream]

    assert events[-1].type == "response.incomplete"
    assert events[-1].response.usage is not None
    assert events[-1].response.usage.output_tokens == 16


async def test_a_stored_response_is_found_and_deleted(client: AsyncOpenAI) -> None:
    made = await client.responses.create(model="gpt-4o", input="hello")
    found = await client.responses.retrieve(made.id)
    items = await client.responses.input_items.list(made.id)
    await client.responses.delete(made.id)

    assert found.usage == made.usage
    assert len(items.data) == 1
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(made.id)


async def test_what_is_not_stored_is_not_found(client: AsyncOpenAI) -> None:
    made = await client.responses.create(model="gpt-4o", input="hello", store=False)
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(made.id)


async def test_retrieving_is_free(emulator: Emulator, client: AsyncOpenAI) -> None:
    made = await client.responses.create(model="gpt-4o", input="hello")
    for _ in range(3):
        await client.responses.retrieve(made.id)
    assert len(emulator.bill()) == 1


async def test_a_follow_up_brings_its_history(emulator: Emulator, client: AsyncOpenAI) -> None:
    first = await client.responses.create(model="gpt-4o", input="hello")
    await client.responses.create(model="gpt-4o", input="and?", previous_response_id=first.id)

    before, after = (line["quantities"] for line in emulator.bill())
    # "and?" is two tokens; the first question and its answer come again.
    assert after["input"] == before["input"] + before["output"] + 2


async def test_background_work_has_usage_only_when_it_is_done(
    emulator: Emulator, client: AsyncOpenAI
) -> None:
    made = await client.responses.create(
        model="gpt-4o", input="hello", background=True,
        extra_headers={"x-emulate": "background_ms=50"},
    )  # fmt: skip
    charged = emulator.bill()[0]["state"]

    done = await retrieve_until(client, made.id, "completed")

    assert (made.status, made.usage, charged) == ("queued", None, "started")
    assert as_billed(done.usage) == emulator.bill()[0]["quantities"]
    assert emulator.bill()[0]["state"] == "complete"


async def test_cancelled_work_bills_its_input(emulator: Emulator, client: AsyncOpenAI) -> None:
    made = await client.responses.create(
        model="gpt-4o", input="hello", background=True,
        extra_headers={"x-emulate": "background_ms=60000"},
    )  # fmt: skip

    cancelled = await client.responses.cancel(made.id)

    (line,) = emulator.bill()
    assert cancelled.status == "cancelled"
    assert (line["state"], list(line["quantities"])) == ("aborted", ["input"])


async def test_a_background_stream_begins_queued(emulator: Emulator, client: AsyncOpenAI) -> None:
    stream = await client.responses.create(
        model="gpt-4o", input="hello", background=True, stream=True
    )
    kinds = [event.type async for event in stream]

    assert kinds[0] == "response.queued"
    assert len(emulator.bill()) == 1


async def test_compaction_is_billed_and_names_no_model(emulator: Emulator) -> None:
    raw = await ask(emulator, "/v1/responses/compact", {"model": "gpt-4o-mini", "input": "a b c"})

    assert raw.json()["object"] == "response.compaction"
    assert "model" not in raw.json()
    assert emulator.bill()[0]["quantities"]["input"] == raw.json()["usage"]["input_tokens"]


async def test_counting_is_free_and_true(emulator: Emulator, client: AsyncOpenAI) -> None:
    counted = await client.responses.input_tokens.count(model="gpt-4o", input="hello there")
    assert emulator.bill() == []

    made = await client.responses.create(model="gpt-4o", input="hello there")
    assert made.usage is not None
    assert counted.input_tokens == made.usage.input_tokens


async def test_a_stored_response_is_streamed_again_for_free(
    emulator: Emulator, client: AsyncOpenAI
) -> None:
    made = await client.responses.create(
        model="gpt-4o", input="hello", background=True,
        extra_headers={"x-emulate": "background_ms=30"},
    )  # fmt: skip

    again = await client.responses.retrieve(made.id, stream=True, starting_after=1)
    events = [event async for event in again]

    assert events[0].sequence_number == 2
    assert events[-1].type == "response.completed"
    assert as_billed(events[-1].response.usage) == emulator.bill()[0]["quantities"]
    assert len(emulator.bill()) == 1


async def test_input_that_makes_no_sense_cannot_be_counted(emulator: Emulator) -> None:
    raw = await ask(emulator, "/v1/responses/input_tokens", {"model": "gpt-4o", "input": 7})
    assert raw.status == 400
