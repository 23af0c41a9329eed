"""Step 1 of a call: whom the client is, by its one credential."""

import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from outlay.identity.api_key import has_valid_checksum
from outlay.identity.caller import Caller, Permission
from outlay.identity.credential_shapes import OWN_KEY_PREFIX, find_owner
from outlay.identity.hashes import KeyedHash
from outlay.kernel.errors import Category, Refused

CREDENTIAL_HEADERS: Mapping[bytes, str] = {
    b"authorization": "Authorization",
    b"x-api-key": "x-api-key",
    b"x-goog-api-key": "x-goog-api-key",
}
"""The headers a key may come in, as ASGI and as people name them; none of them goes upstream."""

QUERY_CREDENTIAL = "the query parameter key"

_BEARER = re.compile(rb"bearer[ \t]+", re.IGNORECASE)
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_INVALID_KEY = (
    "The API key in {place} is unknown, revoked or mistyped. Check it, or ask the operator for a "
    "new one: outlay keys create --name my-app"
)


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """One active API key as the ledger has it: the digest it is found by, and who it stands for."""

    digest: bytes
    caller: Caller


class Credential(msgspec.Struct, frozen=True, gc=False):
    """The one secret a request carries, and where it stood. Never logged."""

    secret: bytes
    place: str

    def __repr__(self) -> str:
        """Say where it stood, never what it was."""
        return f"Credential(place={self.place!r})"


class UnknownKey(Refused):
    """A whole, correctly typed key that this snapshot does not have.

    It may have been made a moment ago: look once whether the keys have changed, then ask again.
    """

    __slots__ = ()


class KeyRing:
    """The active API keys at one moment, by digest. Never changed: a new snapshot replaces it."""

    def __init__(self, pepper: bytes, records: Iterable[KeyRecord]) -> None:
        """Take the key of `key_digest` (`Purpose.API_KEY_DIGEST`) and all active keys."""
        self._digest = KeyedHash(pepper).digest
        self._by_digest = {record.digest: record for record in records}

    def __len__(self) -> int:
        """Count the active keys."""
        return len(self._by_digest)

    def authenticate(
        self,
        headers: Sequence[tuple[bytes, bytes]],
        query: bytes = b"",
        *,
        permission: Permission = Permission.SPEND,
    ) -> Caller | Refused:
        """Find who a request is from, and whether they may do what it asks.

        Args:
            headers: lower-case names, as ASGI gives them.
            query: the raw query string on Gemini paths, whose clients may send `key=`; else empty.
            permission: what the route needs.
        """
        credential = read_credential(headers, query)
        if isinstance(credential, Refused):
            return credential
        caller = self._find(credential.secret)
        if caller is None:
            return _unknown(credential)
        if permission not in caller.permissions:
            return _not_permitted(caller, permission)
        return caller

    def _find(self, secret: bytes) -> Caller | None:
        digest = self._digest(secret)
        record = self._by_digest.get(digest)
        if record is None or not hmac.compare_digest(record.digest, digest):
            return None
        return record.caller


def read_credential(
    headers: Sequence[tuple[bytes, bytes]], query: bytes = b""
) -> Credential | Refused:
    """Read the one credential of a request; the only function that does.

    The same secret in two places is one credential; two different ones are refused, since checks
    made for one could be passed with the other.
    """
    found: Credential | None = None
    for name, raw in [field for field in headers if field[0] in CREDENTIAL_HEADERS]:
        place = CREDENTIAL_HEADERS[name]
        secret = _strip_scheme(raw) if name == b"authorization" else raw.strip()
        if secret and found is not None and not hmac.compare_digest(found.secret, secret):
            return _two_credentials(found.place, place)
        if secret and found is None:
            found = Credential(secret, place)
    return _with_query(found, query) if b"key=" in query else found or _MISSING


def _strip_scheme(raw: bytes) -> bytes:
    """Return what follows `Bearer`; another scheme stays in, so that it is refused as a key."""
    raw = raw.strip()
    if raw[:7] == b"Bearer ":
        return raw[7:].strip()
    match = _BEARER.match(raw)
    if match is not None:
        return raw[match.end() :]
    return b"" if raw.lower() == b"bearer" else raw


def _with_query(found: Credential | None, query: bytes) -> Credential | Refused:
    for pair in query.split(b"&"):
        if not pair.startswith(b"key="):
            continue
        secret = _PERCENT.sub(lambda match: bytes.fromhex(match[1].decode()), pair[4:])
        if secret and found is not None and not hmac.compare_digest(found.secret, secret):
            return _two_credentials(found.place, QUERY_CREDENTIAL)
        if secret and found is None:
            found = Credential(secret, QUERY_CREDENTIAL)
    return found or _MISSING


_MISSING = Refused(
    "missing_api_key",
    Category.UNAUTHENTICATED,
    f"No API key was sent. Send an Outlay key ({OWN_KEY_PREFIX}…) as Authorization: Bearer, "
    "x-api-key or x-goog-api-key; the operator makes one with: outlay keys create --name my-app",
)


def _two_credentials(first: str, second: str) -> Refused:
    return Refused(
        "invalid_header",
        Category.INVALID,
        f"Two different credentials were sent, one in {first} and one in {second}. Send exactly "
        "one: an Outlay key. Provider keys are kept by the gateway.",
        second,
    )


def _unknown(credential: Credential) -> Refused:
    text = credential.secret.decode("ascii", "replace")
    message = _INVALID_KEY.format(place=credential.place)
    if has_valid_checksum(text):
        return UnknownKey("invalid_proxy_key", Category.UNAUTHENTICATED, message)
    return Refused(
        "invalid_proxy_key",
        Category.UNAUTHENTICATED,
        _foreign_key_hint(text, credential) or message,
    )


def _foreign_key_hint(text: str, credential: Credential) -> str | None:
    owner = find_owner(text)
    if owner is None or owner == "Outlay":
        return None
    return (
        f"The credential in {credential.place} looks like a key of {owner}. Clients of this "
        f"gateway send an Outlay key ({OWN_KEY_PREFIX}…); the provider's own key belongs into the "
        "gateway's configuration. If this one has been shared, revoke it at the provider."
    )


def _not_permitted(caller: Caller, permission: Permission) -> Refused:
    return Refused(
        "permission_denied",
        Category.FORBIDDEN,
        f"The API key {caller.name!r} may not do this: it lacks the permission "
        f"{permission.value!r}. Use a key made with --permission {permission.value}.",
    )
