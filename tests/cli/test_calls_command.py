"""`outlay calls`: newest in a table, all for programs, and followed without a gap or a repeat."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from outlay.attribution.dimensions import Attribution, Dimension, Source, Value
from outlay.cli.calls import TABLE_ROWS, CallsRefused, DimensionOptions, app
from outlay.kernel.clock import SystemClock, rfc3339
from outlay.pricing.cost import Cost, CostBasis
from outlay.stores.ledger.connection import Ledger, open_ledger
from outlay.stores.ledger.upgrade import upgrade_ledger
from outlay.usage.usage import UsageSource
from tests.ledgers import NOON_US, make_event, make_intent
from tests.reports.recording import record

Run = Callable[..., str]
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlMTIzNDU2"


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


def add(ledger: Ledger, name: str, event: dict[str, Any] | None = None, **intent: Any) -> None:
    made = make_intent(request_id=name, **intent)
    record(ledger, [(made, make_event(name, **(event or {})))])


def of(**dimensions: str) -> Attribution:
    return Attribution({Dimension(n): Value(t, Source.HEADER) for n, t in dimensions.items()})


def ids(output: str) -> list[str]:
    return [json.loads(line)["request_id"] for line in output.splitlines()]


def test_json_lines_are_all_calls_and_the_table_the_newest_fifty(run: Run, ledger: Ledger) -> None:
    names = [f"c{n:03d}" for n in range(TABLE_ROWS + 5)]
    for name in names:
        add(ledger, name)
    assert ids(run("--format", "jsonl")) == names
    assert ids(run("--format", "jsonl", "--limit", "2")) == names[-2:]
    shown = run()
    assert names[5] in shown
    assert names[4] not in shown
    assert "50 calls; newest last" in shown


def test_filters_go_by_option(run: Run, ledger: Ledger) -> None:
    add(ledger, "c1", attribution=of(feature="search", cost_center="4711"))
    add(ledger, "c2", {"cost": Cost(None, CostBasis.NONE)})
    add(ledger, "c3", {"status": 429}, model_served="m1")
    assert ids(run("--format", "jsonl", "--feature", "search", "--cost-center", "4711")) == ["c1"]
    assert ids(run("--format", "jsonl", "--unpriced")) == ["c2"]
    assert ids(run("--format", "jsonl", "--status", "429", "--model", "m1")) == ["c3"]
    assert ids(run("--format", "jsonl", "--request-id", "c2")) == ["c2"]
    assert ids(run("--format", "jsonl", "--ending", "complete", "--user", "nobody")) == []


def test_there_is_an_option_for_every_dimension() -> None:
    assert {one.name for one in fields(DimensionOptions)} == {one.value for one in Dimension}


def test_since_and_until_are_dates_instants_or_ago(run: Run, ledger: Ledger) -> None:
    now_us = SystemClock().now_us()
    add(ledger, "old", requested_at_us=NOON_US - 400 * 86_400_000_000)
    add(ledger, "new", requested_at_us=now_us - 60_000_000)
    assert ids(run("--format", "jsonl", "--since", "2m")) == ["new"]
    assert ids(run("--format", "jsonl", "--until", "1h")) == ["old"]
    assert ids(run("--format", "jsonl", "--since", rfc3339(now_us - 60_000_000))) == ["new"]
    add(ledger, "dawn", requested_at_us=_us(2026, 3, 28, 23))
    days = ("--since", "2026-03-29", "--until", "2026-03-30")
    assert ids(run("--format", "jsonl", *days, "--tz", "Europe/Berlin")) == ["dawn"]
    assert ids(run("--format", "jsonl", *days, "--tz", "UTC")) == []


def _us(*day_and_hour: int) -> int:
    at = datetime(*day_and_hour, tzinfo=UTC)  # type: ignore[misc,arg-type]
    return int(at.timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--since", "yesterday"), "--since 'yesterday': write a date"),
        (("--until", "2026-11-20T12:00:00"), "--until"),
        (("--tz", "Mars/Olympus"), "Mars/Olympus"),
        (("--limit", "0"), "--limit must be 1 or more"),
        (("--follow", "--format", "json"), "use --format jsonl"),
    ],
)
def test_what_cannot_be_understood_is_told(run: Run, words: tuple[str, ...], told: str) -> None:
    with pytest.raises(CallsRefused, match=told):
        run(*words)


def test_the_table_says_unpriced_marks_estimates_and_masks_tokens(run: Run, ledger: Ledger) -> None:
    add(ledger, "c1", {"cost": Cost(None, CostBasis.NONE)})
    add(ledger, "c2", {"usage_source": UsageSource.ESTIMATED, "cost": Cost(1, CostBasis.LIST)})
    add(ledger, "c3", {"status": None}, attribution=of(user=JWT))
    head, unpriced, estimated, masked, _ = run("--tz", "Asia/Tokyo").splitlines()
    assert head.split()[:2] == ["at", "request"]
    assert "unpriced" in unpriced
    assert "~<0.000001" in estimated
    assert "2026-11-20 21:00:00" in estimated
    assert JWT not in masked
    assert JWT in run("--format", "jsonl", "--request-id", "c3")


def test_open_calls_are_shown_on_request(run: Run, ledger: Ledger) -> None:
    record(ledger, [(make_intent(request_id="o1"), None)])
    assert ids(run("--format", "jsonl")) == []
    assert ids(run("--format", "jsonl", "--open")) == ["o1"]
    assert " open" in run("--open")


def test_csv_has_a_head_exact_figures_and_harmless_cells(run: Run, ledger: Ledger) -> None:
    assert run("--format", "csv").startswith("request_id,at,")
    add(ledger, "c1", attribution=of(user="=cmd"))
    (row,) = csv.DictReader(io.StringIO(run("--format", "csv")))
    assert (row["cost_usd"], row["user"], row["stream"]) == ("0.0035", "'=cmd", "true")
    assert json.loads(row["usage"]) == {"input": 1000, "output": 100}
    assert row["session"] == ""


def test_json_is_one_document(run: Run, ledger: Ledger) -> None:
    assert json.loads(run("--format", "json")) == []
    add(ledger, "c1")
    add(ledger, "c2")
    found = json.loads(run("--format", "json"))
    assert [call["request_id"] for call in found] == ["c1", "c2"]


def test_following_shows_each_new_call_once(
    run: Run, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(ledger, "c1")
    add(ledger, "c2")
    arriving = iter([["c3", "c4"], [], ["c5"]])

    def wait(_seconds: float) -> None:
        names = next(arriving, None)
        if names is None:
            raise KeyboardInterrupt
        for name in names:
            add(ledger, name)

    monkeypatch.setattr("outlay.cli.calls.time.sleep", wait)
    assert ids(run("--format", "jsonl", "-f", "--limit", "1")) == ["c2", "c3", "c4", "c5"]


def test_a_reader_that_leaves_early_ends_it_in_silence(ledger: Ledger) -> None:
    for number in range(300):  # more than a pipe holds
        add(ledger, f"c{number}", attribution=of(user="u" * 1_000))
    command = [sys.executable, "-m", "outlay", "calls", "--format", "jsonl"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 0
