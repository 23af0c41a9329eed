"""Brings the ledger's schema to this version: Alembic, forward only. Never imported by a worker."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from outlay.stores.ledger.connection import Ledger
from outlay.stores.ledger.schema import SCHEMA_REVISION

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade_ledger(ledger: Ledger) -> str | None:
    """Run the migrations that are missing, all in one transaction under the write lock.

    Returns:
        The revision found before; None for an empty database.

    Raises:
        SettingsError: the schema was made by a newer version; nothing has been touched.
        LedgerUnavailable: the database is away, locked, full or broken.
    """
    found = ledger.schema_revision()
    if found is not None and found > SCHEMA_REVISION:
        ledger.check_schema()
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with ledger.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, SCHEMA_REVISION)
    ledger.check_schema()
    return found
