"""Recorded exchanges come back byte for byte, however they are cut."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.emulator.options import EmulatorOptions
from outlay.emulator.replay import is_same_body, slice_randomly
from outlay.emulator.server import Emulator
from tests.emulator.raw import ask

TEXT = 'data: {"text":"é雪😀"}\r\n\r\n: comment\n\ndata: [DONE]\n\n'
BINARY = bytes(range(256))


def recording(recording_id: str, body: str, **more: Any) -> dict[str, Any]:
    return {
        "id": recording_id,
        "path": "/v1/chat/completions",
        "status": 200,
        "stream": True,
        "request_body": {"model": "gpt-4o"},
        "response_headers": {
            "content-type": "text/event-stream",
            "transfer-encoding": "chunked",
            "openai-version": "2020-10-01",
        },
        "response_body": body,
        "response_body_encoding": "utf-8",
        "provider": "openai",
    } | more


@pytest.fixture
async def replayer(tmp_path: Path) -> AsyncIterator[Emulator]:
    plain = {"stream": False, "response_headers": {"content-type": "application/json"}}
    recordings = [
        recording("stream", TEXT),
        recording("plain", '{"error":{}}', status=400, **plain),
        recording("binary", base64.b64encode(BINARY).decode(), response_body_encoding="base64"),
    ]
    path = tmp_path / "exchanges.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in recordings))
    async with Emulator(EmulatorOptions(replay_path=path)) as emulator:
        yield emulator


async def test_a_stream_comes_back_byte_for_byte(replayer: Emulator) -> None:
    raw = await ask(replayer, "/v1/chat/completions", {"model": "gpt-4o"}, x_replay_id="stream")

    assert raw.body == TEXT.encode()
    assert raw.header("openai-version") == "2020-10-01"
    assert len(raw.pieces) > 1


async def test_status_and_framing_are_the_recordings(replayer: Emulator) -> None:
    raw = await ask(replayer, "/v1/chat/completions", {}, x_replay_id="plain")

    assert (raw.status, raw.body) == (400, b'{"error":{}}')
    assert raw.header("content-length") == "12"


async def test_binary_bodies_are_decoded(replayer: Emulator) -> None:
    raw = await ask(replayer, "/model/x/converse-stream", {}, x_replay_id="binary")
    assert raw.body == BINARY


async def test_another_seed_cuts_elsewhere(replayer: Emulator) -> None:
    cuts = [
        (await ask(replayer, "/v1/x", {}, x_replay_id="stream", x_replay_seed=seed)).pieces
        for seed in ("1", "1", "2")
    ]
    assert cuts[0] == cuts[1] != cuts[2]


async def test_an_unknown_recording_is_a_404(replayer: Emulator) -> None:
    assert (await ask(replayer, "/v1/x", {}, x_replay_id="nobody")).status == 404


async def test_the_state_tells_whether_the_request_came_as_recorded(replayer: Emulator) -> None:
    await ask(replayer, "/v1/x", {"model": "gpt-4o"}, x_replay_id="stream")
    await ask(replayer, "/v1/x", {"model": "other"}, x_replay_id="stream")

    assert [played["is_same_body"] for played in replayer.state()["replayed"]] == [True, False]


async def test_a_replay_is_not_billed(replayer: Emulator) -> None:
    await ask(replayer, "/v1/chat/completions", {"model": "gpt-4o"}, x_replay_id="stream")
    assert replayer.bill() == []


@given(st.binary(max_size=5_000), st.text())
def test_slices_joined_again_are_the_body(body: bytes, seed: str) -> None:
    assert b"".join(slice_randomly(body, seed)) == body


@pytest.mark.parametrize(
    ("sent", "recorded", "is_same"),
    [
        (b'{"a": 1}', {"a": 1}, True),
        (b'{"a":2}', {"a": 1}, False),
        (b"", None, True),
        (b"--form--", "--form--", True),
        (b"{", {"a": 1}, False),
    ],
)
def test_bodies_are_compared_by_meaning(sent: bytes, recorded: object, is_same: bool) -> None:
    assert is_same_body(sent, recorded) is is_same


@pytest.mark.real
async def test_every_recording_comes_back_exactly(real_dir: Path) -> None:
    """All of them, streams cut at random bytes, straight from the emulator."""
    path = real_dir / "exchanges.jsonl"
    with path.open() as file:
        exchanges = [json.loads(line) for line in file]
    async with Emulator(EmulatorOptions(replay_path=path)) as emulator:
        for exchange in exchanges:
            raw = await ask(emulator, "/v1/replay", {}, x_replay_id=exchange["id"])
            assert raw.status == exchange["status"], exchange["id"]
            assert raw.body == _recorded_bytes(exchange), exchange["id"]
            assert raw.is_complete, exchange["id"]


def _recorded_bytes(exchange: dict[str, Any]) -> bytes:
    if exchange["response_body_encoding"] == "base64":
        return base64.b64decode(exchange["response_body"])
    return bytes(exchange["response_body"], "utf-8")
