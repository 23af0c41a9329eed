"""The migrations lead to the tables that the program uses, on both engines."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError

from outlay.kernel.clock import SystemClock
from outlay.kernel.errors import SettingsError
from outlay.stores.ledger.connection import Ledger, open_ledger
from outlay.stores.ledger.schema import FACTS, SCHEMA_REVISION, metadata
from outlay.stores.ledger.upgrade import MIGRATIONS, upgrade_ledger
from tests.postgres_server import PostgresServer

# SQLAlchemy does not know PostgreSQL's 64-bit transaction ids; nothing here needs it to.
pytestmark = pytest.mark.filterwarnings("ignore:Did not recognize type 'xid8'")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def _describe(ledger: Ledger) -> dict[str, object]:
    """Describe every table as the database itself knows it."""
    described: dict[str, object] = {}
    found = inspect(ledger.engine)
    for table in found.get_table_names():
        if table == "alembic_version":
            continue
        described[table] = {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"])
                for column in found.get_columns(table)
                if column["name"] != "xid"
            },
            "key": found.get_pk_constraint(table)["constrained_columns"],
            "unique": sorted(
                str(one["column_names"]) for one in found.get_unique_constraints(table)
            ),
            "foreign": sorted(
                f"{one['constrained_columns']} {one['referred_table']}"
                for one in found.get_foreign_keys(table)
            ),
            "indexes": sorted(
                f"{one['name']} {one['column_names']}"
                for one in found.get_indexes(table)
                if not one.get("duplicates_constraint")
            ),
            "options": _sqlite_options(ledger, table),
        }
    return described


def _sqlite_options(ledger: Ledger, table: str) -> tuple[bool, bool]:
    if not ledger.is_sqlite:
        return (True, True)
    with ledger.read() as connection:
        made = connection.scalar(
            text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": table}
        )
    return "STRICT" in made, "AUTOINCREMENT" in made


def test_the_migrations_make_the_sqlite_tables_of_the_program(
    sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    made = open_ledger(None, data_dir=tmp_path / "made", clock=SystemClock())
    with made.write() as connection:
        metadata.create_all(connection)
    assert _describe(made) == _describe(sqlite_ledger)
    made.close()


@pytest.mark.postgres
def test_the_migrations_make_the_postgresql_tables_of_the_program(
    postgres_ledger: Ledger, postgres: PostgresServer, tmp_path: Path
) -> None:
    postgres.execute("CREATE DATABASE made")
    made = open_ledger(postgres.url("made"), data_dir=tmp_path / "made", clock=SystemClock())
    with made.write() as connection:
        metadata.create_all(connection)
    assert _describe(made) == _describe(postgres_ledger)
    made.close()
    postgres.execute("DROP DATABASE made")


@pytest.mark.postgres
def test_fact_rows_of_postgresql_carry_their_transaction(postgres_ledger: Ledger) -> None:
    found = inspect(postgres_ledger.engine)
    for table in FACTS:
        assert "xid" in {column["name"] for column in found.get_columns(table.name)}


def test_the_program_knows_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(_config()).get_heads() == [SCHEMA_REVISION]


def test_every_migration_is_reached_from_the_first(tmp_path: Path) -> None:
    ledger = open_ledger(None, data_dir=tmp_path, clock=SystemClock())
    for script in reversed(list(ScriptDirectory.from_config(_config()).walk_revisions())):
        config = _config()
        with ledger.write() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, script.revision)
        assert script.revision == ledger.schema_revision()
    ledger.check_schema()
    ledger.close()


def test_upgrading_twice_does_nothing(sqlite_ledger: Ledger) -> None:
    assert SCHEMA_REVISION == upgrade_ledger(sqlite_ledger)


def test_an_empty_ledger_says_how_to_fill_it(tmp_path: Path) -> None:
    ledger = open_ledger(None, data_dir=tmp_path, clock=SystemClock())
    with pytest.raises(SettingsError, match="outlay db upgrade"):
        ledger.check_schema()
    ledger.close()


@pytest.mark.parametrize(
    ("revision", "advice"), [("9999", "newer Outlay"), ("0000", "outlay db upgrade")]
)
def test_an_unknown_schema_is_refused(sqlite_ledger: Ledger, revision: str, advice: str) -> None:
    with sqlite_ledger.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
    with pytest.raises(SettingsError, match=advice):
        sqlite_ledger.check_schema()


def test_upgrading_leaves_a_newer_ledger_alone(sqlite_ledger: Ledger) -> None:
    with sqlite_ledger.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SettingsError, match="newer Outlay"):
        upgrade_ledger(sqlite_ledger)


def test_a_worker_does_not_load_alembic_or_a_second_sqlite() -> None:
    """Alembic costs memory in every worker; a second SQLite in a process breaks file locking."""
    script = (
        "import sys, outlay.stores.ledger.journal, outlay.stores.ledger.objects;"
        "print([m for m in ('alembic', 'sqlite3', '_sqlite3', 'psycopg') if m in sys.modules])"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"


def test_sqlite_refuses_a_float_where_money_is(sqlite_ledger: Ledger) -> None:
    with pytest.raises(IntegrityError), sqlite_ledger.write() as connection:
        connection.execute(text("INSERT INTO revisions (topic, revision) VALUES ('prices', 1.5)"))
