"""`outlay report`: the same figures as a table, JSON and CSV, and the period it covers."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from outlay.attribution.dimensions import Attribution, Dimension, Source, Value
from outlay.cli.report import PeriodRefused, app
from outlay.kernel.clock import SystemClock
from outlay.pricing.cost import Cost, CostBasis
from outlay.reports.registry import REPORTS, ReportNotFound
from outlay.stores.ledger.connection import Ledger, open_ledger
from outlay.stores.ledger.upgrade import upgrade_ledger
from tests.ledgers import make_event, make_intent
from tests.reports.recording import record

Run = Callable[..., str]
DAY = ("--from", "2026-11-20", "--to", "2026-11-21")


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OUTLAY_DATA_DIR", str(tmp_path / "data"))
    opened = open_ledger(None, data_dir=tmp_path / "data", clock=SystemClock())
    upgrade_ledger(opened)
    yield opened
    opened.close()


@pytest.fixture
def run(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str) -> str:
        app(list(words), exit_on_error=False, result_action="return_value")
        return capsys.readouterr().out

    return run


def add(ledger: Ledger, cost: Cost, **dimensions: str) -> None:
    values = {Dimension(n): Value(text, Source.HEADER) for n, text in dimensions.items()}
    intent = make_intent(attribution=Attribution(values))
    record(ledger, [(intent, make_event(intent.request_id, cost=cost))])


@pytest.fixture
def _some_calls(ledger: Ledger) -> None:
    add(ledger, Cost(1_234_567_890_123, CostBasis.LIST), user="ada", session="s1")
    add(ledger, Cost(1, CostBasis.LIST), user="=ben", outcome="ticket-resolved")
    add(ledger, Cost(None, CostBasis.NONE))


@pytest.mark.usefixtures("_some_calls")
def test_a_table_rounds_for_the_eye_and_says_what_it_covers(run: Run) -> None:
    shown = run("users", *DAY, "--tz", "Europe/Berlin")
    assert "1,234.567890" in shown
    assert "<0.000001" in shown
    assert "(none)" in shown
    assert (
        "period [2026-11-19T23:00:00.000000Z, 2026-11-20T23:00:00.000000Z) Europe/Berlin" in shown
    )
    assert "+ 1 unpriced call" in shown
    assert "Estimated" not in shown
    assert "Unpriced" in shown


@pytest.mark.usefixtures("_some_calls")
def test_json_and_csv_are_exact_and_agree(run: Run) -> None:
    found = json.loads(run("users", *DAY, "--format", "json"))
    assert [row["total_spend_usd"] for row in found["rows"]] == [
        "1234.567890123",
        "0.000000001",
        "0",
    ]
    assert found["totals"]["total_spend_usd"] == "1234.567890124"
    lines = run("users", *DAY, "--format", "csv").split("\r\n\r\n", 1)[0]
    rows = list(csv.DictReader(io.StringIO(lines)))
    assert [row["total_spend_usd"] for row in rows] == [
        row["total_spend_usd"] for row in found["rows"]
    ]
    assert [row["user"] for row in rows] == ["ada", "'=ben", "(none)"]


@pytest.mark.usefixtures("_some_calls")
@pytest.mark.parametrize("width", [20, 60, 100])
def test_no_figure_is_cut_on_a_narrow_screen(
    run: Run, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr("outlay.cli.price_tables.WIDE_COLUMNS", width)
    shown = run("users", *DAY)
    for figure in ("1,234.567890", "617.283945", "2026-11-20 12:00:00", "ada", "=ben"):
        assert figure in shown


def test_reports_are_listed_without_a_name(run: Run) -> None:
    listed = run()
    assert all(one.name in listed for one in REPORTS)


@pytest.mark.parametrize("name", [one.name for one in REPORTS])
def test_a_report_of_an_empty_ledger_is_an_answer(run: Run, name: str) -> None:
    found: dict[str, Any] = json.loads(run(name, "--format", "json"))
    assert found["rows"] == []
    assert "Total" in run(name)


@pytest.mark.parametrize(
    "words",
    [
        ("--from", "yesterday"),
        ("--from", "2026-11-31"),
        ("--from", "2026-11-22", "--to", "2026-11-20"),
        ("--tz", "Mars/Olympus"),
    ],
)
def test_a_period_that_is_none_is_refused_with_what_to_write(
    run: Run, words: tuple[str, ...]
) -> None:
    with pytest.raises(PeriodRefused, match="--from 2026-11-01 --to 2026-12-01"):
        run("users", *words)


def test_an_unknown_report_is_refused(run: Run) -> None:
    with pytest.raises(ReportNotFound):
        run("user")
