"""Recorded provider exchanges, read through the product's own readers."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from outlay.gateway.site_map import Place, find_place
from outlay.kernel.errors import Refused
from outlay.kernel.unit_price import attos_per_unit, round_to_nanos
from outlay.routing.provider import Provider, ProviderKind
from outlay.usage.answer import Answer
from outlay.usage.usage import Metered
from outlay.wire.answers import open_reader
from outlay.wire.call import Call
from outlay.wire.metering import meter
from outlay.wire.requests import read_call

PROVIDERS = {
    "openai": Provider("openai", ProviderKind.OPENAI, "", price_provider="openai"),
    "anthropic": Provider("anthropic", ProviderKind.ANTHROPIC, "", price_provider="anthropic"),
    "google": Provider("gemini", ProviderKind.GEMINI, "", price_provider="google"),
}
"""The providers whose wire formats the gateway speaks, by their name in the recordings."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One exchange: what was recorded, and the call, the answer and the usage that we read."""

    recorded: dict[str, Any]
    provider: Provider
    call: Call
    answer: Answer
    metered: Metered

    @property
    def id(self) -> str:
        """The exchange's id in the file."""
        return str(self.recorded["id"])

    @property
    def expected(self) -> dict[str, Any]:
        """What the file says that it cost, and why."""
        found: dict[str, Any] = self.recorded["expected"]
        return found

    @property
    def expected_nanos(self) -> int:
        """The bill's lines, multiplied exactly and rounded once, half to even."""
        return round_to_nanos(
            sum(
                line["count"] * attos_per_unit(Decimal(repr(line["usd_per"])), line["per"])
                for line in self.expected["lines"]
            )
        )


def read_recordings(real_dir: Path) -> Iterator[Recording]:
    """Read every billed exchange of the three providers whose cost is known."""
    with (real_dir / "exchanges.jsonl").open() as lines:
        for line in lines:
            recorded = json.loads(line)
            expected = recorded["expected"] or {}
            if recorded["provider"] in PROVIDERS and expected.get("cost_usd") is not None:
                yield _read(recorded)


def _read(recorded: dict[str, Any]) -> Recording:
    provider = PROVIDERS[recorded["provider"]]
    call = _call(recorded)
    reader = open_reader(
        call,
        status=recorded["status"],
        content_type=recorded["response_headers"].get("content-type"),
    )
    reader.feed(recorded["response_body"].encode())
    answer = reader.finish()
    return Recording(recorded, provider, call, answer, meter(call, provider, answer, complete=True))


def _call(recorded: dict[str, Any]) -> Call:
    path, _, query = recorded["path"].partition("?")
    is_anthropic = recorded["provider"] == "anthropic"
    place = find_place(recorded["method"], path, speaks_anthropic=is_anthropic)
    assert isinstance(place, Place), path
    body = recorded["request_body"]
    call = read_call(
        place.route,
        method=recorded["method"],
        path=path,
        query=query,
        body=b"" if body is None else msgspec.json.encode(body),
        path_model=place.path_model,
        object_id=place.object_id,
    )
    assert not isinstance(call, Refused), call
    return call
