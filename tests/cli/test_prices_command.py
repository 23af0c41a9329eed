"""`outlay prices`, from the command line to the ledger and back."""

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from outlay.cli.prices import PriceRefused, app
from outlay.kernel.clock import SystemClock
from outlay.stores.ledger.connection import open_ledger
from outlay.stores.ledger.prices import ensure_seeded
from outlay.stores.ledger.upgrade import upgrade_ledger


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory whose ledger has the bundled prices; each test gets a copy."""
    path = tmp_path_factory.mktemp("prepared") / "data"
    ledger = open_ledger(None, data_dir=path, clock=SystemClock())
    upgrade_ledger(ledger)
    ensure_seeded(ledger, SystemClock())
    ledger.close()
    return path


@pytest.fixture(autouse=True)
def _settings(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(prepared, tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OUTLAY_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("OUTLAY_PRICE_DATE", "2026-11-20T12:00:00Z")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*words: str) -> str:
        app(list(words), exit_on_error=False, result_action="return_value")
        return capsys.readouterr().out

    return run


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_an_empty_data_directory_is_prepared(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTLAY_DATA_DIR", str(tmp_path / "empty"))
    assert "price book pbk_" in run("show")


def test_a_model_is_shown_with_unit_date_and_source(run: Any) -> None:
    rows = _rows(run("show", "gpt-4o", "--provider", "openai", "--format", "csv"))
    first = rows[0]
    assert (first["meter"], first["usd"], first["per"]) == ("input", "2.5", "1000000")
    assert first["source"].startswith("https://")
    assert first["from"] == "2026-10-14"


def test_prices_of_another_day_are_shown(run: Any) -> None:
    words = ("show", "o3", "--provider", "openai", "--format", "json", "--at", "2025-06-01")
    shown = json.loads(run(*words))
    assert shown["at"] == "2025-06-01T00:00:00.000000Z"
    assert {row["usd"] for row in shown["prices"] if row["meter"] == "input"} == {"10"}


def test_the_summary_names_the_book_and_its_source(run: Any) -> None:
    shown = json.loads(run("show", "--format", "json"))
    assert shown["source"].startswith("genai-prices")
    assert shown["models"]["openai"] > 100
    assert "price book pbk_" in run("show")


def test_what_is_not_known_says_what_to_do(run: Any) -> None:
    with pytest.raises(PriceRefused, match="outlay prices set"):
        run("show", "nobody-knows-this")


def test_a_contract_price_is_set_and_shown_beside_the_list_price(run: Any) -> None:
    run(
        "set", "openai", "gpt-4o", "input", "2", "--per", "1M", "--from", "2026-01-01", "--contract"
    )
    rows = _rows(run("show", "gpt-4o", "--provider", "openai", "--format", "csv"))
    standard = [(r["kind"], r["usd"]) for r in rows if (r["meter"], r["tier"]) == _INPUT]
    assert standard == [("list", "2.5"), ("contract", "2")]


_INPUT = ("input", "standard")


def test_a_discount_is_set(run: Any) -> None:
    run("set", "openai", "*", "*", "10", "--discount")
    own = json.loads(run("show", "--format", "json"))["own"]
    assert [(o["kind"], o["percent"], o["tier"]) for o in own] == [("discount", "10", "*")]


def test_a_price_counts_from_now_unless_told_otherwise(run: Any) -> None:
    run("set", "mine", "llama", "input", "0.2")
    own = json.loads(run("show", "--format", "json"))["own"]
    assert own[0]["from"] == "2026-11-20T12:00:00.000000Z"


def test_a_mix_up_of_units_is_asked_about(run: Any) -> None:
    """2.50 a thousand instead of a million: a thousand times too much."""
    mix_up = ("set", "openai", "gpt-4o", "input", "2.5", "--per", "1k")
    with pytest.raises(PriceRefused, match=r"2500 USD per million units, and it is 2\.5 now"):
        run(*mix_up)
    assert json.loads(run("show", "--format", "json"))["own"] == []
    run(*mix_up, "--yes")
    assert len(json.loads(run("show", "--format", "json"))["own"]) == 1


def test_a_price_that_cannot_be_meant_is_refused(run: Any) -> None:
    with pytest.raises(PriceRefused, match="is no meter"):
        run("set", "openai", "gpt-4o", "inputs", "2")
    with pytest.raises(PriceRefused, match="either --contract or --discount"):
        run("set", "openai", "gpt-4o", "input", "2", "--contract", "--discount")


def test_an_own_price_is_removed(run: Any) -> None:
    run("set", "mine", "llama", "input", "0.2")
    own = json.loads(run("show", "--format", "json"))["own"]
    run("remove", own[0]["id"])
    assert json.loads(run("show", "--format", "json"))["own"] == []


def _price_file(tmp_path: Path, price: str = "2") -> str:
    path = tmp_path / "prices.csv"
    path.write_text(
        f"provider,model,meter,price,kind,from\nopenai,gpt-4o,input,{price},contract,2026-01-01\n"
    )
    return str(path)


def test_an_import_shows_what_would_change_and_records_nothing_unasked(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(PriceRefused, match="confirm it with --yes"):
        run("import", _price_file(tmp_path))
    shown = capsys.readouterr().out
    assert "1 prices to record, 0 stand already" in shown
    assert "gpt-4o" in shown
    assert json.loads(run("show", "--format", "json"))["own"] == []


def test_a_file_can_be_imported_twice(run: Any, tmp_path: Path) -> None:
    assert "recorded 1 prices" in run("import", _price_file(tmp_path), "--yes")
    assert "0 prices to record, 1 stand already" in run("import", _price_file(tmp_path), "--yes")
    assert len(json.loads(run("show", "--format", "json"))["own"]) == 1


def test_a_faulty_file_records_nothing_and_names_the_row(run: Any, tmp_path: Path) -> None:
    with pytest.raises(PriceRefused, match="row 1: 'x' is not a decimal number"):
        run("import", _price_file(tmp_path, price="x"))
    with pytest.raises(PriceRefused, match="cannot be read"):
        run("import", str(tmp_path / "nothing.csv"))


def test_two_dates_are_compared(run: Any) -> None:
    rows = _rows(run("diff", "2025-06-09", "2025-06-10", "--format", "csv"))
    changed = {(r["model"], r["meter"]): (r["old"], r["new"]) for r in rows}
    assert changed[("o3", "input")] == ("10", "2")


def test_a_file_is_compared_with_the_book(run: Any, tmp_path: Path) -> None:
    rows = json.loads(run("diff", "now", _price_file(tmp_path), "--format", "json"))
    assert {(r["model"], r["kind"], r["old"], r["new"]) for r in rows} == {
        ("gpt-4o", "contract", "", "2")
    }


def test_nothing_differs_from_itself(run: Any) -> None:
    assert run("diff", "now").strip() == "no price differs"


def test_what_is_no_state_is_refused(run: Any) -> None:
    with pytest.raises(PriceRefused, match="no date, no instant and no revision"):
        run("diff", "yesterday")
