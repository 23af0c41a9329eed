"""A report as JSON and as CSV: exact, saying what it covers, and harmless in a spreadsheet."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.kernel.periods import Period
from outlay.reports.exports.csv import neutralised, write_csv
from outlay.reports.exports.json import write_json
from outlay.reports.query import ReportQuery
from outlay.reports.table import Column, ReportTable, Unit, average_nanos
from tests.ledgers import NOON_US

COLUMNS = (
    Column("user", "User", Unit.TEXT, "who"),
    Column("spend_usd", "Spend", Unit.USD, "how much", additive=True),
    Column("calls", "Calls", Unit.COUNT, "how often", additive=True),
    Column("last_active", "Last active", Unit.INSTANT, "when"),
)


def table(*rows: tuple[str | int | None, ...], notes: tuple[str, ...] = ()) -> ReportTable:
    return ReportTable(
        name="users",
        title="Spend per user",
        query=ReportQuery(Period(NOON_US, NOON_US + 1_000_000, "Europe/Berlin"), NOON_US + 5),
        columns=COLUMNS,
        rows=rows,
        totals=(None, 1_500_000_001, 4, None),
        notes=notes,
    )


def test_json_says_columns_rows_totals_period_and_as_of() -> None:
    found = json.loads(write_json(table(("ada", 1, 3, NOON_US), (None, 0, 1, None), notes=("n",))))
    assert found["columns"][1] == {
        "name": "spend_usd",
        "title": "Spend",
        "unit": "usd",
        "meaning": "how much",
        "additive": True,
    }
    assert found["rows"] == [
        {
            "user": "ada",
            "spend_usd": "0.000000001",
            "calls": 3,
            "last_active": "2026-11-20T12:00:00.000000Z",
        },
        {"user": None, "spend_usd": "0", "calls": 1, "last_active": None},
    ]
    assert found["totals"]["spend_usd"] == "1.500000001"
    assert found["period"]["from"] == "2026-11-20T12:00:00.000000Z"
    assert found["period"]["tz"] == "Europe/Berlin"
    assert found["as_of"] == "2026-11-20T12:00:00.000005Z"
    assert found["notes"] == ["n"]


def test_csv_begins_with_the_rows_and_ends_with_what_they_cover() -> None:
    lines = write_csv(table(("ada", 1, 3, NOON_US), (None, 0, 1, None), notes=("+ 1 open",)))
    assert lines.splitlines() == [
        "user,spend_usd,calls,last_active",
        "ada,0.000000001,3,2026-11-20T12:00:00.000000Z",
        "(none),0,1,",
        "",
        "# total,1.500000001,4,",
        "# report,Spend per user",
        '# period,"[2026-11-20T12:00:00.000000Z, 2026-11-20T12:00:01.000000Z) Europe/Berlin"',
        "# as of,2026-11-20T12:00:00.000005Z",
        "# note,'+ 1 open",
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    (_, row, *_) = csv.reader(io.StringIO(write_csv(table((text, 1, 1, None))), newline=""))
    assert row[0] == f"'{text}"


def test_a_negative_amount_stays_a_number() -> None:
    (_, row, *_) = csv.reader(io.StringIO(write_csv(table(("ada", -5, 1, None)))))
    assert row[1] == "-0.000000005"


@given(st.text())
def test_no_text_cell_begins_like_a_formula_and_none_is_lost(text: str) -> None:
    safe = neutralised(text)
    assert not safe.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert safe in (text, f"'{text}")


@given(st.text(min_size=1), st.integers(-(10**18), 10**18))
def test_csv_reads_back_as_the_rows_it_was_written_from(user: str, nanos: int) -> None:
    written = io.StringIO(write_csv(table((user, nanos, 7, None))), newline="")
    (_, row, *_) = csv.reader(written)
    assert row[0] == neutralised(user)
    assert row[2] == "7"


def test_an_average_is_rounded_once_half_to_even() -> None:
    assert average_nanos(5, 2) == 2
    assert average_nanos(7, 2) == 4
    assert average_nanos(0, 3) == 0
    assert average_nanos(1, 0) is None
