"""The master key of a ledger: made at the first start, refused when it is not this ledger's."""

from pathlib import Path

from sqlalchemy import select

from outlay.identity.master_key import MasterKey
from outlay.kernel.errors import SettingsError
from outlay.stores.ledger.audit import AuditTrail
from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.schema import api_keys, provider_secrets
from outlay.stores.master_key_file import load_master_key


def unlock_ledger(
    ledger: Ledger, *, key: str | None = None, key_file: Path | None = None
) -> MasterKey:
    """Read the master key that goes with an open ledger whose schema is current.

    `key` and `key_file` are the operator's (OUTLAY_MASTER_KEY, OUTLAY_MASTER_KEY_FILE); without
    them it is `master.key` in the data directory, made there while the ledger has nothing sealed.

    Raises:
        SettingsError: it is missing, open to others, not a key, or the key of another ledger: with
            such a one no API key would be found and no secret opened.
    """
    may_create = not has_sealed_rows(ledger)
    master_key = load_master_key(ledger.data_dir, key=key, key_file=key_file, may_create=may_create)
    with ledger.read() as connection:
        if not AuditTrail(master_key).is_ours(connection):
            raise SettingsError(
                "the master key is not the one this ledger was made with (or the newest audit row "
                "was changed). Put the old master key back: see OUTLAY_MASTER_KEY, "
                "OUTLAY_MASTER_KEY_FILE, or master.key in the data directory"
            )
    return master_key


def has_sealed_rows(ledger: Ledger) -> bool:
    """Tell whether the ledger holds anything that needs the master key it was made with."""
    with ledger.read() as connection:
        return any(
            connection.execute(select(table).limit(1)).first() is not None
            for table in (api_keys, provider_secrets)
        )
