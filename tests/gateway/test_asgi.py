"""The gateway's outermost boundary: what escapes a call is answered in its format, and logged."""

import asyncio
import json
from collections.abc import MutableMapping
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from outlay.gateway import asgi
from outlay.gateway.asgi import Gateway
from outlay.gateway.caller_socket import CallerGone
from outlay.gateway.metrics import GatewayMetrics
from outlay.gateway.rooms import GatewayLimits
from outlay.gateway.visit import Visit
from outlay.kernel.clock import SystemClock

Told = MutableMapping[str, Any]


class Caller:
    """A caller's end of an ASGI exchange: asks for a path, keeps what it is told."""

    def __init__(self, path: str, method: str = "POST") -> None:
        self.scope: Told = {
            "type": "http",
            "method": method,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [],
        }
        self.told: list[Told] = []

    async def hear(self, message: Told) -> None:
        """Keep a message."""
        self.told.append(message)

    async def say(self) -> Told:
        """Have nothing more to say."""
        await asyncio.Event().wait()
        raise AssertionError

    @property
    def status(self) -> int:
        """The status of the answer."""
        return int(self.told[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        """The headers of the answer."""
        return dict(self.told[0]["headers"])

    @property
    def body(self) -> bytes:
        """The body of the answer."""
        return b"".join(message["body"] for message in self.told[1:])


def make_gateway(in_flight: int = 4) -> Gateway:
    """Make a gateway that has what its boundary needs."""
    rooms: Any = SimpleNamespace(
        clock=SystemClock(),
        limits=GatewayLimits(in_flight_calls=in_flight),
        metrics=GatewayMetrics(CollectorRegistry()),
    )

    async def page() -> tuple[int, bytes, bytes]:
        return 200, b"text/plain", b"ok\n"

    return Gateway(rooms, {"/healthz": page})


async def call(gateway: Gateway, caller: Caller) -> Caller:
    """Let a caller call."""
    await gateway(caller.scope, caller.say, caller.hear)
    return caller


async def test_a_failure_inside_is_an_error_of_the_wire_and_a_line_in_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(visit: Visit) -> None:
        visit.find_place()
        raise ZeroDivisionError

    monkeypatch.setattr(asgi, "serve", fail)
    with capture_logs() as lines:
        caller = await call(make_gateway(), Caller("/v1/messages"))
    told = json.loads(caller.body)
    assert (500, "error", "internal") == (caller.status, told["type"], told["error"]["code"])
    request_id = caller.headers[b"x-cost-request-id"].decode()
    assert request_id == told["request_id"]
    assert [("error", request_id)] == [(one["log_level"], one["request_id"]) for one in lines]


async def test_a_failure_after_the_answer_began_adds_nothing_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(visit: Visit) -> None:
        await visit.socket.start(200, [])
        raise ZeroDivisionError

    monkeypatch.setattr(asgi, "serve", fail)
    with capture_logs():
        caller = await call(make_gateway(), Caller("/v1/messages"))
    assert [200] == [message["status"] for message in caller.told]


async def test_a_caller_who_left_while_asking_is_told_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def leave(_visit: Visit) -> None:
        raise CallerGone

    monkeypatch.setattr(asgi, "serve", leave)
    with capture_logs() as lines:
        caller = await call(make_gateway(), Caller("/v1/messages"))
    assert ([], []) == (caller.told, lines)


async def test_calls_are_counted_while_they_are_under_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gateway, seen = make_gateway(in_flight=1), []

    async def look(_visit: Visit) -> None:
        seen.append(gateway.in_flight)
        second = await call(gateway, Caller("/v1/messages"))
        seen.append(second.status)

    monkeypatch.setattr(asgi, "serve", look)
    await call(gateway, Caller("/v1/messages"))
    assert ([1, 503], 0) == (seen, gateway.in_flight)


async def test_our_own_pages_have_no_limit_and_answer_head() -> None:
    gateway = make_gateway(in_flight=0)
    for method, body in (("GET", b"ok\n"), ("HEAD", b"")):
        caller = await call(gateway, Caller("/healthz", method))
        assert (200, body, b"3") == (caller.status, caller.body, caller.headers[b"content-length"])
