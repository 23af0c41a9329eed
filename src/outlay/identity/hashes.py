"""Keyed hashes of what may not be kept verbatim: bodies, long or secret values, providers' ids."""

import hmac

from outlay.identity.master_key import MasterKey, Purpose

HASHED_PREFIX = "hmac:"
"""How a hashed attribution value begins, so that nobody takes it for what the caller sent."""


class KeyedHashes:
    """HMAC-SHA-256, each kind under a key of its own.

    Equal hashes mean equal things of one kind; hashes of two kinds never meet. Without the master
    key nobody can test a guess.
    """

    def __init__(self, master_key: MasterKey) -> None:
        """Derive the key of each kind."""
        self._request = master_key.derive(Purpose.REQUEST_HASH)
        self._value = master_key.derive(Purpose.VALUE_HASH)
        self._response_id = master_key.derive(Purpose.RESPONSE_ID_HASH)

    def of_request(self, body: bytes) -> str:
        """Hash a request body, for duplicate detection: 64 hexadecimal digits."""
        return hmac.digest(self._request, body, "sha256").hex()

    def of_value(self, text: str) -> str:
        """Hash a value that is not kept verbatim: `hmac:` and 64 hexadecimal digits."""
        return HASHED_PREFIX + hmac.digest(self._value, text.encode(), "sha256").hex()

    def of_response_id(self, text: str) -> str:
        """Hash a provider's id of an answer: 64 hexadecimal digits."""
        return hmac.digest(self._response_id, text.encode(), "sha256").hex()
