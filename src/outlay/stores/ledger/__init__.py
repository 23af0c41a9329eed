"""The ledger in SQL: schema, migrations, one file per store."""
