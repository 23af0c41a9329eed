"""Keyed hashes of what may not be kept verbatim: bodies, long or secret values, providers' ids."""

import hashlib

from outlay.identity.master_key import MasterKey, Purpose

HASHED_PREFIX = "hmac:"
"""How a hashed attribution value begins, so that nobody takes it for what the caller sent."""


class KeyedHash:
    """HMAC-SHA-256 (RFC 2104) under one key of at most 64 bytes, which is taken in once.

    `hmac.digest` takes it in at every call and lets go of the interpreter's lock meanwhile, which
    costs three times what the digest of a few hundred bytes does.
    """

    def __init__(self, key: bytes) -> None:
        """Take in the key."""
        block = key.ljust(hashlib.sha256().block_size, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def digest(self, message: bytes) -> bytes:
        """Return the 32 bytes of a message."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()


class KeyedHashes:
    """HMAC-SHA-256, each kind under a key of its own.

    Equal hashes mean equal things of one kind; hashes of two kinds never meet. Without the master
    key nobody can test a guess.
    """

    def __init__(self, master_key: MasterKey) -> None:
        """Derive the key of each kind."""
        self._request = KeyedHash(master_key.derive(Purpose.REQUEST_HASH))
        self._value = KeyedHash(master_key.derive(Purpose.VALUE_HASH))
        self._response_id = KeyedHash(master_key.derive(Purpose.RESPONSE_ID_HASH))

    def of_request(self, body: bytes) -> str:
        """Hash a request body, for duplicate detection: 64 hexadecimal digits."""
        return self._request.digest(body).hex()

    def of_value(self, text: str) -> str:
        """Hash a value that is not kept verbatim: `hmac:` and 64 hexadecimal digits."""
        return HASHED_PREFIX + self._value.digest(text.encode()).hex()

    def of_response_id(self, text: str) -> str:
        """Hash a provider's id of an answer: 64 hexadecimal digits."""
        return self._response_id.digest(text.encode()).hex()
