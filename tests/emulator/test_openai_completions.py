"""OpenAI's own client against completions, embeddings, moderations and models."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from openai import AsyncOpenAI

from outlay.emulator.server import Emulator


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        api_key="sk-anything", base_url=f"{emulator.base_url}/v1", max_retries=0
    ) as made:
        yield made


async def test_a_completion_is_sixteen_tokens_long_unless_told(
    emulator: Emulator, client: AsyncOpenAI
) -> None:
    await client.completions.create(
        model="gpt-3.5-turbo-instruct",
        prompt="once",
        extra_headers={"x-emulate": "output_tokens=99"},
    )
    assert emulator.bill()[0]["quantities"] == {"input": 1, "output": 16}


async def test_a_streamed_completion_is_the_same_text(client: AsyncOpenAI) -> None:
    asked: dict[str, Any] = {"model": "gpt-3.5-turbo-instruct", "prompt": "once upon"}
    whole = await client.completions.create(**asked)
    stream = await client.completions.create(**asked, stream=True)
    said = "".join([chunk.choices[0].text async for chunk in stream])
    assert said == whole.choices[0].text


@pytest.mark.parametrize(
    ("given", "vectors", "tokens"),
    [
        ("one two", 1, 2),
        (["one", "two three"], 2, 3),
        ([101, 102, 103], 1, 3),
        ([[101], [102, 103]], 2, 3),
    ],
)
async def test_embeddings_of_every_kind_of_input(
    emulator: Emulator, client: AsyncOpenAI, given: Any, vectors: int, tokens: int
) -> None:
    made = await client.embeddings.create(model="text-embedding-3-small", input=given, dimensions=8)

    assert [len(one.embedding) for one in made.data] == [8] * vectors
    assert made.usage.prompt_tokens == tokens
    assert emulator.bill()[0]["quantities"] == {"input": tokens}


async def test_vectors_are_the_same_as_numbers_and_as_base64(client: AsyncOpenAI) -> None:
    """The SDK asks for base64 by itself unless told otherwise."""
    packed = await client.embeddings.create(model="text-embedding-3-small", input="x")
    plain = await client.embeddings.create(
        model="text-embedding-3-small", input="x", encoding_format="float"
    )
    assert packed.data[0].embedding == pytest.approx(plain.data[0].embedding)


async def test_moderations_and_models_are_free(emulator: Emulator, client: AsyncOpenAI) -> None:
    verdict = await client.moderations.create(input=["a", "b"])
    models = [model.id async for model in client.models.list()]
    one = await client.models.retrieve("gpt-4o")

    assert [result.flagged for result in verdict.results] == [False, False]
    assert {"gpt-4o", "emu-small"} <= set(models)
    assert one.owned_by == "openai"
    assert emulator.bill() == []
