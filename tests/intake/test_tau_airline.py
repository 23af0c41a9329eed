"""Real agent sessions (tau-bench airline): imported totals equal the published truth exactly."""

import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from outlay.attribution.values import Rules
from outlay.intake.call_facts import pricer
from outlay.intake.call_file import Format
from outlay.intake.call_row import RowRules
from outlay.intake.import_calls import CallSource, Desk, import_calls
from outlay.kernel.clock import to_us
from outlay.kernel.money import parse_usd
from outlay.kernel.periods import Period
from outlay.ledger.imports import Import
from outlay.pricing.seed import compile_seed
from outlay.reports.query import ReportQuery
from outlay.reports.registry import get_report
from outlay.reports.table import ReportTable
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.imports import LedgerImports

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
NOW_US = to_us(datetime(2026, 11, 20, tzinfo=UTC))
PERIOD = Period(to_us(BEGIN), NOW_US)

pytestmark = pytest.mark.real


@pytest.fixture
def tau(real_dir: Path) -> Path:
    return real_dir / "tau_airline"


@pytest.fixture
def truth(tau: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((tau / "truth.json").read_text(), parse_float=Decimal)
    return found


def to_row(call: dict[str, Any], *, has_cost: bool) -> dict[str, Any]:
    """Write a recorded call as a row of ours; costs stay the decimal text they are."""
    trial, number = call["trial"], call["task_id"]
    start = BEGIN + timedelta(days=trial, minutes=10 * number)
    return {
        "id": f"{call['session_id']}#{call['call_index']}",
        "at": (start + timedelta(seconds=call["t_offset_s"])).isoformat(),
        "provider": "openai",
        "model": call["model"],
        "input_tokens": call["prompt_tokens"],
        "output_tokens": call["completion_tokens"],
        "cost_usd": call["cost_usd"] if has_cost else None,
        "latency_ms": round(1000 * call["latency_s"]),
        "finish_reason": call["finish_reason"],
        "user": call["user"],
        "session": call["session_id"],
        "feature": "airline-support",
    }


def bring_in(ledger: Ledger, tau: Path, *, has_cost: bool) -> Import:
    lines = (tau / "calls.jsonl").read_text().splitlines()
    rows = [to_row(json.loads(line), has_cost=has_cost) for line in lines]
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    desk = Desk(
        LedgerImports(ledger),
        RowRules(Rules(hash_value=lambda _: "unused"), NOW_US),
        pricer(compile_seed(), {}),
        on_bad=lambda row: pytest.fail(str(row)),
        on_progress=lambda _: None,
    )
    return import_calls(CallSource("tau", io.BytesIO(content), Format.JSONL), desk)


def report(ledger: Ledger, name: str) -> ReportTable:
    with ledger.read() as connection:
        return get_report(name).answer(connection, ReportQuery(PERIOD, NOW_US))


def rows_of(table: ReportTable) -> dict[str, dict[str, Any]]:
    names = [column.name for column in table.columns]
    return {str(row[0]): dict(zip(names, row, strict=True)) for row in table.rows}


@pytest.mark.parametrize("has_cost", [True, False], ids=["cost given", "priced by us"])
def test_totals_and_every_user_equal_the_truth(
    sqlite_ledger: Ledger, tau: Path, truth: dict[str, Any], *, has_cost: bool
) -> None:
    published = bring_in(sqlite_ledger, tau, has_cost=has_cost)
    total = truth["total"]
    assert published.recorded == total["calls"]
    assert published.unpriced == 0
    assert parse_usd(total["cost_usd"]) == published.spend_nanos

    users = report(sqlite_ledger, "users")
    rows = rows_of(users)
    assert rows.keys() == truth["by_user"].keys()
    for user, expected in truth["by_user"].items():
        assert parse_usd(expected["cost_usd"]) == rows[user]["total_spend_usd"]
        assert expected["calls"] == rows[user]["calls"]
        assert expected["sessions"] == rows[user]["sessions"]
    _, spend, calls, average, sessions, *_ = users.totals
    assert (parse_usd(total["cost_usd"]), total["calls"], total["sessions"]) == (
        spend,
        calls,
        sessions,
    )
    assert average == round(Fraction(parse_usd(total["cost_usd"]), total["calls"]))


def test_importing_it_twice_changes_nothing(sqlite_ledger: Ledger, tau: Path) -> None:
    bring_in(sqlite_ledger, tau, has_cost=True)
    before = report(sqlite_ledger, "users")
    again = bring_in(sqlite_ledger, tau, has_cost=False)
    assert again.recorded == 0
    assert report(sqlite_ledger, "users") == before
