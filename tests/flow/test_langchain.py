"""LangChain's OpenAI client: it streams from a custom base URL without asking for usage."""

from collections.abc import Iterator

import pytest
from langchain_openai import ChatOpenAI
from openai import DefaultHttpxClient
from pydantic import SecretStr

from tests.flow.running import Gateway


@pytest.fixture
def chat(gateway: Gateway, user: str) -> Iterator[ChatOpenAI]:
    with DefaultHttpxClient() as http_client:
        yield ChatOpenAI(
            model="gpt-4o-mini",
            api_key=SecretStr(gateway.key),
            base_url=f"{gateway.url}/v1",
            default_headers={"X-Cost-User": user},
            max_retries=0,
            http_client=http_client,
        )


def test_a_stream_without_usage_is_metered_and_shows_no_extra_chunk(
    chat: ChatOpenAI, gateway: Gateway, user: str
) -> None:
    chunks = list(chat.stream("Say hello."))

    event = gateway.call(user=user)

    assert "".join(str(chunk.content) for chunk in chunks)
    assert all(chunk.usage_metadata is None for chunk in chunks)
    assert event["stream"] is True
    assert event["usage_source"] == "reported"
    assert int(event["usage"]["output"]) > 0


def test_an_answer_is_metered(chat: ChatOpenAI, gateway: Gateway, user: str) -> None:
    answer = chat.invoke("Say hello.")

    event = gateway.call(user=user)

    assert answer.usage_metadata is not None
    assert answer.usage_metadata["input_tokens"] == int(event["usage"]["input"])
