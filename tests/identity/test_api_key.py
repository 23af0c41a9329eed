"""The key's format: recognisable, unguessable, and a typo is known without asking anybody."""

import string

from hypothesis import given
from hypothesis import strategies as st

from outlay.identity.api_key import (
    KEY_CHARS,
    RANDOM_CHARS,
    has_valid_checksum,
    key_digest,
    key_hint,
    make_key,
)

_BASE62 = string.digits + string.ascii_letters


def test_a_key_has_its_prefix_and_at_least_160_random_bits() -> None:
    key = make_key()
    assert key.startswith("sk-outlay-")
    assert KEY_CHARS == len(key)
    assert set(key.removeprefix("sk-outlay-")) <= set(_BASE62)
    assert RANDOM_CHARS * 5.95 >= 160


def test_keys_are_never_equal() -> None:
    assert len({make_key() for _ in range(1_000)}) == 1_000


def test_a_made_key_has_a_valid_checksum() -> None:
    assert all(has_valid_checksum(make_key()) for _ in range(100))


@given(st.integers(10, KEY_CHARS - 1), st.sampled_from(_BASE62))
def test_one_wrong_character_is_found(place: int, other: str) -> None:
    key = make_key()
    if key[place] != other:
        assert not has_valid_checksum(key[:place] + other + key[place + 1 :])


@given(st.text(max_size=80))
def test_no_foreign_text_passes_for_a_key(text: str) -> None:
    assert not has_valid_checksum(text)


def test_a_cut_or_longer_key_is_not_one() -> None:
    key = make_key()
    assert not has_valid_checksum(key[:-1])
    assert not has_valid_checksum(key + "0")


def test_a_digest_depends_on_the_pepper_and_tells_nothing_of_the_key() -> None:
    key = make_key().encode()
    digest = key_digest(b"a" * 32, key)
    assert len(digest) == 32
    assert digest == key_digest(b"a" * 32, key)
    assert digest != key_digest(b"b" * 32, key)
    assert key not in digest


def test_the_hint_keeps_most_of_the_key_secret() -> None:
    key = make_key()
    assert key.startswith(key_hint(key))
    assert len(key) - len(key_hint(key)) >= 28
