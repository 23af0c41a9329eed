"""Answers in one piece that go wrong, errors on purpose, and what is billed of them."""

import asyncio
import gzip
from typing import Any

import anthropic
import openai
import pytest
from anthropic import AsyncAnthropic
from google import genai
from google.genai import errors, types
from openai import AsyncOpenAI

from outlay.emulator.server import Emulator
from tests.emulator.raw import CHAT, Raw, ask, chat
from tests.emulator.waiting import until

BILLED = {"input": 7, "output": 20}


async def send(emulator: Emulator, steering: str, **headers: Any) -> Raw:
    return await ask(emulator, CHAT, chat(), x_emulate=f"output_tokens=20; {steering}", **headers)


@pytest.mark.parametrize("fault", ["reset", "cut-mid-stream", "bad-framing", "reset-before-answer"])
async def test_a_broken_answer_is_billed_in_full(emulator: Emulator, fault: str) -> None:
    """The work was done before the first byte."""
    raw = await send(emulator, f"fault={fault}")

    assert not raw.is_complete
    assert emulator.bill()[0]["quantities"] == BILLED


@pytest.mark.parametrize("fault", ["bad-json", "end-early"])
async def test_half_an_answer_may_look_whole(emulator: Emulator, fault: str) -> None:
    raw = await send(emulator, f"fault={fault}")

    assert raw.is_complete
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        raw.json()


@pytest.mark.parametrize("steering", ["fault=torn-utf8", "torn=1", "fault=trickle; gap_ms=0"])
async def test_a_torn_answer_has_every_byte(emulator: Emulator, steering: str) -> None:
    raw = await send(emulator, steering)

    assert max(len(piece) for piece in raw.pieces) <= 7
    assert raw.json()["usage"]["completion_tokens"] == 20


async def test_missing_usage_is_missing(emulator: Emulator) -> None:
    raw = await send(emulator, "fault=missing-usage")
    assert "usage" not in raw.json()
    assert emulator.bill()[0]["quantities"] == BILLED


async def test_a_gzip_bomb_is_small_on_the_wire(emulator: Emulator) -> None:
    raw = await send(emulator, "fault=gzip-bomb; size_bytes=5000000")

    assert raw.header("content-encoding") == "gzip"
    assert len(raw.body) < 50_000
    assert len(gzip.decompress(raw.body)) == 5_000_002


async def test_a_long_answer_is_padded(emulator: Emulator) -> None:
    raw = await send(emulator, "fault=long-line; size_bytes=200000")
    assert len(raw.body) > 200_000
    assert raw.json()["usage"]["completion_tokens"] == 20


async def test_an_endless_answer_ends_with_the_caller(emulator: Emulator) -> None:
    raw = await ask(
        emulator, CHAT, chat(), x_emulate="output_tokens=20; fault=endless-stream", enough=1_000_000
    )
    assert not raw.is_complete
    assert emulator.bill()[0]["quantities"] == BILLED


async def test_an_answer_may_end_with_its_connection(emulator: Emulator) -> None:
    raw = await send(emulator, "fault=close-delimited")
    assert raw.header("content-length") == ""
    assert raw.json()["usage"]["completion_tokens"] == 20


async def test_a_wrong_content_type_changes_nothing_else(emulator: Emulator) -> None:
    raw = await send(emulator, "fault=wrong-content-type")
    assert raw.header("content-type") == "application/octet-stream"
    assert raw.json()["usage"]["completion_tokens"] == 20


async def test_a_slow_answer_takes_its_time(emulator: Emulator) -> None:
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    await send(emulator, "fault=slow; delay_ms=80")
    assert loop.time() - start_s >= 0.08


async def test_who_leaves_before_the_answer_is_billed_the_input(emulator: Emulator) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await send(emulator, "fault=silence")
    await until(lambda: not emulator.state()["open_connections"])

    (line,) = emulator.bill()
    assert (line["state"], line["quantities"]) == ("aborted", {"input": 7})


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 413, 429, 500, 502, 503, 504, 529])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, chat()),
        ("/v1/responses", {"model": "gpt-4o", "input": "x"}),
        ("/v1/messages", chat(max_tokens=5)),
        ("/v1beta/models/gemini-2.5-pro:generateContent", {"contents": [{"parts": []}]}),
    ],
)
async def test_an_error_bills_nothing(
    emulator: Emulator, path: str, body: dict[str, Any], status: int
) -> None:
    raw = await ask(emulator, path, body, x_emulate=f"fault={status}")

    assert raw.status == status
    assert raw.json()["error"]["message"]
    assert emulator.bill() == []


@pytest.mark.parametrize(
    ("status", "raised"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
    ],
)
async def test_openais_client_knows_the_errors(
    emulator: Emulator, status: int, raised: type[Exception]
) -> None:
    async with AsyncOpenAI(
        api_key="k", base_url=f"{emulator.base_url}/v1", max_retries=0
    ) as client:
        with pytest.raises(raised):
            await client.chat.completions.create(
                **chat(), extra_headers={"x-emulate": f"fault={status}"}
            )


@pytest.mark.parametrize(("status", "kind"), [(429, "rate_limit_error"), (529, "overloaded_error")])
async def test_anthropics_client_knows_the_errors(
    emulator: Emulator, status: int, kind: str
) -> None:
    async with AsyncAnthropic(api_key="k", base_url=emulator.base_url, max_retries=0) as client:
        with pytest.raises(anthropic.APIStatusError) as raised:
            await client.messages.create(
                model="claude-sonnet-4-6",
                max_tokens=5,
                messages=[{"role": "user", "content": "x"}],
                extra_headers={"x-emulate": f"fault={status}"},
            )
    assert isinstance(raised.value.body, dict)
    assert raised.value.body["error"]["type"] == kind


async def test_googles_client_knows_the_errors(emulator: Emulator) -> None:
    options = types.HttpOptions(base_url=emulator.base_url, headers={"x-emulate": "fault=429"})
    client = genai.Client(api_key="k", http_options=options)
    with pytest.raises(errors.ClientError) as raised:
        await client.aio.models.generate_content(model="gemini-2.5-pro", contents="x")
    await client.aio.aclose()
    client.close()
    assert (raised.value.code, raised.value.status) == (429, "RESOURCE_EXHAUSTED")


async def test_a_fault_can_be_met_a_number_of_times(emulator: Emulator) -> None:
    """A client that retries gets through, and one call is billed."""
    async with AsyncOpenAI(
        api_key="k", base_url=f"{emulator.base_url}/v1", max_retries=3
    ) as client:
        await client.chat.completions.create(
            **chat(), extra_headers={"x-emulate": "fault=429; times=2; retry_after_s=0"}
        )
    assert emulator.state()["requests"] == 3
    assert emulator.state()["errors"] == {"429": 2}
    assert len(emulator.bill()) == 1


async def test_faults_are_counted_by_the_callers_id(emulator: Emulator) -> None:
    statuses = [
        (await send(emulator, "fault=500; times=1", x_emulate_id=name)).status
        for name in ("a", "b", "a", "b")
    ]
    assert statuses == [500, 500, 200, 200]


async def test_a_rate_limit_says_when_to_come_back(emulator: Emulator) -> None:
    raw = await send(emulator, "fault=429; retry_after_s=7")
    assert raw.header("retry-after") == "7"


async def test_a_proxys_page_is_html(emulator: Emulator) -> None:
    raw = await send(emulator, "fault=html-error")
    assert (raw.status, raw.header("content-type")) == (502, "text/html")
    assert raw.body.startswith(b"<html>")
    assert emulator.bill() == []


async def test_unknown_steering_is_refused(emulator: Emulator) -> None:
    raw = await send(emulator, "falut=reset")
    assert raw.status == 400
    assert "falut" in raw.json()["error"]["message"]


async def test_a_model_can_carry_the_steering(emulator: Emulator) -> None:
    chatted = await ask(emulator, CHAT, chat(model="gpt-4o@fault=529"))
    generated = await ask(
        emulator, "/v1/models/gemini-2.5-pro%40fault%3D503:generateContent", {"contents": []}
    )
    assert (chatted.status, generated.status) == (529, 503)


async def test_steering_behind_the_model_is_not_part_of_its_name(emulator: Emulator) -> None:
    raw = await ask(emulator, CHAT, chat(model="gpt-4o@output_tokens=2"))
    assert raw.json()["model"] == "gpt-4o-2024-08-06"
    assert emulator.bill()[0]["model"] == "gpt-4o"
