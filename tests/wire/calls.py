"""Calls and providers that the tests of the wires share."""

import json
from typing import Any

from hypothesis import strategies as st

from outlay.kernel.errors import Refused
from outlay.routing.provider import Provider, ProviderKind
from outlay.wire.call import Billing, Call, Envelope, Route, Wire
from outlay.wire.requests import read_call

CHAT = Route(Wire.OPENAI_CHAT, "chat", Billing.METERED, Envelope.OPENAI)
COMPLETIONS = Route(Wire.OPENAI_CHAT, "completions", Billing.METERED, Envelope.OPENAI)
MODERATIONS = Route(Wire.OPENAI_CHAT, "moderations", Billing.FREE, Envelope.OPENAI)
RESPONSES = Route(Wire.OPENAI_RESPONSES, "responses", Billing.METERED, Envelope.OPENAI)
COUNT_INPUT = Route(Wire.OPENAI_RESPONSES, "responses.input_tokens", Billing.FREE, Envelope.OPENAI)
RETRIEVE = Route(Wire.OPENAI_RESPONSES, "responses.retrieve", Billing.FREE, Envelope.OPENAI)
EMBEDDINGS = Route(Wire.OPENAI_EMBEDDINGS, "embeddings", Billing.METERED, Envelope.OPENAI)
MESSAGES = Route(Wire.ANTHROPIC_MESSAGES, "messages", Billing.METERED, Envelope.ANTHROPIC)
GENERATE = Route(Wire.GEMINI, "generate_content", Billing.METERED, Envelope.GOOGLE)
STREAM = Route(Wire.GEMINI, "stream_generate_content", Billing.METERED, Envelope.GOOGLE)
EMBED = Route(Wire.GEMINI, "embed_content", Billing.METERED, Envelope.GOOGLE)

OPENAI = Provider("openai", ProviderKind.OPENAI, "http://127.0.0.1")
ANTHROPIC = Provider("anthropic", ProviderKind.ANTHROPIC, "http://127.0.0.1")
GEMINI = Provider("gemini", ProviderKind.GEMINI, "http://127.0.0.1", price_provider="google")


def compatible(name: str, price_provider: str = "") -> Provider:
    """A provider that speaks OpenAI's format."""
    return Provider(
        name, ProviderKind.COMPATIBLE, "http://127.0.0.1", price_provider=price_provider
    )


def read(
    route: Route, body: bytes | dict[str, Any], *, model: str = "gemini-2.5-flash", query: str = ""
) -> Call | Refused:
    """Read a POST of the route; `model` is what a Gemini path names."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    path_model = model if route.wire is Wire.GEMINI else None
    return read_call(
        route, method="POST", path="/path", query=query, body=raw, path_model=path_model
    )


def call_of(route: Route, body: bytes | dict[str, Any], **more: Any) -> Call:
    """Read a call that must be accepted."""
    call = read(route, body, **more)
    assert isinstance(call, Call), call
    return call


def refused(route: Route, body: bytes | dict[str, Any], **more: Any) -> Refused:
    """Read a call that must be refused."""
    refusal = read(route, body, **more)
    assert isinstance(refusal, Refused), refusal
    return refusal


def chat(**fields: Any) -> dict[str, Any]:
    """A chat body with a model and a message."""
    message = {"role": "user", "content": "hello"}
    return {"model": "gpt-4o-mini", "messages": [message], **fields}


def words(text: str) -> list[str]:
    """The words of a text, for lists of names that are best read as a text."""
    return text.split()


def slices(body: bytes) -> st.SearchStrategy[list[bytes]]:
    """Every way to cut a body into pieces."""
    cuts = st.lists(st.integers(0, len(body)), max_size=12).map(lambda at: sorted({0, *at}))
    return cuts.map(lambda at: [body[a:b] for a, b in zip(at, [*at[1:], len(body)], strict=True)])


def event(value: Any, end: bytes = b"\n\n") -> bytes:
    """A server-sent event with a JSON payload."""
    return b"data: " + json.dumps(value).encode() + end
