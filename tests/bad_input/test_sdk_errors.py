"""The vendors' SDKs raise their own exceptions for our refusals, after exactly one request.

They repeat a request twice by default when an answer does not tell them to leave it.
"""

import re
import urllib.request
from collections.abc import Mapping
from typing import Any, NamedTuple

import anthropic
import openai
import pytest
from google import genai
from google.genai import errors, types

from tests.bad_input.raw import Refuser

QUESTION: Any = [{"role": "user", "content": "Hi"}]
UNKNOWN_KEY = "sk-outlay-nope"
TOO_LONG = {"x-cost-feature": "a" * 2_000}


class Case(NamedTuple):
    """What is wrong with a call, and what its SDK raises."""

    raised: Any
    key: str | None = None
    model: str | None = None
    headers: Mapping[str, str] = {}


@pytest.mark.parametrize(
    "case",
    [
        Case(openai.AuthenticationError, key=UNKNOWN_KEY),
        Case(openai.BadRequestError, headers=TOO_LONG),
        Case(openai.NotFoundError, model="model-of-nobody"),
    ],
    ids=lambda case: case.raised.__name__,
)
def test_openai(refuser: Refuser, case: Case) -> None:
    before = refusals(refuser)
    with openai.OpenAI(
        base_url=f"{refuser.gateway.url}/v1", api_key=case.key or refuser.gateway.key
    ) as client:
        model, headers = case.model or "gpt-4o-mini", case.headers
        with pytest.raises(case.raised) as chat:
            client.chat.completions.create(model=model, messages=QUESTION, extra_headers=headers)
        with pytest.raises(case.raised):
            client.responses.create(model=model, input="Hi", stream=True, extra_headers=headers)
    assert chat.value.code in {"invalid_proxy_key", "invalid_header", "model_not_found"}
    assert 2 == refusals(refuser) - before


@pytest.mark.parametrize(
    "case",
    [
        Case(anthropic.AuthenticationError, key=UNKNOWN_KEY),
        Case(anthropic.BadRequestError, headers=TOO_LONG),
        Case(anthropic.NotFoundError, model="model-of-nobody"),
    ],
    ids=lambda case: case.raised.__name__,
)
def test_anthropic(refuser: Refuser, case: Case) -> None:
    before = refusals(refuser)
    key, model = case.key or refuser.gateway.key, case.model or "claude-sonnet-5"
    with (
        anthropic.Anthropic(base_url=refuser.gateway.url, api_key=key) as client,
        pytest.raises(case.raised) as caught,
    ):
        client.messages.create(
            model=model, max_tokens=9, messages=QUESTION, extra_headers=case.headers
        )
    told: Any = caught.value.body
    assert told["request_id"] == caught.value.response.headers["x-cost-request-id"]
    assert 1 == refusals(refuser) - before


@pytest.mark.parametrize(
    "case",
    [
        Case(401, key=UNKNOWN_KEY),
        Case(400, headers=TOO_LONG),
        Case(404, model="gpt-4o-mini"),
    ],
    ids=lambda case: str(case.raised),
)
def test_google(refuser: Refuser, case: Case) -> None:
    before = refusals(refuser)
    options = types.HttpOptions(base_url=refuser.gateway.url, headers=dict(case.headers))
    client = genai.Client(api_key=case.key or refuser.gateway.key, http_options=options)
    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model=case.model or "gemini-2.5-flash", contents="Hi")
    client.close()
    assert case.raised == caught.value.code
    assert 1 == refusals(refuser) - before


def refusals(refuser: Refuser) -> int:
    """Count the requests that the gateway has refused since its start."""
    with urllib.request.urlopen(f"{refuser.gateway.url}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    counted = re.findall(r"^outlay_refusals_total\{[^}]*\} ([\d.e+]+)$", text, re.MULTILINE)
    return sum(int(float(count)) for count in counted)
