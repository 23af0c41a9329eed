"""A book never changes, survives its bytes, and remembers no price beyond its validity."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.pricing.book import CACHED_PRICES, PriceBook
from outlay.pricing.entry import Entry, Period, ProviderPrices
from tests.pricing.books import at, cost_of, own_price, seed_book, used


def test_a_book_survives_its_bytes() -> None:
    own = [own_price("openai", "gpt-4o", "input", 10**12, "contract", created_by="ada")]
    book = seed_book().with_overlays(own, 7)
    read = PriceBook.from_bytes(book.to_bytes())
    assert (read.revision, read.source, read.overlays) == (
        book.revision,
        book.source,
        book.overlays,
    )
    assert cost_of(used(input=3), "gpt-4o", book=read) == cost_of(
        used(input=3), "gpt-4o", book=book
    )


def test_a_book_is_small() -> None:
    """Workers load it at every change of prices."""
    assert len(seed_book().to_bytes()) < 100_000


@pytest.mark.parametrize("body", [b"", b"garbage", b"x\x9c\x03\x00\x00\x00\x00\x01"])
def test_what_is_no_book_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="no price book"):
        PriceBook.from_bytes(body)


def test_the_revision_tells_states_apart() -> None:
    base = seed_book()
    changed = base.with_overlays([], 3)
    assert changed.revision == f"{base.revision}.3"
    assert changed.with_overlays([], 4).revision == f"{base.revision}.4"


def test_names_do_not_depend_on_case_or_resource_path() -> None:
    costs = {
        cost_of(used(input=1_000_000), name, provider="google").cost_nanos
        for name in ("gemini-2.5-flash", "models/gemini-2.5-flash", "Gemini-2.5-Flash")
    }
    assert costs == {300_000_000}


def test_compact_dates_are_understood() -> None:
    assert cost_of(used(input=1_000_000), "gpt-4o-20240806").cost_nanos == 2_500_000_000


def test_gemini_is_another_name_of_google() -> None:
    cost = cost_of(used(input=1_000_000), "gemini-2.5-flash", provider="gemini")
    assert cost.cost_nanos == 300_000_000


def test_remembered_prices_have_a_bound() -> None:
    book = PriceBook.from_bytes(seed_book().to_bytes())
    for number in range(CACHED_PRICES + 10):
        book.find_price("openai", f"made-up-{number}", at_us=at())
    assert len(book._prices) == CACHED_PRICES


def _two_days() -> PriceBook:
    day_us = 86_400 * 10**6
    periods = (
        Period(0, None, {"input": 10**9}),
        Period(day_us, None, {"input": 2 * 10**9}),
        Period(2 * day_us, (6 * 3_600, 3_600), {"input": 3 * 10**9}),
    )
    entry = Entry("m", ["is", "m"], 100, periods, (), (), {}, "")
    return PriceBook.compile("test", [ProviderPrices("p", (), (), (entry,))])


def _expected(at_us: int) -> int:
    day_us, second = 86_400 * 10**6, at_us // 10**6 % 86_400
    if at_us >= 2 * day_us and not 3_600 <= second < 6 * 3_600:
        return 3
    return 1 if at_us < day_us else 2


@given(st.lists(st.integers(0, 4 * 86_400 * 10**6), min_size=1, max_size=20))
def test_a_remembered_price_never_outlives_its_period(instants: list[int]) -> None:
    """Whatever the order of instants, as when history is priced again."""
    book = _two_days()
    for at_us in instants:
        found = book.find_price("p", "m", at_us=at_us)
        assert found.listed[0]["input"] == _expected(at_us) * 10**9
        assert found.valid_from_us <= at_us < found.valid_until_us


def test_an_unknown_model_becomes_known_when_its_own_price_starts() -> None:
    own = own_price("openai", "new", "input", 10**9, from_us=at("2026-11-20T12:00:00Z"))
    book = seed_book().with_overlays([own], 1)
    before = cost_of(used(input=1), "new", book=book, when="2026-11-20T11:59:59Z")
    after = cost_of(used(input=1), "new", book=book)
    assert (before.cost_nanos, after.cost_nanos) == (None, 1)
