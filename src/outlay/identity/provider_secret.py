"""Provider secrets at rest: AES-256-GCM, bound to the place they are stored in.

The place (provider name and column) is associated data: a ciphertext moved to another row or column
does not decrypt, so nobody with write access to the database can send a secret to a host of theirs.
Source: docs/adr/0016-keys-and-secrets.md.
"""

import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from outlay.identity.master_key import MasterKey, Purpose
from outlay.kernel.errors import SettingsError

KEY_VERSION = 1
"""The derivation that seals new secrets; stored with each, so that older ones stay readable."""

_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret as it is stored: harmless without the master key."""

    ciphertext: bytes
    nonce: bytes
    key_version: int


class SecretBox:
    """Seals and opens provider secrets under a key derived from the master key."""

    def __init__(self, master_key: MasterKey) -> None:
        """Derive the sealing key."""
        self._cipher = AESGCM(master_key.derive(Purpose.PROVIDER_SECRET))

    def seal(self, secret: str, *, name: str, column: str) -> Sealed:
        """Encrypt a secret for one place, under a nonce of its own."""
        nonce = os.urandom(_NONCE_BYTES)
        place = _place(name, column, KEY_VERSION)
        return Sealed(self._cipher.encrypt(nonce, secret.encode(), place), nonce, KEY_VERSION)

    def open(self, sealed: Sealed, *, name: str, column: str) -> str:
        """Decrypt a secret that was sealed for this place.

        Raises:
            SettingsError: another master key sealed it, it was moved here from elsewhere, or it is
                damaged.
        """
        place = _place(name, column, sealed.key_version)
        try:
            return self._cipher.decrypt(sealed.nonce, sealed.ciphertext, place).decode()
        except (InvalidTag, ValueError) as error:
            raise SettingsError(
                f"The stored secret of provider {name!r} cannot be decrypted: the master key is "
                "not the one that sealed it, or the row was changed. Put the old master key back, "
                f"or store the secret again: outlay providers set {name} --secret-file FILE"
            ) from error


def _place(name: str, column: str, key_version: int) -> bytes:
    return f"outlay/{key_version}/{column}/{name}".encode()
