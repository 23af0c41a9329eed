"""Each official SDK raises its own typed exception for our errors, whole and within streams."""

import json
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from google import genai
from google.genai import errors as google_errors

from outlay.wire.call import Call, Envelope
from outlay.wire.errors import write_error, write_stream_error
from tests.wire.calls import CHAT, MESSAGES, RESPONSES, STREAM, call_of, chat

Error = dict[str, Any]
WORDS = {"message": "No. Do this."}
BAD: Error = {"status": 400, "code": "invalid_request", "field": "model", **WORDS}
UNKNOWN_KEY: Error = {"status": 401, "code": "invalid_proxy_key", **WORDS}
FORBIDDEN: Error = {"status": 403, "code": "permission_denied", **WORDS}
NO_MODEL: Error = {"status": 404, "code": "model_not_found", "field": "model", **WORDS}
BUDGET: Error = {"status": 429, "code": "budget_exceeded", **WORDS}
FAILED: Error = {"status": 502, "code": "provider_error", **WORDS}
SLOW: Error = {"status": 504, "code": "provider_timeout", **WORDS}


def answering(envelope: Envelope, error: Error) -> httpx2.Client:
    content_type, body = write_error(envelope, request_id="req_1", **error)
    headers = {"content-type": content_type, "x-should-retry": "false"}
    return httpx2.Client(
        transport=httpx2.MockTransport(
            lambda _: httpx2.Response(error["status"], headers=headers, content=body)
        )
    )


def streaming(call: Call, before: bytes, code: str) -> httpx2.Client:
    body = before + write_stream_error(call, code=code, message="No.", request_id="req_1")
    headers = {"content-type": "text/event-stream"}
    return httpx2.Client(
        transport=httpx2.MockTransport(
            lambda _: httpx2.Response(200, headers=headers, content=body)
        )
    )


@pytest.mark.parametrize(
    ("error", "raised", "kind"),
    [
        (BAD, openai.BadRequestError, "invalid_request_error"),
        (UNKNOWN_KEY, openai.AuthenticationError, "authentication_error"),
        (FORBIDDEN, openai.PermissionDeniedError, "permission_error"),
        (NO_MODEL, openai.NotFoundError, "not_found_error"),
        (BUDGET, openai.RateLimitError, "budget_exceeded"),
        (FAILED, openai.InternalServerError, "api_error"),
        (SLOW, openai.InternalServerError, "api_error"),
    ],
)
def test_openai_raises_its_own_type(
    error: Error, raised: type[openai.APIStatusError], kind: str
) -> None:
    http = answering(Envelope.OPENAI, error)
    client = openai.OpenAI(api_key="k", base_url="http://gateway/v1", http_client=http)
    with pytest.raises(raised) as caught:
        client.chat.completions.create(model="m", messages=[])
    assert (caught.value.code, caught.value.type) == (error["code"], kind)
    assert caught.value.param == error.get("field")
    assert "Do this" in str(caught.value)


@pytest.mark.parametrize(
    ("error", "raised", "kind"),
    [
        (BAD, anthropic.BadRequestError, "invalid_request_error"),
        (UNKNOWN_KEY, anthropic.AuthenticationError, "authentication_error"),
        (FORBIDDEN, anthropic.PermissionDeniedError, "permission_error"),
        (NO_MODEL, anthropic.NotFoundError, "not_found_error"),
        (BUDGET, anthropic.RateLimitError, "budget_exceeded"),
        (FAILED, anthropic.InternalServerError, "api_error"),
        (SLOW, anthropic.InternalServerError, "timeout_error"),
    ],
)
def test_anthropic_raises_its_own_type(
    error: Error, raised: type[anthropic.APIStatusError], kind: str
) -> None:
    http = answering(Envelope.ANTHROPIC, error)
    client = anthropic.Anthropic(api_key="k", base_url="http://gateway", http_client=http)
    with pytest.raises(raised) as caught:
        client.messages.create(model="m", max_tokens=1, messages=[])
    body = caught.value.body
    assert isinstance(body, dict)
    assert (body["error"]["type"], body["error"]["code"]) == (kind, error["code"])
    assert body["request_id"] == "req_1"


@pytest.mark.parametrize(
    ("error", "raised", "kind"),
    [
        (BAD, google_errors.ClientError, "INVALID_ARGUMENT"),
        (UNKNOWN_KEY, google_errors.ClientError, "UNAUTHENTICATED"),
        (NO_MODEL, google_errors.ClientError, "NOT_FOUND"),
        (BUDGET, google_errors.ClientError, "RESOURCE_EXHAUSTED"),
        (FAILED, google_errors.ServerError, "UNAVAILABLE"),
        (SLOW, google_errors.ServerError, "DEADLINE_EXCEEDED"),
    ],
)
def test_google_raises_its_own_type(
    error: Error, raised: type[google_errors.APIError], kind: str
) -> None:
    options = genai.types.HttpOptions(
        base_url="http://gateway", httpx_client=answering(Envelope.GOOGLE, error)
    )
    client = genai.Client(api_key="k", http_options=options)
    with pytest.raises(raised) as caught:
        client.models.generate_content(model="gemini-2.5-flash", contents="a")
    assert (caught.value.code, caught.value.status) == (error["status"], kind)
    reason = caught.value.details["error"]["details"][0]
    assert reason["reason"] == error["code"].upper()
    assert reason["metadata"]["request_id"] == "req_1"


def test_problem_details_name_the_field() -> None:
    content_type, body = write_error(Envelope.PROBLEM, request_id="req_1", **BAD)
    problem = json.loads(body)
    assert content_type == "application/problem+json"
    assert (problem["status"], problem["code"]) == (400, "invalid_request")
    assert problem["errors"] == [{"field": "model", "message": "No. Do this."}]


CHUNK = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[]}\n\n'
)


def test_openai_raises_on_the_event_that_ends_a_chat_stream() -> None:
    http = streaming(call_of(CHAT, chat(stream=True)), CHUNK, "budget_exceeded")
    client = openai.OpenAI(api_key="k", base_url="http://gateway/v1", http_client=http)
    with pytest.raises(openai.APIError, match="No") as caught:
        list(client.chat.completions.create(model="m", messages=[], stream=True))
    assert caught.value.code == "budget_exceeded"


def test_openai_raises_on_the_event_that_ends_a_response_stream() -> None:
    call = call_of(RESPONSES, {"model": "m", "stream": True})
    http = streaming(call, b"", "provider_timeout")
    client = openai.OpenAI(api_key="k", base_url="http://gateway/v1", http_client=http)
    with pytest.raises(openai.APIError, match="No") as caught:
        list(client.responses.create(model="m", input="a", stream=True))
    assert caught.value.code == "provider_timeout"


def test_anthropic_raises_on_the_event_that_ends_a_stream() -> None:
    call = call_of(MESSAGES, {"model": "m", "stream": True})
    http = streaming(call, b'event: ping\ndata: {"type": "ping"}\n\n', "call_ended")
    client = anthropic.Anthropic(api_key="k", base_url="http://gateway", http_client=http)
    with pytest.raises(anthropic.APIStatusError, match="No"):
        list(client.messages.create(model="m", max_tokens=1, messages=[], stream=True))


def test_google_raises_on_the_event_that_ends_a_stream() -> None:
    call = call_of(STREAM, {}, query="alt=sse")
    http = streaming(call, b'data: {"candidates": []}\r\n\r\n', "provider_timeout")
    options = genai.types.HttpOptions(base_url="http://gateway", httpx_client=http)
    client = genai.Client(api_key="k", http_options=options)
    with pytest.raises(google_errors.ServerError) as caught:
        list(client.models.generate_content_stream(model="gemini-2.5-flash", contents="a"))
    assert caught.value.code == 504


def test_a_streamed_array_ends_with_the_error_as_its_last_element() -> None:
    end = write_stream_error(call_of(STREAM, {}), code="x", message="No.", request_id="r")
    assert json.loads(b'[{"candidates": []}' + end)[-1]["error"]["message"] == "No."
