"""Recorded answers of OpenAI, Anthropic and Google give the quantities that were billed.

Each recorded body is fed as it is, streams cut at random bytes, and what was metered is compared
with the expected tokens in every field. Exceptions stand in `EXCEPTIONS` with their reason.
"""

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from outlay.gateway.site_map import Place, find_place
from outlay.routing.provider import Provider, ProviderKind
from outlay.usage.answer import Answer
from outlay.usage.meters import INPUT_METERS, OUTPUT_METERS, Meter
from outlay.usage.usage import Metered, Pass, UsageSource
from outlay.wire.answers import open_reader
from outlay.wire.call import Call
from outlay.wire.metering import meter
from outlay.wire.requests import read_call

pytestmark = pytest.mark.real

PROVIDERS = {
    "openai": Provider("openai", ProviderKind.OPENAI, "http://127.0.0.1"),
    "anthropic": Provider("anthropic", ProviderKind.ANTHROPIC, "http://127.0.0.1"),
    "google": Provider("gemini", ProviderKind.GEMINI, "http://127.0.0.1", price_provider="google"),
}
EXCEPTIONS: dict[str, str] = {}
"""Recordings whose quantities differ, with the reason. There are none."""

CACHED = {Meter.CACHE_READ, Meter.CACHE_READ_AUDIO, Meter.CACHE_READ_IMAGE, Meter.CACHE_READ_VIDEO}
FIELDS: dict[str, set[Meter]] = {
    "input_total": set(INPUT_METERS),
    "input_uncached": {Meter.INPUT, Meter.INPUT_AUDIO, Meter.INPUT_IMAGE, Meter.INPUT_VIDEO},
    "cache_read": CACHED,
    "cache_read_audio": {Meter.CACHE_READ_AUDIO},
    "cache_write_5m": {Meter.CACHE_WRITE_5M},
    "cache_write_1h": {Meter.CACHE_WRITE_1H},
    "cache_write_other": {Meter.CACHE_WRITE},
    "input_audio": {Meter.INPUT_AUDIO, Meter.CACHE_READ_AUDIO},
    "input_image": {Meter.INPUT_IMAGE, Meter.CACHE_READ_IMAGE},
    "input_video": {Meter.INPUT_VIDEO, Meter.CACHE_READ_VIDEO},
    "output_total": set(OUTPUT_METERS),
    "reasoning": {Meter.REASONING},
    "output_audio": {Meter.OUTPUT_AUDIO},
    "output_image": {Meter.OUTPUT_IMAGE},
}
"""How the expected (overlapping) counts are made of our disjoint meters. `tool_prompt` lies within
`input_uncached` and has no meter of its own."""

Exchange = dict[str, Any]


@pytest.fixture(scope="module")
def exchanges(real_dir: Path) -> list[Exchange]:
    with (real_dir / "exchanges.jsonl").open(encoding="utf-8") as lines:
        recorded = [json.loads(line) for line in lines]
    return [one for one in recorded if one["provider"] in PROVIDERS]


def call_of(exchange: Exchange) -> Call | None:
    """Read the recorded request; None for paths that are not on the site map."""
    path, _, query = exchange["path"].partition("?")
    speaks_anthropic = exchange["provider"] == "anthropic"
    place = find_place(exchange["method"], path, speaks_anthropic=speaks_anthropic)
    if not isinstance(place, Place):
        return None
    sent = exchange["request_body"]
    body = b"" if sent is None else json.dumps(sent).encode()
    call = read_call(
        place.route,
        method=exchange["method"],
        path=path,
        query=query,
        body=body,
        path_model=place.path_model,
        object_id=place.object_id,
    )
    assert isinstance(call, Call), (exchange["id"], call)
    assert call.body is body
    return call


def listen(call: Call, exchange: Exchange) -> Answer:
    """Feed the recorded answer, cut at random bytes."""
    dice = random.Random(exchange["id"])  # the same cuts in every run
    content_type = exchange["response_headers"].get("content-type")
    reader = open_reader(call, status=exchange["status"], content_type=content_type)
    body, position = exchange["response_body"].encode(), 0
    while position < len(body):
        step = dice.choice((1, 2, 3, 7, 50, 300, 5000))
        reader.feed(body[position : position + step])
        position += step
    return reader.finish()


Heard = tuple[Exchange, Answer, Metered]


@pytest.fixture(scope="module")
def heard(exchanges: list[Exchange]) -> list[Heard]:
    """Every recording on the site map, with what was read and metered of it."""
    return [
        (exchange, answer, meter(call, PROVIDERS[exchange["provider"]], answer, complete=True))
        for exchange in exchanges
        if (call := call_of(exchange)) is not None
        for answer in [listen(call, exchange)]
    ]


def counts_of(quantities: dict[Meter, int]) -> dict[str, int]:
    """Add disjoint meters up to the counts that the recordings expect, zeros left out."""
    counts = {
        name: sum(quantities.get(meter, 0) for meter in meters) for name, meters in FIELDS.items()
    }
    return {name: count for name, count in counts.items() if count}


def expected_counts(tokens: dict[str, int]) -> dict[str, int]:
    assert set(tokens) <= {*FIELDS, "tool_prompt"}
    return {name: count for name, count in tokens.items() if count and name != "tool_prompt"}


def test_every_billed_recording_gives_its_quantities(heard: list[Heard]) -> None:
    wrong, compared = {}, 0
    for exchange, _, metered in heard:
        tokens = (exchange["expected"] or {}).get("tokens")
        if not tokens or exchange["id"] in EXCEPTIONS:
            continue
        compared += 1
        ours = counts_of(metered.usage.quantities())
        if ours != expected_counts(tokens) or metered.source is not UsageSource.REPORTED:
            wrong[exchange["id"]] = (ours, tokens, metered.source)
    assert wrong == {}
    assert compared > 600


def test_every_pass_is_metered_with_the_model_that_ran_it(heard: list[Heard]) -> None:
    compared = 0
    for exchange, answer, metered in heard:
        components = (exchange["expected"] or {}).get("components")
        if not components:
            continue
        compared += 1
        passes = [
            (one.model or answer.model_returned, counts_of(dict(one.quantities)))
            for one in token_passes(metered)
        ]
        expected = [(part["model"], expected_counts(part["tokens"])) for part in components]
        assert passes == expected, exchange["id"]
    assert compared >= 5


def token_passes(metered: Metered) -> list[Pass]:
    """The passes that consumed tokens; units of tools may stand in one of their own."""
    return [one for one in metered.usage.passes if Meter.OUTPUT in one.quantities]


def test_no_recording_has_anything_odd_but_missing_usage(heard: list[Heard]) -> None:
    """Gemini's first embedding model states no usage; all else is read without a finding."""
    found = {
        (exchange["api"], finding.code)
        for exchange, _, metered in heard
        for finding in metered.findings
    }
    assert found == {("embeddings", "usage.missing")}


def test_what_is_never_billed_is_not_metered(heard: list[Heard]) -> None:
    for exchange, _, metered in heard:
        if exchange["usage"] is None and exchange["api"] != "embeddings":
            assert metered.source is UsageSource.NONE, exchange["id"]


def test_model_id_and_tier_are_read(heard: list[Heard]) -> None:
    """Where the recordings name none, they did not look: ids and tiers of Gemini streams."""
    for exchange, answer, _ in heard:
        name = exchange["id"]
        assert answer.model_returned == exchange["model_returned"], name
        assert exchange["provider_response_id"] in {None, answer.response_id}, name
        assert exchange["service_tier"] in {None, answer.service_tier}, name


UNIT_NAMES = {
    "web_searches": "web_search_requests",
    "web_fetches": "web_fetch_requests",
    "code_execution_calls": "code_execution",
    "google_search_queries": "google_search",
}


def test_uses_of_hosted_tools_are_counted(heard: list[Heard]) -> None:
    """Exceptions by rule: opening a page is no search; empty Google queries are not billed."""
    for exchange, answer, _ in heard:
        units: dict[str, int] = dict((exchange["expected"] or {}).get("other_units") or {})
        units.pop("web_search_num_requests", None)
        for name, count in units.items():
            expected = count - unbilled(exchange, name)
            ours = UNIT_NAMES.get(name) or name
            assert answer.tool_units[ours] == expected, exchange["id"]


def unbilled(exchange: Exchange, name: str) -> int:
    """Count what the recordings list as a use although it has no fee."""
    if name == "web_search_call" and not exchange["stream"]:
        output = json.loads(exchange["response_body"])["output"]
        actions = [item["action"]["type"] for item in output if item["type"] == name]
        return sum(action != "search" for action in actions)
    if name == "google_search_queries":
        return len(re.findall(r'"webSearchQueries":\s*\[""', exchange["response_body"]))
    return 0


def test_work_in_the_background_is_deferred(heard: list[Heard]) -> None:
    for exchange, answer, _ in heard:
        if not exchange["stream"]:
            status = json.loads(exchange["response_body"]).get("status")
            assert answer.deferred is (status in {"queued", "in_progress"}), exchange["id"]
