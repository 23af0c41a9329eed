"""Changes of keys, providers and prices reach a running process, whoever asks for them."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from outlay.configuration import LiveConfiguration, Loaders
from outlay.stores.ledger.connection import Ledger, bump_revision
from tests.ledgers import sqlite_ledger

__all__ = ["sqlite_ledger"]


class Loading:
    """Loaders that give the number of their turn, and count looks at the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.turns: Counter[str] = Counter()
        self.configuration: Any = LiveConfiguration(
            ledger, Loaders(self._load("keys"), self._load("providers"), self._load("prices"))
        )

    def _load(self, part: str) -> Callable[[Ledger], Any]:
        def load(_ledger: Ledger) -> int:
            self.turns[part] += 1
            return self.turns[part]

        return load


@pytest.fixture
def loading(sqlite_ledger: Ledger) -> Loading:
    """A configuration that was read once."""
    return Loading(sqlite_ledger)


def change(ledger: Ledger, topic: str) -> None:
    """Change something, as a command of ours does while `serve` runs."""
    with ledger.write() as connection:
        bump_revision(connection, topic)


async def test_only_what_changed_is_read_again(loading: Loading, sqlite_ledger: Ledger) -> None:
    change(sqlite_ledger, "keys")
    await loading.configuration.refresh()
    assert (2, 1, 1) == (
        loading.configuration.keyring,
        loading.configuration.providers,
        loading.configuration.book,
    )


async def test_everybody_who_asks_at_once_sees_the_change(
    loading: Loading, sqlite_ledger: Ledger
) -> None:
    """A key made a moment ago works for eight calls that come together, not for the first alone."""
    change(sqlite_ledger, "keys")

    async def ask() -> Any:
        await loading.configuration.refresh()
        return loading.configuration.keyring

    assert [2] * 8 == await asyncio.gather(*[ask() for _ in range(8)])


async def test_many_who_ask_at_once_share_two_looks(
    loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look is under way, so it may have missed a change; the next one serves all who wait."""
    looks = 0
    read = loading.configuration._read_revisions

    def count() -> Any:
        nonlocal looks
        looks += 1
        return read()

    monkeypatch.setattr(loading.configuration, "_read_revisions", count)
    await asyncio.gather(*[loading.configuration.refresh() for _ in range(50)])
    assert looks <= 2


async def test_a_change_that_cannot_be_loaded_does_not_end_the_watching(
    loading: Loading, sqlite_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0
    tried = asyncio.Event()

    async def fail() -> None:
        nonlocal tries
        tries += 1
        if tries == 2:
            tried.set()
        raise ValueError("a provider's secret that the master key does not open")

    monkeypatch.setattr("outlay.configuration.POLL_EVERY_S", 0)
    monkeypatch.setattr(loading.configuration, "refresh", fail)
    watching = asyncio.create_task(loading.configuration.watch())
    await asyncio.wait_for(tried.wait(), 30)
    assert not watching.done()
    watching.cancel()
