"""The master key, and the keys derived from it: one for each purpose.

Where the master key is kept is a matter of `stores/master_key_file`; it is never in the database.
Source: docs/adr/0016-keys-and-secrets.md.
"""

import base64
import binascii
import secrets
from dataclasses import dataclass, field
from enum import StrEnum

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from outlay.kernel.errors import SettingsError

KEY_BYTES = 32


class Purpose(StrEnum):
    """What a derived key is for. The number is a version: a new derivation gets a new one."""

    API_KEY_DIGEST = "outlay/api-key-digest/1"
    PROVIDER_SECRET = "outlay/provider-secret/1"  # noqa: S105  a label, not a secret
    REQUEST_HASH = "outlay/request-hash/1"
    VALUE_HASH = "outlay/value-hash/1"
    RESPONSE_ID_HASH = "outlay/response-id-hash/1"
    AUDIT_CHAIN = "outlay/audit-chain/1"


@dataclass(frozen=True, slots=True)
class MasterKey:
    """32 secret bytes. Losing them makes every API key and provider secret useless."""

    secret: bytes = field(repr=False)

    def derive(self, purpose: Purpose) -> bytes:
        """Derive the 32-byte key of a purpose (HKDF-SHA-256); the same each time."""
        kdf = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode())
        return kdf.derive(self.secret)

    def to_text(self) -> str:
        """Write the key as it stands in its file: 43 characters of URL-safe base64."""
        return base64.urlsafe_b64encode(self.secret).decode().rstrip("=")


def make_master_key() -> MasterKey:
    """Make a new master key from the system's random source."""
    return MasterKey(secrets.token_bytes(KEY_BYTES))


def parse_master_key(text: str, source: str) -> MasterKey:
    """Read a master key from base64 (either alphabet) or 64 hexadecimal digits.

    Raises:
        SettingsError: it is not 32 bytes. The text names `source` (a variable or a file), never
            the value.
    """
    text = text.strip()
    secret = _from_hex(text) or _from_base64(text)
    if secret is None:
        raise SettingsError(
            f"{source} does not hold a master key: it must be 32 random bytes as base64 or as 64 "
            "hexadecimal digits. Make one with: openssl rand -base64 32"
        )
    return MasterKey(secret)


def _from_hex(text: str) -> bytes | None:
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        return None
    return secret if len(secret) == KEY_BYTES else None


def _from_base64(text: str) -> bytes | None:
    text = text.rstrip("=").translate({ord("+"): "-", ord("/"): "_"})
    try:
        secret = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
    return secret if len(secret) == KEY_BYTES else None
