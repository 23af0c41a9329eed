"""The master key: one key for each purpose, and never in any text."""

import base64

import pytest

from outlay.identity.master_key import MasterKey, Purpose, make_master_key, parse_master_key
from outlay.kernel.errors import SettingsError


def test_each_purpose_has_a_key_of_its_own() -> None:
    master = make_master_key()
    keys = {master.derive(purpose) for purpose in Purpose}
    assert len(keys) == len(Purpose)
    assert master.secret not in keys
    assert all(len(key) == 32 for key in keys)


def test_a_derivation_never_changes() -> None:
    """A changed derivation would make every key and secret in every ledger useless."""
    derived = MasterKey(bytes(32)).derive(Purpose.API_KEY_DIGEST)
    assert derived.hex() == "d70cd5471d0ca549e96dda1f6fe58f763847c21afb802825bfe54d1f8c081dac"


@pytest.mark.parametrize(
    "write",
    [
        MasterKey.to_text,
        lambda key: key.secret.hex(),
        lambda key: base64.b64encode(key.secret).decode(),
        lambda key: f"  {key.to_text()}\n",
    ],
)
def test_a_key_is_read_as_it_was_written(write) -> None:  # type: ignore[no-untyped-def]
    key = make_master_key()
    assert key == parse_master_key(write(key), "the test")


@pytest.mark.parametrize("text", ["", "secret", "0" * 63, "A" * 42, "ü" * 43, "=" * 44])
def test_what_is_not_32_bytes_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(SettingsError) as raised:
        parse_master_key(text, "OUTLAY_MASTER_KEY")
    assert "OUTLAY_MASTER_KEY" in str(raised.value)
    assert "openssl rand" in str(raised.value)
    assert not text or text not in str(raised.value)


def test_a_key_is_not_in_its_repr() -> None:
    key = make_master_key()
    assert repr(key) == "MasterKey()"
