"""API keys in the ledger; each change comes with its audit row and raises the revision."""

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, or_, select, update

from outlay.attribution.key_rules import KeyRules
from outlay.identity.api_key import key_digest, key_hint, make_key
from outlay.identity.caller import Caller, Permission
from outlay.identity.keyring import KeyRecord, KeyRing
from outlay.identity.master_key import MasterKey, Purpose
from outlay.kernel.errors import SettingsError
from outlay.kernel.ids import KeyId, new_key_id
from outlay.stores.ledger.audit import AuditTrail
from outlay.stores.ledger.connection import Ledger, bump_revision
from outlay.stores.ledger.schema import api_keys

TOPIC = "keys"
"""The revision that workers poll; raised in the transaction of each change."""

DEFAULT_PERMISSIONS = frozenset({Permission.SPEND, Permission.OUTCOMES})
MAX_NAME_CHARS = 120


@dataclass(frozen=True, slots=True)
class KeySpec:
    """What a new key shall be."""

    name: str
    permissions: frozenset[Permission] = DEFAULT_PERMISSIONS
    rules: KeyRules = field(default_factory=KeyRules)
    default_provider: str | None = None
    cancel_on_hang_up: bool = False


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as the ledger has it; the secret is not there.

    `key_id` names this secret. `caller.key_id` is what calls are recorded under: a rotated key
    keeps that of the first, so that its budgets, history and stored objects stay its own.
    """

    key_id: KeyId
    shown_prefix: str
    caller: Caller
    created_at_us: int
    created_by: str
    revoked_at_us: int | None


class KeyStore:
    """The API keys of a ledger."""

    def __init__(self, ledger: Ledger, master_key: MasterKey) -> None:
        """Work on an open ledger whose schema is current."""
        self._ledger = ledger
        self._pepper = master_key.derive(Purpose.API_KEY_DIGEST)
        self._audit = AuditTrail(master_key)

    def create(self, spec: KeySpec, *, actor: str) -> tuple[str, StoredKey]:
        """Make a key; the secret is returned here and never again.

        Raises:
            SettingsError: the name is empty, too long or not printable.
            LedgerUnavailable: nothing was recorded.
        """
        name = spec.name.strip()
        if not name or len(name) > MAX_NAME_CHARS or not name.isprintable():
            raise SettingsError(f"a key's name is 1 to {MAX_NAME_CHARS} printable characters")
        with self._ledger.write() as connection:
            row = _row_of(spec, name)
            return self._insert(connection, row, action="key.create", actor=actor)

    def rotate(self, wanted: str, *, actor: str, keep_old: bool = False) -> tuple[str, StoredKey]:
        """Give a key a new secret with the same rules; the old one ends at once unless kept.

        Raises:
            SettingsError: no active key, or several, go by `wanted` (an id or a name).
            LedgerUnavailable: nothing was recorded.
        """
        with self._ledger.write() as connection:
            old = _find_active(connection, wanted)
            kept = {column.name: getattr(old, column.name) for column in api_keys.c}
            row = kept | {"rotated_from": old.rotated_from or old.key_id}
            made = self._insert(connection, row, action="key.rotate", actor=actor)
            if not keep_old:
                self._revoke(connection, old, actor)
            return made

    def revoke(self, wanted: str, *, actor: str) -> StoredKey:
        """End a key; running workers refuse it within a second.

        Raises:
            SettingsError: no active key, or several, go by `wanted` (an id or a name).
            LedgerUnavailable: nothing was recorded.
        """
        with self._ledger.write() as connection:
            old = _find_active(connection, wanted)
            self._revoke(connection, old, actor)
            where = api_keys.c.key_id == old.key_id
            return _to_stored(connection.execute(select(api_keys).where(where)).one())

    def list_keys(self, *, with_revoked: bool = False) -> list[StoredKey]:
        """Return the keys in the order they were made."""
        query = select(api_keys).order_by(api_keys.c.created_at_us, api_keys.c.key_id)
        if not with_revoked:
            query = query.where(api_keys.c.revoked_at_us.is_(None))
        with self._ledger.read() as connection:
            return [_to_stored(row) for row in connection.execute(query)]

    def load_keyring(self) -> KeyRing:
        """Take a snapshot of the active keys, for authenticating calls."""
        query = select(api_keys).where(api_keys.c.revoked_at_us.is_(None))
        with self._ledger.read() as connection:
            rows = connection.execute(query).all()
        return KeyRing(self._pepper, [KeyRecord(row.digest, _to_caller(row)) for row in rows])

    def _insert(
        self, connection: Connection, row: dict[str, Any], *, action: str, actor: str
    ) -> tuple[str, StoredKey]:
        now_us, secret = self._ledger.clock.now_us(), make_key()
        row = row | {
            "key_id": new_key_id(now_us),
            "digest": key_digest(self._pepper, secret.encode()),
            "shown_prefix": key_hint(secret),
            "created_at_us": now_us,
            "created_by": actor,
            "revoked_at_us": None,
        }
        connection.execute(api_keys.insert().values(**row))
        where = api_keys.c.key_id == row["key_id"]
        stored = _to_stored(connection.execute(select(api_keys).where(where)).one())
        self._note(connection, action, actor, stored)
        return secret, stored

    def _revoke(self, connection: Connection, row: Row[Any], actor: str) -> None:
        now_us = self._ledger.clock.now_us()
        ended = update(api_keys).where(api_keys.c.key_id == row.key_id)
        connection.execute(ended.values(revoked_at_us=now_us))
        self._note(connection, "key.revoke", actor, _to_stored(row))

    def _note(self, connection: Connection, action: str, actor: str, key: StoredKey) -> None:
        bump_revision(connection, TOPIC)
        self._audit.append(
            connection,
            at_us=self._ledger.clock.now_us(),
            actor=actor,
            action=action,
            subject=key.key_id,
            detail=describe_key(key),
        )


def describe_key(key: StoredKey) -> dict[str, Any]:
    """Describe a key for the audit log and for people, without its secret or digest."""
    caller = key.caller
    return {
        "key_id": key.key_id,
        "name": caller.name,
        "shown_prefix": key.shown_prefix,
        "permissions": sorted(caller.permissions),
        "defaults": dict(caller.defaults),
        "pins": dict(caller.pins),
        "required": sorted(caller.required),
        "allowed": {name: sorted(values) for name, values in caller.allowed.items()},
        "default_provider": caller.default_provider,
        "cancel_on_hang_up": caller.cancel_on_hang_up,
        "recorded_as": caller.key_id,
    }


def _row_of(spec: KeySpec, name: str) -> dict[str, Any]:
    rules = spec.rules
    return {
        "name": name,
        "permissions": _json(sorted(spec.permissions)),
        "defaults": _json(dict(rules.defaults)),
        "pins": _json(dict(rules.pins)),
        "required": _json(sorted(rules.required)),
        "allowed": _json({each: sorted(values) for each, values in rules.allowed.items()}),
        "default_provider": spec.default_provider,
        "cancel_on_hang_up": spec.cancel_on_hang_up,
        "rotated_from": None,
    }


def _to_caller(row: Row[Any]) -> Caller:
    allowed = json.loads(row.allowed)
    return Caller(
        key_id=KeyId(row.rotated_from or row.key_id),
        name=row.name,
        permissions=frozenset(Permission(each) for each in json.loads(row.permissions)),
        defaults=json.loads(row.defaults),
        pins=json.loads(row.pins),
        required=frozenset(json.loads(row.required)),
        allowed={name: frozenset(values) for name, values in allowed.items()},
        default_provider=row.default_provider,
        cancel_on_hang_up=row.cancel_on_hang_up,
    )


def _to_stored(row: Row[Any]) -> StoredKey:
    return StoredKey(
        key_id=KeyId(row.key_id),
        shown_prefix=row.shown_prefix,
        caller=_to_caller(row),
        created_at_us=row.created_at_us,
        created_by=row.created_by,
        revoked_at_us=row.revoked_at_us,
    )


def _find_active(connection: Connection, wanted: str) -> Row[Any]:
    columns = (api_keys.c.key_id, api_keys.c.rotated_from, api_keys.c.name)
    named = or_(*(column == wanted for column in columns))
    rows = connection.execute(select(api_keys).where(named, api_keys.c.revoked_at_us.is_(None)))
    found = sorted(rows.all(), key=lambda row: row.key_id != wanted)
    if not found:
        raise SettingsError(f"no active key goes by {wanted!r}; see: outlay keys list")
    if len(found) > 1 and found[0].key_id != wanted:
        ids = ", ".join(row.key_id for row in found)
        raise SettingsError(f"{len(found)} active keys are named {wanted!r}; say which: {ids}")
    return found[0]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
