"""Provider secrets at rest: useless without the master key, and only in the place they were put."""

from dataclasses import replace

import pytest

from outlay.identity.master_key import make_master_key
from outlay.identity.provider_secret import SecretBox
from outlay.kernel.errors import SettingsError

_MASTER = make_master_key()
_SECRET = "sk-canary-5f0b"


def test_a_sealed_secret_comes_back_in_its_place() -> None:
    box = SecretBox(_MASTER)
    sealed = box.seal(_SECRET, name="openai", column="c")
    assert _SECRET.encode() not in sealed.ciphertext
    assert SecretBox(_MASTER).open(sealed, name="openai", column="c") == _SECRET


def test_the_same_secret_is_never_sealed_alike() -> None:
    box = SecretBox(_MASTER)
    first, second = (box.seal(_SECRET, name="openai", column="c") for _ in range(2))
    assert first.ciphertext != second.ciphertext
    assert first.nonce != second.nonce


@pytest.mark.parametrize(("name", "column"), [("acme", "c"), ("openai", "d")])
def test_a_secret_moved_to_another_place_does_not_open(name: str, column: str) -> None:
    """Swapping two rows of the database must not send one provider's secret to the other."""
    sealed = SecretBox(_MASTER).seal(_SECRET, name="openai", column="c")
    with pytest.raises(SettingsError) as raised:
        SecretBox(_MASTER).open(sealed, name=name, column=column)
    assert "outlay providers set" in str(raised.value)
    assert _SECRET not in str(raised.value)


def test_a_damaged_secret_does_not_open() -> None:
    box = SecretBox(_MASTER)
    sealed = box.seal(_SECRET, name="openai", column="c")
    for damaged in (
        replace(sealed, ciphertext=bytes([sealed.ciphertext[0] ^ 1]) + sealed.ciphertext[1:]),
        replace(sealed, ciphertext=b"", nonce=b""),
        replace(sealed, key_version=2),
    ):
        with pytest.raises(SettingsError, match="cannot be decrypted"):
            box.open(damaged, name="openai", column="c")


def test_another_master_key_does_not_open_it() -> None:
    sealed = SecretBox(_MASTER).seal(_SECRET, name="openai", column="c")
    with pytest.raises(SettingsError, match="not the one that sealed it"):
        SecretBox(make_master_key()).open(sealed, name="openai", column="c")
