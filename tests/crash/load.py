"""Callers who go on calling through every crash; each call's id is known to the bill as well."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.crash.server import PATIENCE_S, wait_for
from tests.flow.running import Gateway

CALLERS = 8
_AFTER_FAILURE_S = 0.02


@dataclass(slots=True)
class Load:
    """Calls in several threads, each under an id of its own, until the block ends."""

    gateway: Gateway
    label: str
    pause_s: float = 0.002
    answered: int = 0
    failed: int = 0
    _stopping: threading.Event = field(default_factory=threading.Event)
    _counting: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Call from several threads during a block."""
        threads = [threading.Thread(target=self._call_on, args=(n,)) for n in range(CALLERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            for thread in threads:
                thread.join()

    def wait_for_answers(self, more: int) -> None:
        """Return when so many more calls were answered."""
        goal = self.answered + more
        wait_for(lambda: self.answered >= goal, f"{more} more answers")

    def _call_on(self, caller: int) -> None:
        number = 0
        while not self._stopping.wait(self.pause_s):
            number += 1
            is_answered = self._try(f"{self.label}-{caller}-{number}", number)
            with self._counting:
                self.answered += is_answered
                self.failed += not is_answered
            if not is_answered:
                self._stopping.wait(_AFTER_FAILURE_S)

    def _try(self, call_id: str, number: int) -> bool:
        try:
            return self._call(call_id, number) == http.client.OK
        except (OSError, http.client.HTTPException):
            return False

    def _call(self, call_id: str, number: int) -> int:
        """Make one call and read all of its answer; returns its status."""
        stream = number % 2 == 0
        path, body = _request(call_id, number // 2, stream=stream)
        headers = {
            "authorization": f"Bearer {self.gateway.key}",
            "content-type": "application/json",
            "x-cost-session": call_id,
            "x-emulate-id": call_id,
            "x-emulate": "gap_ms=2" if stream else "delay_ms=4",
        }
        address = urlsplit(self.gateway.url)
        connection = http.client.HTTPConnection(
            address.hostname or "", address.port, timeout=PATIENCE_S
        )
        try:
            connection.request("POST", path, json.dumps(body), headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()


def _request(call_id: str, number: int, *, stream: bool) -> tuple[str, dict[str, Any]]:
    """Make a call in one of three wire formats, with a declared limit: its cost is bounded."""
    text = f"Close ticket {call_id}."
    asked = {"stream": stream, "messages": [{"role": "user", "content": text}]}
    match number % 3:
        case 0:
            return "/v1/chat/completions", {"model": "gpt-4o-mini", "max_tokens": 40, **asked}
        case 1:
            return "/v1/messages", {"model": "claude-sonnet-4-5", "max_tokens": 40, **asked}
        case _:
            verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
            return f"/v1beta/models/gemini-2.5-flash:{verb}", {
                "contents": [{"role": "user", "parts": [{"text": text}]}],
                "generationConfig": {"maxOutputTokens": 40},
            }
