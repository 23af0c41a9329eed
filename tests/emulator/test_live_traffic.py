"""Live traffic: real calls with the headers an application sends, on this machine only."""

import asyncio

import pytest

from outlay.emulator.company import LiveTotals, run_live
from outlay.emulator.loopback import Address, PostFailed, post, read_address
from outlay.emulator.options import EmulatorOptions
from outlay.emulator.server import Emulator
from outlay.emulator.steering import read_steering


async def drive(emulator: Emulator, calls: int) -> LiveTotals:
    """Run live traffic until so many calls have been answered."""
    stop = asyncio.Event()

    def note(totals: LiveTotals) -> None:
        if totals.calls >= calls:
            stop.set()

    return await run_live(
        emulator.base_url, "sk-any", calls_per_second=2_000, stop=stop, progress=note, seed=3
    )


async def test_calls_of_all_wires_succeed(emulator: Emulator) -> None:
    totals = await drive(emulator, 150)

    formats = {line["format"] for line in emulator.bill()}
    assert totals.calls >= 150
    assert totals.failures == 0
    assert totals.calls == len(emulator.bill())
    assert {"openai_chat", "openai_responses", "anthropic_messages", "gemini"} <= formats
    assert {line["stream"] for line in emulator.bill()} == {True, False}


async def test_sessions_go_on_for_several_calls_and_some_succeed(emulator: Emulator) -> None:
    totals = await drive(emulator, 150)
    assert totals.calls > totals.sessions > totals.outcomes > 0


async def test_calls_carry_attribution(emulator: Emulator) -> None:
    await drive(emulator, 60)

    names = {name for seen in emulator.state()["latest"] for name in seen["headers"]}
    assert {
        "x-cost-feature",
        "x-cost-department",
        "x-cost-user",
        "x-cost-session",
        "x-cost-outcome",
        "x-cost-environment",
        "x-cost-gl-account",
        "x-cost-cost-center",
    } <= names


async def test_long_instructions_are_cached(emulator: Emulator) -> None:
    await drive(emulator, 100)
    assert any(line["quantities"].get("cache_read") for line in emulator.bill())


async def test_calls_without_an_answer_are_failures() -> None:
    refusing = EmulatorOptions(steering=read_steering("fault=500"))
    async with Emulator(refusing) as emulator:
        totals = await drive(emulator, 20)
    assert totals.failures == totals.calls
    assert totals.outcomes == 0


async def test_a_gateway_that_is_away_is_a_failure_too() -> None:
    async with Emulator() as emulator:
        address = read_address(emulator.base_url)
    with pytest.raises(PostFailed):
        await post(address, "/v1/x", {}, b"{}")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:4180", Address("127.0.0.1", 4180)),
        ("http://localhost:1", Address("localhost", 1)),
        ("http://[::1]:2", Address("::1", 2)),
        ("http://127.0.0.1", Address("127.0.0.1", 80)),
    ],
)
def test_this_machine_is_addressed(url: str, address: Address) -> None:
    assert read_address(url) == address


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:1", "http://example.com", "http://10.0.0.1:80", "localhost:1", ""]
)
def test_simulated_traffic_goes_nowhere_else(url: str) -> None:
    with pytest.raises(ValueError, match="not an http:// address of this machine"):
        read_address(url)
