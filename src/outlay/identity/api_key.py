"""The format of our API keys, and the digest they are stored as.

`sk-outlay-` + 32 random base62 characters (190 bits) + 6 characters of CRC-32 over all before
them. The checksum tells a typo or a cut key from an unknown one without asking anybody; it protects
nothing. Only the digest is stored: HMAC-SHA-256 under a key that is not in the database, so that a
stolen database allows no guessing. Source: docs/adr/0016-keys-and-secrets.md.
"""

import hmac
import secrets
import string
import zlib

from outlay.identity.credential_shapes import OWN_KEY_PREFIX

RANDOM_CHARS = 32
CHECKSUM_CHARS = 6
KEY_CHARS = len(OWN_KEY_PREFIX) + RANDOM_CHARS + CHECKSUM_CHARS
SHOWN_CHARS = len(OWN_KEY_PREFIX) + 4
"""How much of a key is kept readable, so that people can tell their keys apart (24 of 190 bits)."""

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_IS_BASE62 = frozenset(_BASE62)


def make_key() -> str:
    """Make a new API key from the system's random source."""
    body = OWN_KEY_PREFIX + "".join(secrets.choice(_BASE62) for _ in range(RANDOM_CHARS))
    return body + _checksum(body)


def has_valid_checksum(text: str) -> bool:
    """Tell whether a text is a whole, correctly typed key; not whether it was ever issued."""
    return (
        len(text) == KEY_CHARS
        and text.startswith(OWN_KEY_PREFIX)
        and _IS_BASE62.issuperset(text[len(OWN_KEY_PREFIX) :])
        and text.endswith(_checksum(text[:-CHECKSUM_CHARS]))
    )


def key_digest(pepper: bytes, key: bytes) -> bytes:
    """Return the 32 bytes a key is stored and found by (about 1 µs)."""
    return hmac.digest(pepper, key, "sha256")


def key_hint(key: str) -> str:
    """Return the beginning of a key, which may be stored and shown: `sk-outlay-Ab3d`."""
    return key[:SHOWN_CHARS]


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = []
    for _ in range(CHECKSUM_CHARS):
        number, digit = divmod(number, len(_BASE62))
        digits.append(_BASE62[digit])
    return "".join(reversed(digits))
