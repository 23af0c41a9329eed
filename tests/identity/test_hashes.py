"""Keyed hashes: equal means equal, kinds never meet, and no guess can be tested without the key."""

import hmac

from hypothesis import given
from hypothesis import strategies as st

from outlay.identity.hashes import KeyedHash, KeyedHashes
from outlay.identity.master_key import MasterKey, make_master_key

_MASTER = MasterKey(b"m" * 32)


def test_equal_things_have_equal_hashes() -> None:
    assert KeyedHashes(_MASTER).of_value("ada") == KeyedHashes(_MASTER).of_value("ada")
    assert KeyedHashes(_MASTER).of_request(b"{}") == KeyedHashes(_MASTER).of_request(b"{}")


def test_different_things_have_different_hashes() -> None:
    hashes = KeyedHashes(_MASTER)
    assert hashes.of_value("ada") != hashes.of_value("Ada")


def test_kinds_never_meet() -> None:
    hashes = KeyedHashes(_MASTER)
    made = {
        hashes.of_value("x").removeprefix("hmac:"),
        hashes.of_request(b"x"),
        hashes.of_response_id("x"),
    }
    assert len(made) == 3


def test_another_master_key_gives_other_hashes() -> None:
    other = KeyedHashes(make_master_key())
    assert KeyedHashes(_MASTER).of_value("ada") != other.of_value("ada")


def test_a_hashed_value_says_that_it_is_one() -> None:
    hashed = KeyedHashes(_MASTER).of_value("ada")
    assert hashed.startswith("hmac:")
    assert len(hashed) == 5 + 64


@given(st.binary(max_size=64), st.lists(st.binary(max_size=5_000), max_size=3))
def test_a_key_that_is_taken_in_once_hashes_each_message_as_hmac_does(
    key: bytes, messages: list[bytes]
) -> None:
    keyed = KeyedHash(key)
    expected = [hmac.digest(key, message, "sha256") for message in messages]
    assert expected == [keyed.digest(message) for message in messages]
