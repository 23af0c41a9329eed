"""The master key of a ledger: made at the first start, and no other accepted afterwards."""

from pathlib import Path

import pytest

from outlay.identity.master_key import make_master_key
from outlay.kernel.errors import SettingsError
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.keys import KeySpec, KeyStore
from outlay.stores.ledger.unlock import has_sealed_rows, unlock_ledger


def test_the_first_start_makes_the_key_and_later_ones_find_it(ledger: Ledger) -> None:
    first = unlock_ledger(ledger)
    KeyStore(ledger, first).create(KeySpec("app"), actor="ada")
    assert has_sealed_rows(ledger)
    assert first == unlock_ledger(ledger)


def test_a_lost_key_is_not_quietly_replaced(ledger: Ledger) -> None:
    """A new one would turn every API key into an unknown one."""
    KeyStore(ledger, unlock_ledger(ledger)).create(KeySpec("app"), actor="ada")
    (ledger.data_dir / "master.key").unlink()
    with pytest.raises(SettingsError, match="is missing, but the ledger holds API keys"):
        unlock_ledger(ledger)


def test_the_key_of_another_ledger_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    KeyStore(ledger, unlock_ledger(ledger)).create(KeySpec("app"), actor="ada")
    other = make_master_key().to_text()
    with pytest.raises(SettingsError, match="not the one this ledger was made with"):
        unlock_ledger(ledger, key=other)
    file = tmp_path / "other.key"
    file.write_text(other)
    file.chmod(0o600)
    with pytest.raises(SettingsError, match="not the one this ledger was made with"):
        unlock_ledger(ledger, key_file=file)
