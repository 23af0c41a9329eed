"""Makes calls over plain sockets, so that a test decides when the caller hangs up."""

import http.client
import json
import socket
import sqlite3
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tests.flow.running import Gateway

PATIENCE_S = 30
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller got."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def request_id(self) -> str:
        """The id under which the call is recorded."""
        return self.headers["x-cost-request-id"]

    def json(self) -> Any:
        """Decode the body."""
        return json.loads(self.body)


def chat_body(**fields: object) -> dict[str, Any]:
    """Make the body of a chat call."""
    return {
        "model": "gpt-4o-mini",
        "max_tokens": 200,
        "messages": [{"role": "user", "content": "Close the ticket."}],
        **fields,
    }


def post(
    gateway: Gateway, path: str, body: object, *, headers: dict[str, str] | None = None
) -> Answer:
    """Make one call and wait for all of its answer."""
    with opened(gateway, path, body, headers=headers) as answer:
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())


@contextmanager
def opened(
    gateway: Gateway, path: str, body: object, *, headers: dict[str, str] | None = None
) -> Iterator[http.client.HTTPResponse]:
    """Make one call, read the head of its answer, and hang up at the end of the block."""
    address = urlsplit(gateway.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    sent = {"authorization": f"Bearer {gateway.key}", "content-type": "application/json"}
    try:
        connection.request("POST", path, json.dumps(body), sent | (headers or {}))
        yield connection.getresponse()
    finally:
        connection.close()


def send_only(gateway: Gateway, path: str, body: object, headers: dict[str, str]) -> socket.socket:
    """Send a whole call and return its connection, with nothing read from it."""
    address = urlsplit(gateway.url)
    text = json.dumps(body).encode()
    fields = {"authorization": f"Bearer {gateway.key}", "host": "gateway", **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    connection = socket.create_connection((address.hostname or "", address.port or 0), 60)
    start = f"POST {path} HTTP/1.1\r\n{head}content-length: {len(text)}\r\n\r\n"
    connection.sendall(start.encode() + text)
    return connection


def wait_for(look: Callable[[], _T]) -> _T:
    """Return the first true thing that `look` gives."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"nothing came within {PATIENCE_S} s")
        time.sleep(0.05)
    return found


def provider_state(url: str) -> dict[str, Any]:
    """Ask the emulator what it sees now."""
    with urllib.request.urlopen(f"{url}/__emulator__/state", timeout=10) as answer:
        return dict(json.load(answer))


def metric(gateway: Gateway, series: str) -> float:
    """Read a series of the gateway's metrics; 0 while nothing was counted in it."""
    with urllib.request.urlopen(f"{gateway.url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(f"{series} "))


def is_open(gateway: Gateway, user: str) -> bool:
    """Say whether a user's call is recorded as about to be sent."""
    return _has_row(gateway, 'SELECT count(*) FROM intents WHERE "user" = ?', user)


def is_settled(gateway: Gateway, user: str) -> bool:
    """Say whether a user's call has its event; quicker to ask than `outlay calls`."""
    events = "usage_events JOIN intents USING (request_id)"
    return _has_row(gateway, f'SELECT count(*) FROM {events} WHERE "user" = ?', user)


def _has_row(gateway: Gateway, found: str, user: str) -> bool:
    with sqlite3.connect(f"file:{gateway.data_dir}/ledger.sqlite3?mode=ro", uri=True) as ledger:
        return bool(ledger.execute(found, (user,)).fetchone()[0])
