"""Files of own prices: exact decimals from every format, and every fault at once."""

from decimal import Decimal

import pytest

from outlay.pricing.overlay import Overlay, OverlayKind
from outlay.pricing.price_file import MAX_ROWS, parse_per, parse_prices, parse_start_us
from tests.pricing.books import at

_TOML = """
[[price]]
provider = "openai"
model = "gpt-4o"
meter = "input"
price = 2.123456789
kind = "contract"
from = "2026-01-01"
until = "2027-01-01"

[[price]]
provider = "anthropic"
model = "*"
percent = 12.5
"""
_JSON = """{"prices": [
  {"provider": "openai", "model": "gpt-4o", "meter": "input", "price": 2.123456789,
   "kind": "contract", "from": "2026-01-01", "until": "2027-01-01"},
  {"provider": "anthropic", "model": "*", "percent": "12.5"}]}"""
_CSV = """provider,model,meter,price,per,percent,kind,from,until
openai,gpt-4o,input,2.123456789,1M,,contract,2026-01-01,2027-01-01
anthropic,*,,,,12.5,discount,,
"""


@pytest.mark.parametrize(("name", "text"), [("p.toml", _TOML), ("p.json", _JSON), ("p.csv", _CSV)])
def test_every_format_says_the_same_exactly(name: str, text: str) -> None:
    contract, discount = parse_prices(name, text)
    assert contract == Overlay(
        "",
        "openai",
        "gpt-4o",
        "input",
        OverlayKind.CONTRACT,
        attos=2_123_456_789_000,
        from_us=at("2026-01-01T00:00:00Z"),
        to_us=at("2027-01-01T00:00:00Z"),
    )
    assert (discount.percent, discount.meter, discount.tier) == (Decimal("12.5"), "*", "*")


def test_fees_are_quoted_by_the_thousand() -> None:
    row = "provider,model,meter,price\nopenai,gpt-4o,web_search,10\n"
    (own,) = parse_prices("p.csv", row)
    assert own.attos == 10**16


def test_every_fault_is_told_with_its_row() -> None:
    text = "provider,model,meter,price\nopenai,m,input,x\nopenai,m,input,1\nopenai,m,nothing,1\n"
    with pytest.raises(ValueError, match="row 1: 'x' is not a decimal") as caught:
        parse_prices("p.csv", text)
    assert "row 2" not in str(caught.value)
    assert "row 3: 'nothing' is no meter" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("p.txt", "", "must end in"),
        ("p.toml", "x = ", "cannot be read"),
        ("p.json", "{", "cannot be read"),
        ("p.json", '{"x": 1}', "has no prices"),
        ("p.toml", "", "has no prices"),
        ("p.csv", "provider,modell\nopenai,m\n", "unknown field 'modell'"),
        ("p.csv", "provider,model,meter,price\nopenai,m,input,NaN\n", "not a decimal"),
        ("p.csv", "provider,model,meter,price\nopenai,m,input,1e-19\n", "whole number of 1e-18"),
        ("p.csv", "provider,model,meter,price,kind\nopenai,m,input,1,gift\n", "is no kind"),
        ("p.csv", "provider,model,meter,price,per\nopenai,m,input,1,2\n", "no number of units"),
        ("p.csv", "provider,model,meter,price,from\nopenai,m,input,1,soon\n", "row 1"),
    ],
)
def test_what_cannot_be_read_is_refused(name: str, text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        parse_prices(name, text)


def test_a_file_has_a_bound() -> None:
    text = "provider,model,meter,price\n" + "openai,m,input,1\n" * (MAX_ROWS + 1)
    with pytest.raises(ValueError, match="too many"):
        parse_prices("p.csv", text)


def test_units_are_read() -> None:
    assert [parse_per(text) for text in ("1M", "1k", "1", "1m")] == [10**6, 1_000, 1, 10**6]


def test_a_date_is_its_midnight_in_utc() -> None:
    assert parse_start_us("2026-11-20") == at("2026-11-20T00:00:00Z")
