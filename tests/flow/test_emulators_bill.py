"""The ledger against the emulated provider's bill: every kind of usage that a provider states.

The emulator shares no metering and no prices with what is judged here.
"""

import http.client
import json
import urllib.request
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.flow.running import Gateway, running_gateway

Case = tuple[str, dict[str, Any], str]

_CACHED = "input_tokens=5000; cached_tokens=4096"
_WRITTEN = "input_tokens=3000; cached_tokens=1024; cache_write_tokens=512"
_THOUGHT = "reasoning_tokens=50; output_tokens=3"
_ODD = "crlf=1; comments=1; extra=1"


def chat(model: str, steering: str = "", **more: Any) -> Case:
    asked = {"role": "user", "content": "hello there"}
    return "/v1/chat/completions", {"model": model, "messages": [asked], **more}, steering


def response(model: str, steering: str = "", **more: Any) -> Case:
    return "/v1/responses", {"model": model, "input": "hello there", **more}, steering


def message(model: str, steering: str = "", **more: Any) -> Case:
    asked = [{"role": "user", "content": "hello there"}]
    return "/v1/messages", {"model": model, "max_tokens": 500, "messages": asked, **more}, steering


def generate(model: str, steering: str = "", **more: Any) -> Case:
    contents = [{"role": "user", "parts": [{"text": "hello there"}]}]
    return f"/v1beta/models/{model}:generateContent", {"contents": contents, **more}, steering


STREAMABLE: list[Case] = [
    chat("gpt-4o-mini"),
    chat("gpt-4o", n=3),
    chat("gpt-4o", _CACHED),
    chat("gpt-4o", _WRITTEN),
    chat("gpt-5", _THOUGHT),
    chat("gpt-5", "tier=flex"),
    chat("gpt-5.6-sol", _WRITTEN),
    chat("gpt-5.6-sol", _WRITTEN + "; tier=priority"),
    chat("gpt-5.4", "input_tokens=300000; cached_tokens=1280"),
    chat("gpt-audio", "input_audio_tokens=44; output_audio_tokens=90"),
    chat("gpt-4o", _ODD),
    chat("gpt-4o", "torn=1"),
    response("gpt-5", _CACHED),
    response("gpt-5.6-sol", _WRITTEN),
    response("gpt-5", "searches=3", tools=[{"type": "web_search"}]),
    response(
        "gpt-5", "file_searches=2", tools=[{"type": "file_search", "vector_store_ids": ["v"]}]
    ),
    response("gpt-4o", _ODD),
    message("claude-sonnet-4-6"),
    message("claude-sonnet-4-6", _WRITTEN),
    message("claude-sonnet-4-5", "input_tokens=200001"),
    message("claude-opus-4-8", speed="fast"),
    message("claude-sonnet-4-6", "compaction=1; input_tokens=9000; cached_tokens=8000"),
    message(
        "claude-sonnet-5",
        tools=[{"type": "advisor_20260301", "name": "advisor", "model": "claude-opus-4-8"}],
    ),
    message(
        "claude-sonnet-4-6",
        "searches=2",
        tools=[{"type": "web_search_20250305", "name": "web_search"}],
    ),
    message("claude-haiku-4-5", "torn=1"),
    generate("gemini-2.5-flash"),
    generate("gemini-2.5-flash", _CACHED),
    generate("gemini-2.5-flash", "input_audio_tokens=1000"),
    generate("gemini-2.5-flash", "queries=2", tools=[{"google_search": {}}]),
    generate("gemini-3-flash-preview", "queries=2", tools=[{"google_search": {}}]),
    generate("gemini-2.5-flash", "tool_prompt_tokens=4610", tools=[{"url_context": {}}]),
    generate("gemini-2.5-pro", "input_tokens=200001"),
    generate("gemini-2.5-pro", "torn=1"),
]
WHOLE_ONLY: list[Case] = [
    ("/v1/embeddings", {"model": "text-embedding-3-small", "input": ["a b", "c"]}, ""),
    ("/v1/responses/compact", {"model": "gpt-4o-mini", "input": "a b c"}, ""),
    ("/v1/completions", {"model": "gpt-3.5-turbo-instruct", "prompt": "a b c"}, ""),
    (
        "/v1beta/openai/chat/completions",
        {"model": "gemini-2.5-pro", "messages": [{"role": "user", "content": "x"}]},
        "reasoning_tokens=62",
    ),
    (
        "/v1beta/models/gemini-embedding-001:batchEmbedContents",
        {"requests": [{"content": {"parts": [{"text": "one two"}]}}]},
        "",
    ),
]


@pytest.fixture(scope="module")
def dated_gateway(emulator_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with the prices of the day that the emulator's table is of."""
    folder: Path = tmp_path_factory.mktemp("dated")
    price_date = {"OUTLAY_PRICE_DATE": "2026-11-20T12:00:00Z"}
    with running_gateway(emulator_url, folder / "data", folder / "log", **price_date) as running:
        yield running


def test_every_call_is_metered_and_priced_as_billed(
    dated_gateway: Gateway, emulator_url: str
) -> None:
    """One table of differences says more than the first of them."""
    cases = [*STREAMABLE, *map(_streamed, STREAMABLE), *WHOLE_ONLY]
    sent = {f"{uuid.uuid4().hex}": case for case in cases}
    for name, case in sent.items():
        _call(dated_gateway, name, case)

    events = {event["user"]: event for event in dated_gateway.calls()}
    billed = {call["emulate_id"]: call for call in _bill(emulator_url)}

    assert len(events) == len(sent)
    differences = {
        f"{case[0]} {case[1].get('model', '')} {case[2]}": found
        for name, case in sent.items()
        if (found := _difference(events[name], billed[name]))
    }
    assert differences == {}


def _streamed(case: Case) -> Case:
    path, body, steering = case
    if "generateContent" in path:
        return path.replace("generateContent", "streamGenerateContent?alt=sse"), body, steering
    return path, body | {"stream": True}, steering


def _call(gateway: Gateway, name: str, case: Case) -> None:
    path, body, steering = case
    connection = http.client.HTTPConnection(gateway.url.removeprefix("http://"), timeout=60)
    headers = {
        "authorization": f"Bearer {gateway.key}",
        "content-type": "application/json",
        "x-cost-user": name,
        "x-emulate": steering,
        "x-emulate-id": name,
    }
    connection.request("POST", path, json.dumps(body), headers)
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    assert answer.status == 200, (case, said[:300])


def _bill(emulator_url: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{emulator_url}/__emulator__/bill") as answer:
        calls: list[dict[str, Any]] = json.load(answer)["calls"]
    return calls


def _difference(event: dict[str, Any], billed: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What the ledger says and what the bill says, where the two are not the same."""
    compared = {
        "usage_source": (event["usage_source"], "reported"),
        "usage": (event["usage"], billed["quantities"]),
        "list_token_cost": (_nanos(event["list_token_cost_usd"]), billed["token_cost_nanos"]),
        "tool_cost_usd": (event["tool_cost_usd"], billed["tool_cost_usd"]),
        "cost_nanos": (event["cost_nanos"], billed["cost_nanos"]),
        # Compaction and Gemini's embeddings name no model in their answer.
        "model_returned": (
            event["model_returned"] or billed["model_returned"],
            billed["model_returned"],
        ),
    }
    return {name: pair for name, pair in compared.items() if pair[0] != pair[1]}


def _nanos(usd: str) -> int:
    return int(Decimal(usd) * 10**9)
