"""Prices in the ledger: books are kept, own prices are recorded and taken back, workers see it."""

from datetime import timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import insert, select

from outlay.identity.master_key import MasterKey
from outlay.kernel.clock import FrozenClock
from outlay.kernel.errors import SettingsError
from outlay.pricing.book import PriceBook
from outlay.stores.ledger.audit import AuditTrail
from outlay.stores.ledger.connection import Ledger, read_revisions
from outlay.stores.ledger.prices import PriceNotFound, PriceStore, ensure_seeded, load_book
from outlay.stores.ledger.schema import audit_log, price_books
from tests.pricing.books import cost_of, own_price, seed_book, used

_MASTER_KEY = MasterKey(b"m" * 32)


@pytest.fixture
def seeded(ledger: Ledger, frozen: FrozenClock, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setattr("outlay.stores.ledger.prices.compile_seed", seed_book)
    ensure_seeded(ledger, frozen)
    return ledger


def _prices_revision(ledger: Ledger) -> int:
    with ledger.read() as connection:
        return read_revisions(connection).get("prices", 0)


def test_the_bundled_prices_are_stored_once(ledger: Ledger, frozen: FrozenClock) -> None:
    assert [ensure_seeded(ledger, frozen) for _ in range(2)] == [True, False]
    (book,) = PriceStore(ledger, _MASTER_KEY).list_books()
    assert (book.revision, book.source) == (seed_book().revision, seed_book().source)
    assert _prices_revision(ledger) == 1


def test_newer_data_adds_a_book_and_keeps_the_older_one(
    seeded: Ledger, frozen: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = PriceBook.compile("genai-prices 9.9.9", [])
    monkeypatch.setattr("outlay.stores.ledger.prices.seed_source", lambda: newer.source)
    monkeypatch.setattr("outlay.stores.ledger.prices.compile_seed", lambda: newer)
    frozen.advance(timedelta(days=1))
    assert ensure_seeded(seeded, frozen)
    store = PriceStore(seeded, _MASTER_KEY)
    assert [book.source for book in store.list_books()] == [newer.source, seed_book().source]
    assert load_book(seeded).source == newer.source
    old = store.get_book(seed_book().revision)
    assert cost_of(used(input=1), "gpt-4o", book=old).cost_nanos == 2_500


def test_a_book_of_another_format_is_passed_over(seeded: Ledger) -> None:
    with seeded.write() as connection:
        row = {"revision": "pbk_future", "created_at_us": 2**60, "source": "future"}
        connection.execute(insert(price_books).values(**row, body=b"of a later version"))
    assert load_book(seeded).source == seed_book().source


def test_without_a_book_there_is_nothing_to_price_by(ledger: Ledger) -> None:
    with pytest.raises(SettingsError, match="no price book"):
        load_book(ledger)


def test_an_own_price_changes_the_revision_and_the_cost(
    seeded: Ledger, frozen: FrozenClock
) -> None:
    before = load_book(seeded)
    store = PriceStore(seeded, _MASTER_KEY)
    own = own_price("openai", "gpt-4o", "input", 10**12, "contract")
    (recorded,) = store.add_overlays([own], actor="ada")
    after = load_book(seeded)
    assert recorded == replace(own, overlay_id=recorded.overlay_id, created_by="ada")
    assert recorded.overlay_id.startswith("ovl_")
    assert before.revision != after.revision
    assert _prices_revision(seeded) == 2
    assert cost_of(used(input=5), "gpt-4o", book=after).cost_nanos == 5_000


def test_own_prices_are_recorded_all_or_none(seeded: Ledger) -> None:
    store = PriceStore(seeded, _MASTER_KEY)
    good = own_price("openai", "gpt-4o", "input", 1)
    with pytest.raises(ValueError, match="a provider and a model"):
        store.add_overlays([good, replace(good, provider="")], actor="ada")
    assert store.list_overlays() == []
    assert _prices_revision(seeded) == 1


def test_an_own_price_can_be_taken_back_once(seeded: Ledger) -> None:
    store = PriceStore(seeded, _MASTER_KEY)
    (own,) = store.add_overlays([own_price("openai", "gpt-4o", "input", 10**12)], actor="ada")
    store.withdraw(own.overlay_id, actor="ada")
    assert store.list_overlays() == []
    assert cost_of(used(input=1), "gpt-4o", book=load_book(seeded)).cost_nanos == 2_500
    with pytest.raises(PriceNotFound, match=own.overlay_id):
        store.withdraw(own.overlay_id, actor="ada")


def test_an_unknown_revision_names_the_known_ones(seeded: Ledger) -> None:
    with pytest.raises(PriceNotFound, match=seed_book().revision):
        PriceStore(seeded, _MASTER_KEY).get_book("pbk_nothing")


def test_prices_too_large_for_64_bits_survive(seeded: Ledger) -> None:
    huge = own_price("mine", "m", "web_search", 10**21)
    (recorded,) = PriceStore(seeded, _MASTER_KEY).add_overlays([huge], actor="ada")
    assert recorded.attos == 10**21


def test_every_change_is_in_the_audit_log(seeded: Ledger) -> None:
    store = PriceStore(seeded, _MASTER_KEY)
    (own,) = store.add_overlays([own_price("openai", "gpt-4o", "input", 10**12)], actor="ada")
    store.withdraw(own.overlay_id, actor="ben")
    with seeded.read() as connection:
        rows = connection.execute(select(audit_log).order_by(audit_log.c.seq)).all()
        assert AuditTrail(_MASTER_KEY).find_breaks(connection) == []
    assert [(row.actor, row.action, row.subject) for row in rows] == [
        ("ada", "price.set", own.overlay_id),
        ("ben", "price.remove", own.overlay_id),
    ]
    assert '"attos_per_unit":"1000000000000"' in rows[0].detail
