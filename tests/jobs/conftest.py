"""The ledgers that these tests run on."""

from tests.ledgers import frozen, ledger, postgres, postgres_ledger, sqlite_ledger

__all__ = ["frozen", "ledger", "postgres", "postgres_ledger", "sqlite_ledger"]
