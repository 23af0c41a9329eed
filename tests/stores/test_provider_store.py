"""Providers in the ledger: secrets are encrypted and stay with their address (S-03, S-13)."""

import pytest
from sqlalchemy import select, update

from outlay.identity.master_key import make_master_key
from outlay.kernel.errors import SettingsError
from outlay.routing.provider import ProviderKind
from outlay.routing.provider_entry import ProviderEntry
from outlay.stores.ledger.connection import Ledger, read_revisions
from outlay.stores.ledger.providers import ProviderStore
from outlay.stores.ledger.schema import audit_log, provider_secrets

_MASTER = make_master_key()
_SECRET = "sk-canary-0123456789"
_URL = "https://acme.example"


@pytest.fixture
def store(ledger: Ledger) -> ProviderStore:
    return ProviderStore(ledger, _MASTER)


def _entry(name: str = "acme", **parts: object) -> ProviderEntry:
    return ProviderEntry(name, "the test", **parts)  # type: ignore[arg-type]


def _loaded(store: ProviderStore, name: str = "acme") -> ProviderEntry:
    entries, findings = store.load_entries()
    assert findings == []
    return next(entry for entry in entries if entry.name == name)


def test_everything_of_an_entry_comes_back(store: ProviderStore) -> None:
    entry = _entry(
        kind=ProviderKind.COMPATIBLE, base_url=_URL, version_path="/v4", api_key=_SECRET,
        price_provider="zai", prefixes=("glm-",), aliases={"fast": "glm-5"}, request_usage=False,
        default_service_tier="flex", idle_timeout_s={"glm-5": 600.0}, enabled=False,
        speaks=frozenset({ProviderKind.ANTHROPIC}),
    )  # fmt: skip
    store.store(entry, actor="ada")
    loaded = _loaded(store)
    assert loaded.origin == "the ledger"
    for part in ("kind", "base_url", "version_path", "api_key", "price_provider", "prefixes",
                 "aliases", "request_usage", "default_service_tier", "idle_timeout_s", "enabled",
                 "speaks"):  # fmt: skip
        assert getattr(entry, part) == getattr(loaded, part), part


def test_a_known_provider_needs_only_its_secret(store: ProviderStore) -> None:
    store.store(_entry("anthropic", api_key=_SECRET), actor="ada")
    loaded = _loaded(store, "anthropic")
    assert (loaded.kind, loaded.api_key) == (ProviderKind.ANTHROPIC, _SECRET)
    assert loaded.base_url == "https://api.anthropic.com"


def test_an_unknown_provider_needs_an_address(store: ProviderStore) -> None:
    with pytest.raises(SettingsError, match="--base-url"):
        store.store(_entry(api_key=_SECRET), actor="ada")
    with pytest.raises(SettingsError, match="not a provider's name"):
        store.store(_entry("Acme Ltd", base_url=_URL), actor="ada")


def test_what_is_not_said_stays_as_it_was(store: ProviderStore) -> None:
    store.store(_entry(base_url=_URL, version_path="/v4", api_key=_SECRET), actor="ada")
    store.store(_entry(prefixes=("a-",)), actor="ben")
    loaded = _loaded(store)
    assert (loaded.prefixes, loaded.api_key, loaded.version_path) == (("a-",), _SECRET, "/v4")


def test_a_new_address_needs_the_secret_again(store: ProviderStore) -> None:
    """Else whoever may change the address could have the old secret sent to a host of theirs."""
    store.store(_entry(base_url=_URL, api_key=_SECRET), actor="ada")
    with pytest.raises(SettingsError, match="must be given again"):
        store.store(_entry(base_url="https://evil.example"), actor="dov")
    assert _loaded(store).base_url == _URL
    store.store(_entry(base_url="https://new.example", api_key="sk-new-0123456789"), actor="ada")
    assert _loaded(store).api_key == "sk-new-0123456789"
    store.store(_entry(base_url="https://new.example"), actor="ada")


def test_an_address_without_a_secret_may_change(store: ProviderStore) -> None:
    store.store(_entry(base_url=_URL), actor="ada")
    store.store(_entry(base_url="https://new.example"), actor="ada")
    assert _loaded(store).base_url == "https://new.example"


def test_the_secret_is_nowhere_in_the_ledger(sqlite_ledger: Ledger) -> None:
    store = ProviderStore(sqlite_ledger, _MASTER)
    store.store(_entry(base_url=_URL, api_key=_SECRET), actor="ada")
    for file in sqlite_ledger.path.parent.iterdir():
        assert b"canary" not in file.read_bytes(), file


def test_a_replaced_or_removed_secret_leaves_nothing_to_decrypt(
    ledger: Ledger, store: ProviderStore
) -> None:
    store.store(_entry(base_url=_URL, api_key=_SECRET), actor="ada")
    store.store(_entry(api_key="sk-second-0123456789"), actor="ada")
    store.remove("acme", actor="ada")
    store.store(_entry(base_url=_URL, api_key="sk-third-0123456789"), actor="ada")
    with ledger.read() as connection:
        rows = connection.execute(select(provider_secrets).order_by(provider_secrets.c.version))
        kept = [(row.version, row.ciphertext != b"", row.revoked_at_us is None) for row in rows]
    assert kept == [(1, False, False), (2, False, False), (3, True, True)]
    assert _loaded(store).api_key == "sk-third-0123456789"


def test_a_removed_provider_is_gone(store: ProviderStore) -> None:
    store.store(_entry(base_url=_URL, api_key=_SECRET), actor="ada")
    store.remove("acme", actor="ada")
    assert store.load_entries() == ([], [])
    with pytest.raises(SettingsError, match="outlay providers list"):
        store.remove("acme", actor="ada")


def test_swapped_secrets_do_not_open(ledger: Ledger, store: ProviderStore) -> None:
    """S-03: with write access to the database one could else send a secret to another host."""
    store.store(_entry("acme", base_url=_URL, api_key=_SECRET), actor="ada")
    store.store(_entry("evil", base_url="https://evil.example", api_key="sk-x"), actor="dov")
    with ledger.write() as connection:
        acme = connection.execute(
            select(provider_secrets).where(provider_secrets.c.name == "acme")
        ).one()
        evil = update(provider_secrets).where(provider_secrets.c.name == "evil")
        connection.execute(evil.values(ciphertext=acme.ciphertext, nonce=acme.nonce))
    entries, findings = store.load_entries()
    assert [(entry.name, entry.api_key) for entry in entries] == [("acme", _SECRET), ("evil", None)]
    assert [finding.code for finding in findings] == ["provider_secret_unreadable"]
    assert "outlay providers set evil" in findings[0].message


def test_without_the_master_key_no_secret_opens(ledger: Ledger, store: ProviderStore) -> None:
    store.store(_entry(base_url=_URL, api_key=_SECRET), actor="ada")
    entries, findings = ProviderStore(ledger, make_master_key()).load_entries()
    assert [entry.api_key for entry in entries] == [None]
    assert len(findings) == 1


def test_every_change_is_on_record_without_secrets(ledger: Ledger, store: ProviderStore) -> None:
    store.store(_entry(base_url=_URL, api_key=_SECRET), actor="ada")
    store.remove("acme", actor="ben")
    with ledger.read() as connection:
        rows = connection.execute(select(audit_log).order_by(audit_log.c.seq)).all()
        revision = read_revisions(connection)["providers"]
    assert [(row.actor, row.action, row.subject) for row in rows] == [
        ("ada", "provider.set", "acme"),
        ("ben", "provider.remove", "acme"),
    ]
    assert '"secret_changed":true' in rows[0].detail
    assert "canary" not in repr(rows)
    assert revision == 2
