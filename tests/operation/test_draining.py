"""Told to stop, the gateway takes nothing new, lets calls finish, cuts the rest, loses none."""

import fcntl
import json
import os
import re
import signal
import socket
import sys
import termios
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.crash.load import Load
from tests.crash.server import wait_for
from tests.endings.calling import Answer, chat_body, opened, post, provider_state, send_only
from tests.flow.running import Gateway
from tests.operation.conftest import NewServer

pytestmark = pytest.mark.timeout(600)

CHAT = "/v1/chat/completions"
GRACE_S = 2
UVICORN_CUTS = "Cancel N running task(s), timeout graceful shutdown exceeded"
SHORT = "gap_ms=50; output_tokens=30"
LONG = "gap_ms=200; output_tokens=600; reasoning_tokens=0"
SLOW = "delay_ms=120000"
CALLS = {"short stream": 8, "long stream": 6, "slow answer": 4}


def test_sigterm_lets_streams_finish_or_cuts_them_with_a_word(
    started: NewServer, emulator_url: str
) -> None:
    server = started(workers=2, OUTLAY_SHUTDOWN_GRACE_S=str(GRACE_S))
    gateway = server.as_gateway()
    with ThreadPoolExecutor(sum(CALLS.values())) as callers:
        kinds = [kind for kind, count in CALLS.items() for _ in range(count)]
        answers = [(kind, callers.submit(call, gateway, kind)) for kind in kinds]
        wait_for(lambda: is_under_way(emulator_url), "every call under way")
        assert 0 == server.stop()
    assert {
        "short stream": {"finished"},
        "long stream": {"cut with an error event"},
        "slow answer": {"503 call_ended"},
    } == {kind: {fate(one) for name, one in answers if name == kind} for kind in CALLS}
    recorded = [(e["session"], e["ending"], e["cut_reason"]) for e in gateway.calls()]
    assert Counter(recorded) == {
        ("short stream", "complete", None): CALLS["short stream"],
        ("long stream", "cut", "shutdown"): CALLS["long stream"],
        ("slow answer", "cut", "shutdown"): CALLS["slow answer"],
    }
    assert set() == errors_in(server.log) - {UVICORN_CUTS}
    gateway.outlay("verify")


def test_a_caller_who_does_not_read_stops_nobody(started: NewServer) -> None:
    """It is cut like the others, and its worker ends by itself."""
    server = started(workers=1, OUTLAY_SHUTDOWN_GRACE_S="1")
    gateway = server.as_gateway()
    steering = {"x-cost-session": "stuck", "x-emulate": "fault=endless-stream; chunk_tokens=2000"}
    with send_only(gateway, CHAT, chat_body(stream=True), steering) as caller:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        wait_for(Stillness(caller), "a stream that does not move")
        assert 0 == server.stop()
    recorded = [(e["session"], e["ending"], e["cut_reason"]) for e in gateway.calls()]
    assert [("stuck", "cut", "shutdown")] == recorded
    alive = "SELECT count(*) FROM boots WHERE ended_at_us IS NULL"
    assert [(0,)] == server.ledger_rows(alive)


def test_a_worker_that_restarts_refuses_nobody(started: NewServer) -> None:
    """While it drains and until it is back, the other one takes its turn."""
    server = started(workers=2)
    load = Load(server.as_gateway(), label="restart")
    steering = {"x-emulate": "gap_ms=40; output_tokens=40"}
    with (
        opened(load.gateway, CHAT, chat_body(stream=True), headers=steering) as first,
        opened(load.gateway, CHAT, chat_body(stream=True), headers=steering) as second,
        load.running(),
    ):
        load.wait_for_answers(20)
        stopped = server.workers()[0]
        os.kill(stopped, signal.SIGTERM)
        assert [b"data: [DONE]"] * 2 == [one.read().split(b"\n\n")[-2] for one in (first, second)]
        wait_for(lambda: stopped not in server.workers(), "the worker ended")
        wait_for(lambda: len(server.workers()) == 2, "the worker is back")
        load.wait_for_answers(20)
    assert 0 == load.failed


@dataclass(slots=True)
class Stillness:
    """Says whether what a caller has not read has stopped to grow: nothing moves any more."""

    caller: socket.socket
    seen: list[int] = field(default_factory=list)

    def __call__(self) -> bool:
        """Look once more."""
        waiting = fcntl.ioctl(self.caller, termios.FIONREAD, b"\0" * 4)
        self.seen.append(int.from_bytes(waiting, sys.byteorder))
        return self.seen[-1] > 0 and self.seen[-25:] == [self.seen[-1]] * 25


def call(gateway: Gateway, kind: str) -> Answer:
    """Make a call of a kind and read all that comes."""
    steering = {"short stream": SHORT, "long stream": LONG, "slow answer": SLOW}[kind]
    headers = {"x-cost-session": kind, "x-emulate": steering}
    return post(gateway, CHAT, chat_body(stream=kind != "slow answer"), headers=headers)


def errors_in(log: Path) -> set[str]:
    """Return what is wrong according to a log, without numbers."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return {re.sub(r"\d+", "N", line["event"]) for line in lines if line["level"] == "error"}


def is_under_way(emulator_url: str) -> bool:
    """Say whether the provider works on every call; whoever asks is under way as well."""
    return int(provider_state(emulator_url)["open_exchanges"]) == sum(CALLS.values()) + 1


def fate(called: "Future[Answer]") -> str:
    """Say how a call ended for its caller."""
    answer = called.result()
    if answer.status != 200:
        return f"{answer.status} {answer.json()['error']['code']}"
    last = answer.body.rstrip().splitlines()[-1]
    return "finished" if last == b"data: [DONE]" else _cut(last)


def _cut(last_line: bytes) -> str:
    return "cut with an error event" if b'"code":"call_ended"' in last_line else "torn off"
