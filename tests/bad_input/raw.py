"""Requests as bytes, refusals as their callers read them."""

import http.client
import json
import socket
import sqlite3
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.endings.calling import provider_state, wait_for
from tests.flow.running import Gateway

CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"
EMBEDDINGS = "/v1/embeddings"
MESSAGES = "/v1/messages"
GENERATE = "/v1beta/models/gemini-2.5-flash:generateContent"
STABLE_GENERATE = "/v1/models/gemini-2.5-flash:streamGenerateContent"
GEMINI_CHAT = "/v1beta/openai/chat/completions"

ENVELOPES = {
    CHAT: "openai",
    RESPONSES: "openai",
    EMBEDDINGS: "openai",
    GEMINI_CHAT: "openai",
    MESSAGES: "anthropic",
    GENERATE: "google",
    STABLE_GENERATE: "google",
}
"""Every wire, and whose error format its callers read."""

BODIES: dict[str, dict[str, Any]] = {
    CHAT: {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]},
    RESPONSES: {"model": "gpt-4o-mini", "input": "Hi"},
    EMBEDDINGS: {"model": "text-embedding-3-small", "input": "Hi"},
    GEMINI_CHAT: {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "Hi"}]},
    MESSAGES: {
        "model": "claude-sonnet-4-5",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "Hi"}],
    },
    GENERATE: {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
    STABLE_GENERATE: {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
}
"""A body for each that would be accepted."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller got."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def request_id(self) -> str:
        """The id by which the gateway knows the request."""
        return str(self.headers["x-cost-request-id"])

    def error(self, envelope: str) -> tuple[str, str]:
        """Read the error as the callers of a wire do; returns its code and its message.

        Raises:
            KeyError: it is not in that format.
        """
        told = json.loads(self.body)
        match envelope:
            case "openai":
                error = told["error"]
                return str(error["code"] and error["type"] and error["code"]), error["message"]
            case "anthropic":
                error = told["error"]
                assert ("error", True) == (told["type"], bool(error["type"]))
                return error["code"], error["message"]
            case "google":
                error = told["error"]
                assert (self.status, True) == (error["code"], error["status"].isupper())
                return error["details"][0]["reason"].lower(), error["message"]
            case _:
                assert "application/problem+json" == self.headers["content-type"]
                assert self.status == told["status"]
                return told["code"], told["detail"]


@dataclass(slots=True)
class Refuser:
    """A gateway, asked what it must refuse; its provider may hear of none of it."""

    gateway: Gateway
    emulator_url: str
    _expected: int = 0

    def __post_init__(self) -> None:
        self._expected = self._heard()

    def expect_at_provider(self, requests: int) -> None:
        """Allow for so many requests that the provider has to hear."""
        self._expected += requests

    def check_provider(self) -> None:
        """Fail if another number of requests has reached the provider than is expected."""
        assert self._expected == self._heard()

    def _heard(self) -> int:
        return int(provider_state(self.emulator_url)["requests"])

    def send(self, raw: bytes) -> Answer:
        """Send bytes on a connection of their own and read one answer."""
        address = urlsplit(self.gateway.url)
        with socket.create_connection((address.hostname or "", address.port or 0), 60) as caller:
            caller.sendall(raw)
            answer = http.client.HTTPResponse(caller)
            answer.begin()
            return Answer(answer.status, answer.headers, answer.read())

    def post(
        self, path: str, body: bytes | dict[str, Any], *fields: str | bytes, key: str | None = ""
    ) -> Answer:
        """Post a body under the gateway's key, or another one, or none."""
        text = json.dumps(body).encode() if isinstance(body, dict) else body
        return self.send(self.request("POST", path, *fields, key=key, body=text))

    def request(
        self,
        method: str,
        path: str,
        *fields: str | bytes,
        key: str | None = "",
        body: bytes | None = None,
    ) -> bytes:
        """Write a request; without a body it has no length."""
        head = [f"{method} {path} HTTP/1.1".encode(), b"host: gateway"]
        if key is not None:
            head.append(f"authorization: Bearer {key or self.gateway.key}".encode())
        if body is not None:
            head += [b"content-type: application/json", b"content-length: %d" % len(body)]
        head += [field.encode() if isinstance(field, str) else field for field in fields]
        return b"\r\n".join([*head, b"", body or b""])

    def recorded(self, answer: Answer) -> str:
        """Wait for the record of a refusal, and return its code."""
        return wait_for(lambda: self._recorded_code(answer))

    def _recorded_code(self, answer: Answer) -> str:
        path = f"file:{self.gateway.data_dir}/ledger.sqlite3?mode=ro"
        ledger = sqlite3.connect(path, uri=True)
        try:
            found = "SELECT code FROM refusals WHERE request_id = ?"
            row = ledger.execute(found, (answer.request_id,)).fetchone()
            return str(row[0]) if row else ""
        finally:
            ledger.close()


def check(
    answer: Answer, envelope: str, status: int, code: str, *, says: str = "", retries: bool = False
) -> None:
    """Check a refusal: status, code in the wire's format, and what our headers promise."""
    assert (status, code) == (answer.status, answer.error(envelope)[0])
    assert says in answer.error(envelope)[1]
    assert answer.request_id.startswith("req_")
    assert (None if retries else "false") == answer.headers["x-should-retry"]
