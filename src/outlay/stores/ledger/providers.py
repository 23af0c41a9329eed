"""Providers stored in the ledger, with their secrets encrypted (`outlay providers`)."""

import json
from dataclasses import fields, replace
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from outlay.identity.master_key import MasterKey
from outlay.identity.provider_secret import Sealed, SecretBox
from outlay.kernel.errors import SettingsError
from outlay.kernel.findings import Finding
from outlay.routing.known_providers import KNOWN_PROVIDERS
from outlay.routing.provider import ProviderKind
from outlay.routing.provider_entry import ProviderEntry, is_provider_name, kind_of, overlay
from outlay.stores.ledger.audit import AuditTrail
from outlay.stores.ledger.connection import Ledger, bump_revision
from outlay.stores.ledger.schema import provider_secrets, providers

TOPIC = "providers"
"""The revision that workers poll; raised in the transaction of each change."""

ORIGIN = "the ledger"

_SECRET_COLUMN = "provider_secrets.ciphertext"  # noqa: S105  a place, not a secret
_IN_SETTINGS = tuple(
    part.name
    for part in fields(ProviderEntry)
    if part.name not in ("name", "origin", "kind", "base_url", "api_key")
)


class ProviderStore:
    """The providers of a ledger. Their secrets come out only as part of an entry, for routing."""

    def __init__(self, ledger: Ledger, master_key: MasterKey) -> None:
        """Work on an open ledger whose schema is current."""
        self._ledger = ledger
        self._box = SecretBox(master_key)
        self._audit = AuditTrail(master_key)

    def load_entries(self) -> tuple[list[ProviderEntry], list[Finding]]:
        """Read all entries with their secrets; one that cannot be decrypted becomes a finding."""
        findings: list[Finding] = []
        with self._ledger.read() as connection:
            rows = connection.execute(select(providers).order_by(providers.c.name)).all()
            entries = [
                replace(_to_entry(row), api_key=self._open(connection, row.name, findings))
                for row in rows
            ]
        return entries, findings

    def store(self, entry: ProviderEntry, *, actor: str) -> ProviderEntry:
        """Store an entry over what is stored of its name; what it does not say stays as it was.

        Its `api_key`, when given, replaces the stored secret. A new base URL needs it again: else
        whoever may change the address could have the old secret sent to a host of theirs.

        Raises:
            SettingsError: no base URL is known, or it changes and the secret was not given.
            LedgerUnavailable: nothing was recorded.
        """
        if not is_provider_name(entry.name):
            raise SettingsError(
                f"{entry.name!r} is not a provider's name: lower-case letters, digits, hyphens"
            )
        with self._ledger.write() as connection:
            row = connection.execute(_by_name(entry.name)).first()
            stored = None if row is None else _to_entry(row)
            merged = _merge(stored, entry)
            self._refuse_moved_secret(connection, stored, merged)
            self._write(connection, merged, is_new=row is None, actor=actor)
            if merged.api_key is not None:
                self._seal(connection, merged.name, merged.api_key, actor)
            self._note(connection, "provider.set", actor, merged)
        return merged

    def remove(self, name: str, *, actor: str) -> None:
        """Forget what is stored of a provider, its secret included; what files say of it stays.

        Raises:
            SettingsError: nothing of that name is stored.
            LedgerUnavailable: nothing was recorded.
        """
        with self._ledger.write() as connection:
            row = connection.execute(_by_name(name)).first()
            if row is None:
                raise SettingsError(f"no provider {name!r} is stored; see: outlay providers list")
            self._erase_secrets(connection, name)
            connection.execute(delete(providers).where(providers.c.name == name))
            self._note(connection, "provider.remove", actor, _to_entry(row))

    def _open(self, connection: Connection, name: str, findings: list[Finding]) -> str | None:
        row = connection.execute(_active_secret(name)).first()
        if row is None:
            return None
        try:
            sealed = Sealed(row.ciphertext, row.nonce, row.key_version)
            return self._box.open(sealed, name=name, column=_SECRET_COLUMN)
        except SettingsError as error:
            findings.append(Finding("provider_secret_unreadable", ORIGIN, str(error)))
            return None

    def _refuse_moved_secret(
        self, connection: Connection, stored: ProviderEntry | None, merged: ProviderEntry
    ) -> None:
        if stored is None or stored.base_url == merged.base_url or merged.api_key is not None:
            return
        if connection.execute(_active_secret(merged.name)).first() is not None:
            raise SettingsError(
                f"the base URL of {merged.name!r} changes, so its API key must be given again: add "
                "--secret-file FILE (or --secret-file - to read it from standard input)"
            )

    def _write(
        self, connection: Connection, entry: ProviderEntry, *, is_new: bool, actor: str
    ) -> None:
        now_us = self._ledger.clock.now_us()
        row = {
            "kind": entry.kind,
            "base_url": entry.base_url,
            "settings": _settings_json(entry),
            "changed_at_us": now_us,
            "changed_by": actor,
        }
        if is_new:
            made = providers.insert()
            connection.execute(made.values(name=entry.name, created_at_us=now_us, **row))
        else:
            changed = update(providers).where(providers.c.name == entry.name)
            connection.execute(changed.values(**row))

    def _seal(self, connection: Connection, name: str, secret: str, actor: str) -> None:
        self._erase_secrets(connection, name)
        newest = select(provider_secrets.c.version).where(provider_secrets.c.name == name)
        version = connection.scalar(newest.order_by(provider_secrets.c.version.desc()).limit(1))
        sealed = self._box.seal(secret, name=name, column=_SECRET_COLUMN)
        connection.execute(
            provider_secrets.insert().values(
                name=name,
                version=(version or 0) + 1,
                ciphertext=sealed.ciphertext,
                nonce=sealed.nonce,
                key_version=sealed.key_version,
                created_at_us=self._ledger.clock.now_us(),
                created_by=actor,
            )
        )

    def _erase_secrets(self, connection: Connection, name: str) -> None:
        """Keep the row of an ended secret, as history, but nothing that could be decrypted."""
        active = update(provider_secrets).where(
            provider_secrets.c.name == name, provider_secrets.c.revoked_at_us.is_(None)
        )
        now_us = self._ledger.clock.now_us()
        connection.execute(active.values(revoked_at_us=now_us, ciphertext=b"", nonce=b""))

    def _note(self, connection: Connection, action: str, actor: str, entry: ProviderEntry) -> None:
        bump_revision(connection, TOPIC)
        detail = json.loads(_settings_json(entry)) | {
            "kind": entry.kind,
            "base_url": entry.base_url,
            "secret_changed": entry.api_key is not None,
        }
        self._audit.append(
            connection,
            at_us=self._ledger.clock.now_us(),
            actor=actor,
            action=action,
            subject=entry.name,
            detail=detail,
        )


def _by_name(name: str) -> Any:
    return select(providers).where(providers.c.name == name)


def _active_secret(name: str) -> Any:
    rows = select(provider_secrets).where(
        provider_secrets.c.name == name, provider_secrets.c.revoked_at_us.is_(None)
    )
    return rows.order_by(provider_secrets.c.version.desc()).limit(1)


def _merge(stored: ProviderEntry | None, entry: ProviderEntry) -> ProviderEntry:
    """Lay an entry over the stored one; a name known to everybody needs no address."""
    known = KNOWN_PROVIDERS.get(entry.name)
    lower = stored or ProviderEntry(
        entry.name,
        ORIGIN,
        kind=kind_of(entry.name),
        base_url=known.base_url if known else None,
        version_path=known.version_path if known else None,
    )
    merged = replace(overlay(lower, entry), origin=ORIGIN)
    if merged.base_url is None:
        raise SettingsError(f"the provider {entry.name!r} needs an address: add --base-url URL")
    return merged


def _settings_json(entry: ProviderEntry) -> str:
    said = {name: getattr(entry, name) for name in _IN_SETTINGS}
    if entry.speaks is not None:
        said["speaks"] = sorted(entry.speaks)
    kept = {name: value for name, value in said.items() if value is not None}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _to_entry(row: Row[Any]) -> ProviderEntry:
    said = json.loads(row.settings)
    if "prefixes" in said:
        said["prefixes"] = tuple(said["prefixes"])
    if "speaks" in said:
        said["speaks"] = frozenset(ProviderKind(each) for each in said["speaks"])
    return ProviderEntry(
        row.name, ORIGIN, kind=ProviderKind(row.kind), base_url=row.base_url, **said
    )
