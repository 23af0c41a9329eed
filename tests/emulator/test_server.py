"""The emulator as a whole: its own endpoints, credentials, routes, many callers at once."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from outlay.emulator.bill import read_bill
from outlay.emulator.options import EmulatorOptions
from outlay.emulator.routes import Endpoint, find_route
from outlay.emulator.server import Emulator
from outlay.emulator.steering import read_steering
from tests.emulator.raw import CHAT, ask, chat
from tests.emulator.waiting import until


async def test_the_bill_is_served_and_reset(emulator: Emulator) -> None:
    await ask(emulator, CHAT, chat(), x_emulate_id="mine", x_cost_request_id="req_1")

    served = (await ask(emulator, "/__emulator__/bill", method="GET")).json()
    await ask(emulator, "/__emulator__/bill", method="DELETE")

    assert served["calls"][0]["emulate_id"] == "mine"
    assert served["calls"][0]["gateway_id"] == "req_1"
    assert served["totals"]["calls"] == 1
    assert emulator.bill() == []


async def test_an_answer_can_be_found_on_the_bill(emulator: Emulator) -> None:
    raw = await ask(emulator, CHAT, chat())

    (line,) = emulator.bill()
    assert line["call_id"] == raw.header("x-emulate-call")
    assert line["response_id"] == raw.json()["id"]
    assert raw.header("x-request-id") == f"req_{line['call_id']}"


async def test_the_state_shows_what_a_gateway_let_through(emulator: Emulator) -> None:
    await ask(
        emulator,
        CHAT,
        chat(),
        authorization="Bearer sk-outlay-secret",
        x_cost_feature="f",
    )

    state = emulator.state()
    assert state["leaked_gateway_keys"] == 1
    assert state["leaked_cost_headers"] == 1
    assert state["latest"][0]["credentials"] == [{"in": "authorization", "is_gateway_key": True}]
    assert "secret" not in json.dumps(state)


async def test_the_state_does_not_see_itself(emulator: Emulator) -> None:
    for _ in range(2):
        state = (await ask(emulator, "/__emulator__/state", method="GET")).json()
    assert state["requests"] == 0


async def test_connections_are_gone_when_callers_are(emulator: Emulator) -> None:
    await ask(emulator, CHAT, chat())
    await until(lambda: not emulator.state()["open_connections"])


@pytest.mark.parametrize(
    "headers",
    [{"authorization": "Bearer right"}, {"x_api_key": "right"}, {"x_goog_api_key": "right"}],
)
async def test_only_one_credential_is_accepted_when_told(headers: dict[str, Any]) -> None:
    async with Emulator(EmulatorOptions(accepted_key="right")) as emulator:
        accepted = await ask(emulator, CHAT, chat(), **headers)
        refused = await ask(emulator, CHAT, chat(), authorization="Bearer wrong")
    assert (accepted.status, refused.status) == (200, 401)


async def test_steering_can_hold_for_every_request() -> None:
    async with Emulator(EmulatorOptions(steering=read_steering("output_tokens=2"))) as emulator:
        await ask(emulator, CHAT, chat())
        await ask(emulator, CHAT, chat(), x_emulate="output_tokens=3")
        outputs = [line["quantities"]["output"] for line in emulator.bill()]
    assert outputs == [2, 3]


@pytest.mark.parametrize(
    ("method", "path", "endpoint"),
    [
        ("POST", "/v1/chat/completions", Endpoint.CHAT),
        ("POST", "/chat/completions", Endpoint.CHAT),
        ("POST", "/openai/v1/chat/completions", Endpoint.CHAT),
        ("POST", "/v1beta/openai/embeddings", Endpoint.EMBEDDINGS),
        ("POST", "/v1/messages/count_tokens", Endpoint.COUNT_MESSAGES),
        ("POST", "/v1beta/models/m:streamGenerateContent", Endpoint.STREAM_GENERATE),
        ("POST", "/v1/models/m:countTokens", Endpoint.COUNT_TOKENS),
        ("GET", "/v1/responses/resp_1", Endpoint.RESPONSE),
        ("POST", "/v1/responses/resp_1/cancel", Endpoint.CANCEL),
        ("GET", "/v1/responses/resp_1/input_items", Endpoint.INPUT_ITEMS),
        ("DELETE", "/v1/responses/resp_1", Endpoint.DELETE),
        ("GET", "/v1/models/gpt-4o", Endpoint.MODEL),
    ],
)
def test_a_path_is_an_endpoint(method: str, path: str, endpoint: Endpoint) -> None:
    route = find_route(method, path)
    assert route is not None
    assert route.endpoint is endpoint


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/chat/completions"),
        ("POST", "/v1/models/m:fly"),
        ("GET", "/v1/models/m:generateContent"),
        ("PUT", "/v1/responses/resp_1"),
        ("POST", "/"),
    ],
)
def test_anything_else_is_none(method: str, path: str) -> None:
    assert find_route(method, path) is None


@pytest.mark.parametrize("version", ["", "2023-06-01"])
async def test_an_unknown_path_is_a_404_in_the_callers_format(
    emulator: Emulator, version: str
) -> None:
    raw = await ask(emulator, "/v1/realtime", {"x": 1}, anthropic_version=version)
    assert raw.status == 404
    assert raw.json()["error"]["message"].startswith("Unknown request URL")


async def test_hundreds_of_streams_run_side_by_side(emulator: Emulator) -> None:
    """Each is billed once and in full."""
    steering = "output_tokens=20; reasoning_tokens=0; gap_ms=1"
    answers = await asyncio.gather(
        *(
            ask(emulator, CHAT, chat(stream=True), x_emulate=steering, x_emulate_id=str(n))
            for n in range(300)
        )
    )

    lines = emulator.bill()
    assert all(raw.is_complete for raw in answers)
    assert sorted(int(line["emulate_id"]) for line in lines) == list(range(300))
    assert {line["quantities"]["output"] for line in lines} == {20}


async def test_stopping_settles_what_is_under_way(tmp_path: Path) -> None:
    path = tmp_path / "bill.jsonl"
    async with Emulator(EmulatorOptions(bill_path=path)) as emulator:
        asking = asyncio.create_task(
            ask(emulator, CHAT, chat(stream=True), x_emulate="fault=silence; at=2")
        )
        await until(lambda: emulator.state()["open_streams"])
    await asking

    assert [line["state"] for line in read_bill(path)] == ["aborted"]


async def test_a_killed_emulator_leaves_its_bill(tmp_path: Path) -> None:
    """`kill -9` in the middle of a stream: the file has the line that charges the input."""
    path = tmp_path / "bill.jsonl"
    outlay = str(Path(sys.executable).with_name("outlay"))
    process = await asyncio.create_subprocess_exec(
        outlay, "emulator", "--port", "0", "--bill", str(path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().split()[-1]
    async with _silent_stream(url):
        process.kill()
        await process.wait()

    assert [line["state"] for line in read_bill(path)] == ["started"]


@asynccontextmanager
async def _silent_stream(url: str) -> AsyncIterator[None]:
    """Hold a stream that has begun and then fallen silent."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = json.dumps(chat(stream=True)).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nhost: e\r\nx-emulate: fault=silence; at=2\r\n"
    writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    await reader.readuntil(b"data: ")
    yield
    writer.close()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)
