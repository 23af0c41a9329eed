"""API keys in the ledger: shown once, found by digest, ended at once, every change on record."""

import json

import pytest
from sqlalchemy import select, text

from outlay.attribution.key_rules import KeyRules
from outlay.identity.caller import Caller, Permission
from outlay.identity.keyring import KeyRing
from outlay.identity.master_key import make_master_key
from outlay.kernel.errors import Refused, SettingsError
from outlay.stores.ledger.audit import AuditTrail
from outlay.stores.ledger.connection import Ledger, read_revisions
from outlay.stores.ledger.keys import KeySpec, KeyStore, describe_key
from outlay.stores.ledger.schema import audit_log

_MASTER = make_master_key()
_SPEC = KeySpec(
    "checkout",
    permissions=frozenset({Permission.SPEND}),
    rules=KeyRules(
        defaults={"feature": "chat"},
        pins={"department": "Kundenservice é"},
        required=frozenset({"user"}),
        allowed={"environment": frozenset({"prod", "dev"})},
    ),
    default_provider="groq",
    cancel_on_hang_up=True,
)


@pytest.fixture
def store(ledger: Ledger) -> KeyStore:
    return KeyStore(ledger, _MASTER)


def _authenticate(ring: KeyRing, secret: str) -> Caller | Refused:
    return ring.authenticate([(b"authorization", b"Bearer " + secret.encode())])


def _revision(ledger: Ledger) -> int:
    with ledger.read() as connection:
        return read_revisions(connection).get("keys", 0)


def test_a_made_key_authenticates_with_all_its_rules(store: KeyStore) -> None:
    secret, stored = store.create(_SPEC, actor="ada")
    caller = _authenticate(store.load_keyring(), secret)
    assert isinstance(caller, Caller)
    assert caller == stored.caller
    assert (caller.name, caller.key_id) == ("checkout", stored.key_id)
    assert caller.permissions == {Permission.SPEND}
    assert (dict(caller.defaults), dict(caller.pins)) == (_SPEC.rules.defaults, _SPEC.rules.pins)
    assert (caller.required, dict(caller.allowed)) == (_SPEC.rules.required, _SPEC.rules.allowed)
    assert (caller.default_provider, caller.cancel_on_hang_up) == ("groq", True)


def test_a_key_may_spend_and_report_outcomes_by_default(store: KeyStore) -> None:
    _, stored = store.create(KeySpec("app"), actor="ada")
    assert stored.caller.permissions == {Permission.SPEND, Permission.OUTCOMES}


def test_the_secret_is_nowhere_in_the_ledger(sqlite_ledger: Ledger) -> None:
    """S-01: a stolen copy of the database holds no key and allows no guess."""
    store = KeyStore(sqlite_ledger, _MASTER)
    secrets = [store.create(KeySpec(f"k{n}"), actor="ada")[0] for n in range(20)]
    secrets.append(store.rotate("k0", actor="ada")[0])
    for file in sqlite_ledger.path.parent.iterdir():
        content = file.read_bytes()
        assert not [secret for secret in secrets if secret.encode()[14:] in content], file


def test_a_revoked_key_is_gone_from_the_next_snapshot(store: KeyStore) -> None:
    secret, stored = store.create(KeySpec("app"), actor="ada")
    revoked = store.revoke("app", actor="ben")
    assert revoked.key_id == stored.key_id
    assert revoked.revoked_at_us is not None
    assert isinstance(_authenticate(store.load_keyring(), secret), Refused)
    assert store.list_keys() == []
    assert store.list_keys(with_revoked=True) == [revoked]


def test_a_rotated_key_stays_the_same_for_budgets_and_history(store: KeyStore) -> None:
    """S-30: rotation must not give fresh money, nor lose what the key has stored at a provider."""
    old_secret, old = store.create(_SPEC, actor="ada")
    new_secret, new = store.rotate(old.key_id, actor="ada")
    assert new.key_id != old.key_id
    ring = store.load_keyring()
    assert isinstance(_authenticate(ring, old_secret), Refused)
    assert _authenticate(ring, new_secret) == old.caller
    again_secret, _ = store.rotate("checkout", actor="ada")
    assert _authenticate(store.load_keyring(), again_secret) == old.caller


def test_a_rotation_may_let_the_old_secret_work_on(store: KeyStore) -> None:
    old_secret, old = store.create(KeySpec("app"), actor="ada")
    new_secret, _ = store.rotate("app", actor="ada", keep_old=True)
    ring = store.load_keyring()
    assert _authenticate(ring, old_secret) == _authenticate(ring, new_secret) == old.caller
    store.revoke(old.key_id, actor="ada")
    ring = store.load_keyring()
    assert isinstance(_authenticate(ring, old_secret), Refused)
    assert isinstance(_authenticate(ring, new_secret), Caller)


def test_a_key_that_is_not_there_cannot_be_changed(store: KeyStore) -> None:
    store.create(KeySpec("app"), actor="ada")
    for change in (store.revoke, store.rotate):
        for wanted in ("nobody", "key_0", ""):
            with pytest.raises(SettingsError, match="outlay keys list"):
                change(wanted, actor="ada")


def test_of_two_keys_with_one_name_the_id_must_be_said(store: KeyStore) -> None:
    first = store.create(KeySpec("app"), actor="ada")[1]
    second = store.create(KeySpec("app"), actor="ada")[1]
    with pytest.raises(SettingsError) as raised:
        store.revoke("app", actor="ada")
    assert first.key_id in str(raised.value)
    assert second.key_id in str(raised.value)
    store.revoke(second.key_id, actor="ada")
    assert [key.key_id for key in store.list_keys()] == [first.key_id]


def test_a_key_needs_a_printable_name(store: KeyStore) -> None:
    for name in ("", "  ", "a\nb", "x" * 121):
        with pytest.raises(SettingsError, match="printable"):
            store.create(KeySpec(name), actor="ada")
    assert store.list_keys() == []


def test_every_change_raises_the_revision_that_workers_poll(
    ledger: Ledger, store: KeyStore
) -> None:
    seen = [_revision(ledger)]
    store.create(KeySpec("app"), actor="ada")
    seen.append(_revision(ledger))
    store.rotate("app", actor="ada")
    seen.append(_revision(ledger))
    store.revoke("app", actor="ada")
    seen.append(_revision(ledger))
    assert seen == sorted(set(seen))


def test_a_failed_change_leaves_nothing_behind(ledger: Ledger, store: KeyStore) -> None:
    before = _revision(ledger)
    with pytest.raises(SettingsError):
        store.revoke("nobody", actor="ada")
    assert before == _revision(ledger)
    with ledger.read() as connection:
        assert connection.execute(select(audit_log)).all() == []


def test_every_change_is_in_the_audit_log_without_secrets(ledger: Ledger, store: KeyStore) -> None:
    first, stored = store.create(_SPEC, actor="ada")
    second, _ = store.rotate("checkout", actor="ben")
    store.revoke("checkout", actor="cleo")
    with ledger.read() as connection:
        rows = connection.execute(select(audit_log).order_by(audit_log.c.seq)).all()
        assert AuditTrail(_MASTER).find_breaks(connection) == []
    assert [(row.actor, row.action) for row in rows] == [
        ("ada", "key.create"), ("ben", "key.rotate"), ("ben", "key.revoke"), ("cleo", "key.revoke"),
    ]  # fmt: skip
    assert json.loads(rows[0].detail) == describe_key(stored)
    assert first not in repr(rows)
    assert second not in repr(rows)


def test_another_master_key_finds_no_key(ledger: Ledger, store: KeyStore) -> None:
    secret, _ = store.create(KeySpec("app"), actor="ada")
    ring = KeyStore(ledger, make_master_key()).load_keyring()
    assert isinstance(_authenticate(ring, secret), Refused)


def test_a_store_shows_no_secret_of_its_own(store: KeyStore) -> None:
    secret, stored = store.create(KeySpec("app"), actor="ada")
    assert secret not in repr(stored)
    assert secret[:14] == stored.shown_prefix


def test_rules_are_stored_as_readable_text(sqlite_ledger: Ledger) -> None:
    KeyStore(sqlite_ledger, _MASTER).create(_SPEC, actor="ada")
    with sqlite_ledger.read() as connection:
        pins = connection.scalar(text("SELECT pins FROM api_keys"))
    assert pins == '{"department":"Kundenservice é"}'
