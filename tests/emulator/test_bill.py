"""The bill: the last line of a call counts, totals add up, a kill loses nothing."""

from decimal import Decimal
from pathlib import Path

import pytest

from outlay.emulator.bill import Bill, CallFacts, CallState, read_bill
from outlay.emulator.prices import price_table

PASSES = [("gpt-4o", {"input": 48, "output": 14})]


def facts(call_id: str = "1", tier: str = "standard") -> CallFacts:
    return CallFacts(
        call_id=call_id,
        at_us=5,
        format="openai_chat",
        model="gpt-4o",
        model_returned="gpt-4o-2024-08-06",
        stream=True,
        tier=tier,
        rate_tier=tier,
        response_id="chatcmpl-1",
        emulate_id="mine",
    )


@pytest.fixture
def bill() -> Bill:
    return Bill(price_table())


def test_a_line_says_what_was_consumed_and_charged(bill: Bill) -> None:
    bill.write(facts(), CallState.COMPLETE, PASSES)

    (line,) = bill.calls()

    assert line["emulate_id"] == "mine"
    assert line["quantities"] == {"input": 48, "output": 14}
    assert line["cost_usd"] == "0.00026"
    assert line["cost_nanos"] == 260_000


def test_tokens_and_tools_are_charged_apart(bill: Bill) -> None:
    bill.write(facts(), CallState.COMPLETE, [("gpt-4o", {"input": 1_000_000, "web_search": 3})])

    (line,) = bill.calls()

    assert (line["token_cost_usd"], line["tool_cost_usd"]) == ("2.5", "0.03")
    assert line["cost_usd"] == "2.53"


def test_an_ending_replaces_the_start(bill: Bill) -> None:
    bill.write(facts(), CallState.STARTED, [("gpt-4o", {"input": 48})])
    bill.write(facts(), CallState.COMPLETE, PASSES)

    assert [line["state"] for line in bill.calls()] == ["complete"]


def test_totals_are_exact_and_unpriced_calls_are_counted(bill: Bill) -> None:
    bill.write(facts("1"), CallState.COMPLETE, PASSES)
    bill.write(facts("2"), CallState.ABORTED, [("gpt-5-nano", {"input": 1})])
    bill.write(facts("3"), CallState.COMPLETE, [("nobody-knows", {"input": 1})])

    totals = bill.as_json()["totals"]

    assert totals["cost_usd"] == "0.00026005"
    assert totals["quantities"] == {"input": 50, "output": 14}
    assert (totals["calls"], totals["complete"], totals["aborted"]) == (3, 2, 1)
    assert totals["unpriced"] == 1


def test_each_line_is_in_the_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bill.jsonl"
    bill = Bill(price_table(), path)

    bill.write(facts(), CallState.STARTED, [("gpt-4o", {"input": 48})])
    started = read_bill(path)
    bill.write(facts(), CallState.COMPLETE, PASSES)

    assert [line["state"] for line in started] == ["started"]
    assert read_bill(path) == bill.calls()
    bill.close()


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "bill.jsonl"
    bill = Bill(price_table(), path)
    bill.write(facts(), CallState.COMPLETE, PASSES)
    bill.close()
    with path.open("ab") as file:
        file.write(b'{"call_id": "2", "sta')

    assert [line["call_id"] for line in read_bill(path)] == ["1"]


def test_a_second_run_appends(tmp_path: Path) -> None:
    path = tmp_path / "bill.jsonl"
    for call_id in ("1", "2"):
        bill = Bill(price_table(), path)
        bill.write(facts(call_id), CallState.COMPLETE, PASSES)
        bill.close()

    assert [line["call_id"] for line in read_bill(path)] == ["1", "2"]


def test_a_reset_forgets_everything(tmp_path: Path) -> None:
    path = tmp_path / "bill.jsonl"
    bill = Bill(price_table(), path)
    bill.write(facts(), CallState.COMPLETE, PASSES)

    bill.reset()

    assert bill.calls() == read_bill(path) == []
    bill.close()


def test_a_tier_is_charged_at_its_price(bill: Bill) -> None:
    bill.write(facts(tier="flex"), CallState.COMPLETE, [("gpt-5", {"input": 1_000_000})])
    assert Decimal(bill.calls()[0]["cost_usd"]) == Decimal("0.625")
