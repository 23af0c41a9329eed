"""Recorded exchanges pass through the running gateway byte for byte, each with its one event."""

import http.client
import json
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from outlay.kernel.money import parse_usd
from outlay.kernel.unit_price import attos_per_unit, round_to_nanos
from tests.flow.running import Gateway, running_emulator, running_gateway

pytestmark = pytest.mark.real

APIS = {
    "chat_completions",
    "responses",
    "responses_compact",
    "embeddings",
    "messages",
    "generate_content",
    "count_tokens",
}
PROVIDERS = {"openai", "anthropic", "google"}
CERTAIN = {"both_oracles", "adjudicated"}


@dataclass(frozen=True, slots=True)
class Played:
    """What came back of one recording through the gateway, and the event it left."""

    recorded: dict[str, Any]
    status: int
    body: bytes
    request_id: str


def wanted(recorded: dict[str, Any]) -> bool:
    """Say whether a recording is of the gateway's wires and of the three providers."""
    return (
        recorded["provider"] in PROVIDERS
        and recorded["api"] in APIS
        and recorded["method"] == "POST"
        and isinstance(recorded["request_body"], dict)
    )


@pytest.fixture(scope="module")
def recordings(real_dir: Path) -> list[dict[str, Any]]:
    """Every recording of the gateway's wires."""
    with (real_dir / "exchanges.jsonl").open() as lines:
        return [recorded for line in lines if wanted(recorded := json.loads(line))]


@pytest.fixture(scope="module")
def gateway(real_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway in front of the replayed providers, pricing as of the reference date."""
    folder = tmp_path_factory.mktemp("replay")
    replay = ("--replay", str(real_dir / "exchanges.jsonl"))
    dated = {"OUTLAY_PRICE_DATE": "2026-11-20T12:00:00Z"}
    with (
        running_emulator(folder / "provider.log", *replay) as provider,
        running_gateway(provider, folder / "data", folder / "log", **dated) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def played(gateway: Gateway, recordings: list[dict[str, Any]]) -> list[Played]:
    """Every recording, played through the gateway once."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda recorded: play(gateway, recorded), recordings))


@pytest.fixture(scope="module")
def events(gateway: Gateway, played: list[Played]) -> dict[str, list[dict[str, Any]]]:
    """The events in the ledger by request id, after everything was played."""
    found: dict[str, list[dict[str, Any]]] = {}
    for event in gateway.calls():
        found.setdefault(event["request_id"], []).append(event)
    return found


def play(gateway: Gateway, recorded: dict[str, Any]) -> Played:
    """Make the recorded request through the gateway."""
    address = urlsplit(gateway.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    headers = {
        **recorded["request_headers"],
        "authorization": f"Bearer {gateway.key}",
        "x-replay-id": recorded["id"],
    }
    body = json.dumps(recorded["request_body"])
    connection.request(recorded["method"], recorded["path"], body, headers)
    answer = connection.getresponse()
    request_id = answer.getheader("x-cost-request-id") or ""
    taken = Played(recorded, answer.status, answer.read(), request_id)
    connection.close()
    return taken


def recorded_body(recorded: dict[str, Any]) -> bytes:
    """Return the bytes of a recorded answer."""
    text: str = recorded["response_body"]
    return b64decode(text) if recorded["response_body_encoding"] == "base64" else text.encode()


def expected_nanos(recorded: dict[str, Any]) -> int:
    """Return what a recording cost: its lines multiplied exactly, rounded once, half to even."""
    return round_to_nanos(
        sum(
            line["count"] * attos_per_unit(Decimal(repr(line["usd_per"])), line["per"])
            for line in recorded["expected"]["lines"]
        )
    )


def test_status_and_bytes_are_the_recorded_ones(played: list[Played]) -> None:
    different = {
        one.recorded["id"]: (one.status, one.body[:200])
        for one in played
        if (one.recorded["status"], recorded_body(one.recorded)) != (one.status, one.body)
    }
    assert len(played) > 600
    assert different == {}


def test_every_billable_call_has_exactly_one_event(
    played: list[Played], events: dict[str, list[dict[str, Any]]]
) -> None:
    counts = {
        one.recorded["id"]: len(events.get(one.request_id, []))
        for one in played
        if one.recorded["expected"] and one.recorded["expected"]["billable"]
    }
    assert len(counts) > 600
    assert {1} == set(counts.values())


def test_nothing_but_calls_is_recorded(
    played: list[Played], events: dict[str, list[dict[str, Any]]]
) -> None:
    assert set(events) <= {one.request_id for one in played}
    counted = {one.request_id for one in played if one.recorded["api"] == "count_tokens"}
    assert not counted & set(events)


def test_every_certain_cost_is_met_to_the_nano(
    played: list[Played], events: dict[str, list[dict[str, Any]]]
) -> None:
    certain = [
        one
        for one in played
        if one.recorded["expected"] and one.recorded["expected"].get("basis") in CERTAIN
    ]
    wrong = {}
    for one in certain:
        (event,) = events[one.request_id]
        text = event["list_token_cost_usd"]
        nanos = None if text is None else parse_usd(text)
        if nanos != expected_nanos(one.recorded):
            wrong[one.recorded["id"]] = (nanos, expected_nanos(one.recorded), event["unpriced"])
    assert len(certain) > 600
    assert wrong == {}


def test_the_ledger_verifies_afterwards(gateway: Gateway, played: list[Played]) -> None:
    try:
        gateway.outlay("verify")
    except (RuntimeError, subprocess.CalledProcessError) as error:
        pytest.fail(str(error))
