"""The ledgers that reports are read on."""

from tests.ledgers import ledger, postgres, postgres_ledger, sqlite_ledger

__all__ = ["ledger", "postgres", "postgres_ledger", "sqlite_ledger"]
