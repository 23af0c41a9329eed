"""Streams that go wrong, and what is billed of them."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import anthropic
import openai
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from outlay.emulator.options import EmulatorOptions
from outlay.emulator.server import Emulator
from outlay.kernel.clock import FrozenClock
from tests.emulator.raw import CHAT, Raw, ask, chat
from tests.emulator.waiting import until

GEMINI = "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"


def request_for(wire: str) -> tuple[str, dict[str, Any]]:
    if wire == "chat":
        return CHAT, chat(stream=True, stream_options={"include_usage": True})
    if wire == "responses":
        return "/v1/responses", {"model": "gpt-4o-mini", "input": "hello", "stream": True}
    if wire == "messages":
        return "/v1/messages", chat(model="claude-sonnet-4-6", max_tokens=99, stream=True)
    return GEMINI, {"contents": [{"parts": [{"text": "hello"}]}]}


WIRES = ["chat", "responses", "messages", "gemini"]


async def stream(emulator: Emulator, steering: str, wire: str = "chat", **more: Any) -> Raw:
    path, body = request_for(wire)
    steering = f"output_tokens=20; reasoning_tokens=0; {steering}"
    return await ask(emulator, path, body, x_emulate=steering, **more)


async def settled(emulator: Emulator) -> dict[str, Any]:
    """The one call of the bill, once the emulator has noticed that its caller left."""
    await until(lambda: not emulator.state()["open_connections"])
    (line,) = emulator.bill()
    return line


@pytest.mark.parametrize("wire", WIRES)
async def test_a_stream_without_fault_is_complete(emulator: Emulator, wire: str) -> None:
    raw = await stream(emulator, "", wire)

    assert raw.is_complete
    assert emulator.bill()[0]["state"] == "complete"
    assert emulator.bill()[0]["quantities"]["output"] == 20


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("fault", ["reset", "cut-mid-stream", "bad-framing"])
async def test_a_broken_stream_bills_what_was_said(
    emulator: Emulator, wire: str, fault: str
) -> None:
    raw = await stream(emulator, f"fault={fault}; at=8", wire)

    (line,) = emulator.bill()
    assert (raw.status, raw.is_complete) == (200, False)
    assert raw.is_bad_framing is (fault == "bad-framing")
    assert line["state"] == "aborted"
    assert 0 < line["quantities"]["output"] < 20


async def test_the_break_comes_at_the_chunk_it_was_told(emulator: Emulator) -> None:
    """Chat: the role, then one token a chunk; before chunk 4 there were three tokens."""
    raw = await stream(emulator, "fault=cut-mid-stream; at=4")

    assert len(raw.events()) == 4
    assert emulator.bill()[0]["quantities"]["output"] == 3


async def test_a_stream_shorter_than_the_break_is_broken_at_its_end(emulator: Emulator) -> None:
    raw = await stream(emulator, "fault=cut-mid-stream; at=1000")

    assert not raw.is_complete
    assert b"[DONE]" not in raw.body
    assert emulator.bill()[0]["state"] == "aborted"


async def test_a_reset_reaches_the_caller_as_one(emulator: Emulator) -> None:
    raw = await stream(emulator, "fault=reset; at=2; gap_ms=20")
    assert raw.is_reset


@pytest.mark.parametrize("wire", WIRES)
async def test_a_stream_may_end_early_and_look_whole(emulator: Emulator, wire: str) -> None:
    raw = await stream(emulator, "fault=end-early; at=6", wire)

    assert raw.is_complete
    assert emulator.bill()[0]["state"] == "aborted"


@pytest.mark.parametrize("what", ["full", "produced", "nothing"])
async def test_what_a_break_bills_can_be_steered(emulator: Emulator, what: str) -> None:
    await stream(emulator, f"fault=reset; at=4; bill_on_abort={what}")

    billed = {
        "full": {"input": 7, "output": 20},
        "produced": {"input": 7, "output": 3},
        "nothing": {},
    }
    assert emulator.bill()[0]["quantities"] == billed[what]


async def test_a_reset_before_the_answer_bills_the_work(emulator: Emulator) -> None:
    raw = await stream(emulator, "fault=reset-before-answer")

    assert raw.status == 0
    assert emulator.bill()[0]["quantities"] == {"input": 7, "output": 20}


@pytest.mark.parametrize("wire", WIRES)
async def test_an_error_event_ends_a_stream(emulator: Emulator, wire: str) -> None:
    raw = await stream(emulator, "fault=error-event; at=5", wire)

    last = raw.events()[-1]
    assert raw.is_complete
    assert "error" in last or last["type"] == "error"
    assert emulator.bill()[0]["state"] == "aborted"


async def test_sdks_raise_on_an_error_event(emulator: Emulator) -> None:
    headers = {"x-emulate": "fault=error-event; at=3"}
    async with AsyncOpenAI(
        api_key="k", base_url=f"{emulator.base_url}/v1", max_retries=0
    ) as client:
        with pytest.raises(openai.APIError):
            async for _ in await client.chat.completions.create(
                **chat(), stream=True, extra_headers=headers
            ):
                pass
    async with AsyncAnthropic(api_key="k", base_url=emulator.base_url, max_retries=0) as other:
        with pytest.raises(anthropic.APIStatusError):
            async for _ in await other.messages.create(
                model="claude-sonnet-4-6", max_tokens=9, stream=True, extra_headers=headers,
                messages=[{"role": "user", "content": "x"}],
            ):  # fmt: skip
                pass


async def test_silence_lasts_until_the_caller_leaves(emulator: Emulator) -> None:
    raw = await stream(emulator, "fault=silence; at=3", enough=400)

    line = await settled(emulator)
    assert not raw.is_complete
    assert line["state"] == "aborted"
    assert line["quantities"]["output"] == 2


async def test_silence_before_the_first_byte_bills_the_input(emulator: Emulator) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await stream(emulator, "fault=silence; at=0")

    assert (await settled(emulator))["quantities"] == {"input": 7}


async def test_an_endless_stream_bills_until_the_caller_leaves(emulator: Emulator) -> None:
    raw = await stream(emulator, "fault=endless-stream", enough=100_000)

    line = await settled(emulator)
    assert not raw.is_complete
    assert line["quantities"]["output"] > 20


@pytest.mark.parametrize("wire", WIRES)
async def test_a_caller_who_leaves_bills_what_was_said(emulator: Emulator, wire: str) -> None:
    await stream(emulator, "gap_ms=30", wire, enough=1_200)

    line = await settled(emulator)
    assert line["state"] == "aborted"
    assert line["quantities"].get("output", 0) < 20


@pytest.mark.parametrize("steering", ["fault=torn-utf8", "torn=1", "fault=trickle; gap_ms=0"])
@pytest.mark.parametrize("wire", WIRES)
async def test_a_torn_stream_has_every_byte(wire: str, steering: str) -> None:
    torn, whole = await _stream_afresh(steering, wire), await _stream_afresh("", wire)

    assert max(len(piece) for piece in torn.pieces) <= 7
    assert torn.body == whole.body


async def test_a_tear_goes_through_characters(emulator: Emulator) -> None:
    raw = await stream(emulator, "fault=torn-utf8; output_tokens=200")
    assert any(_is_torn(piece) for piece in raw.pieces)


@pytest.mark.parametrize("wire", WIRES)
async def test_missing_usage_is_nowhere(emulator: Emulator, wire: str) -> None:
    raw = await stream(emulator, "fault=missing-usage", wire)

    assert raw.is_complete
    assert "_tokens" not in json.dumps([_usages(event) for event in raw.events()])
    assert emulator.bill()[0]["state"] == "complete"


async def test_bad_json_stands_between_good_events(emulator: Emulator) -> None:
    raw = await stream(emulator, "fault=bad-json; at=2")

    with pytest.raises(ValueError, match="Unterminated"):
        raw.events()
    assert raw.body.endswith(b"data: [DONE]\n\n")
    assert emulator.bill()[0]["state"] == "complete"


async def test_a_long_line_is_a_comment(emulator: Emulator) -> None:
    raw = await stream(emulator, "fault=long-line; size_bytes=300000")

    assert max(len(line) for line in raw.body.split(b"\n")) == 300_002
    assert len(raw.events()) == 23


async def test_a_wrong_content_type_changes_nothing_else(emulator: Emulator) -> None:
    raw = await stream(emulator, "fault=wrong-content-type")
    assert raw.header("content-type") == "application/octet-stream"
    assert raw.events()[-1]["usage"]["completion_tokens"] == 20


async def test_a_stream_may_end_with_its_connection(emulator: Emulator) -> None:
    raw = await stream(emulator, "fault=close-delimited")

    assert raw.header("transfer-encoding") == ""
    assert raw.body.endswith(b"data: [DONE]\n\n")


async def test_manners_of_other_providers(emulator: Emulator) -> None:
    raw = await stream(emulator, "crlf=1; comments=1; extra=1")

    assert b": ping\r\n\r\n" in raw.body
    assert b"id: 7\r\nretry: 3000\r\ndata: " in raw.body
    assert raw.body.count(b"\n") == raw.body.count(b"\r\n")
    assert raw.events()[-1]["usage"]["completion_tokens"] == 20


async def test_chunks_can_carry_several_tokens(emulator: Emulator) -> None:
    raw = await stream(emulator, "chunk_tokens=10")
    assert len(raw.events()) == 5  # role, two times ten tokens, end, usage


async def test_a_stream_can_be_paced(emulator: Emulator) -> None:
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    await stream(emulator, "tokens_per_second=200")
    assert loop.time() - start_s >= 20 / 200


async def _stream_afresh(steering: str, wire: str) -> Raw:
    """The first stream of an emulator whose clock stands: the same bytes in every run."""
    clock = FrozenClock(datetime(2026, 11, 20, tzinfo=UTC))
    async with Emulator(EmulatorOptions(run_id="run"), clock) as emulator:
        return await stream(emulator, steering, wire)


def _is_torn(piece: bytes) -> bool:
    try:
        piece.decode()
    except UnicodeDecodeError:
        return True
    return False


def _usages(event: dict[str, Any]) -> list[Any]:
    inner = event.get("message") or event.get("response") or {}
    return [event.get("usage"), event.get("usageMetadata"), inner.get("usage")]
