"""Prices as lists: what a person sees of a model, and what differs between two states."""

from decimal import Decimal

from outlay.pricing.listing import PriceChange, changes_between, lines_of, models_of
from tests.pricing.books import at, own_price, seed_book


def test_a_model_has_a_line_for_each_meter_and_nothing_twice() -> None:
    lines = lines_of(seed_book(), "openai", "gpt-4o", at_us=at())
    first = lines[0]
    assert (first.tier, first.meter, first.kind, first.per) == ("standard", "input", "list", 10**6)
    assert first.price == Decimal("2.5")
    assert [line.meter for line in lines if line.tier == "standard"] == [
        "input",
        "cache_read",
        "output",
        "web_search",
        "file_search",
        "code_execution",
    ]


def test_brackets_and_tiers_have_lines_of_their_own() -> None:
    lines = lines_of(seed_book(), "openai", "gpt-5.5", at_us=at())
    prices = {(x.tier, x.above_tokens): x.price for x in lines if x.meter == "input"}
    assert prices[("standard", 0)] == 5
    assert prices[("standard", 272_000)] == 10
    assert prices[("flex", 0)] == Decimal("2.5")


def test_a_contract_price_stands_beside_the_list_price() -> None:
    own = own_price("openai", "gpt-4o", "input", 10**12, "contract")
    book = seed_book().with_overlays([own], 1)
    lines = lines_of(book, "openai", "gpt-4o", at_us=at())
    standard = [x for x in lines if x.meter == "input" and x.tier == "standard"]
    assert [(x.kind, x.price, x.source) for x in standard if x.kind == "contract"] == [
        ("contract", Decimal(1), "own")
    ]
    assert [x.price for x in standard if x.kind == "list"] == [Decimal("2.5")]


def test_own_models_are_listed_after_the_books() -> None:
    own = own_price("openai", "ours", "input", 10**12)
    book = seed_book().with_overlays([own], 1)
    assert models_of(book, "openai")[-1] == "ours"


def test_nothing_differs_between_a_book_and_itself() -> None:
    book = seed_book()
    assert changes_between(book, book, old_at_us=at(), new_at_us=at()) == []


def test_what_an_own_price_changes_is_shown() -> None:
    book = seed_book()
    changed = book.with_overlays([own_price("openai", "gpt-4o", "input", 10**12)], 1)
    changes = changes_between(book, changed, old_at_us=at(), new_at_us=at())
    assert (
        PriceChange(
            "openai", "gpt-4o", "standard", "input", "list", 0, 10**6, Decimal("2.5"), Decimal(1)
        )
        in changes
    )
    assert {change.model for change in changes} == {"gpt-4o"}


def test_what_two_dates_change_is_shown() -> None:
    book = seed_book()
    changes = changes_between(
        book, book, old_at_us=at("2025-06-09T00:00:00Z"), new_at_us=at("2025-06-11T00:00:00Z")
    )
    assert ("openai", "o3") in {(change.provider, change.model) for change in changes}
    assert all(change.old != change.new for change in changes)
