"""Ledgers on every engine, and facts to put into them. Import the fixtures into a conftest."""

import itertools
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from outlay.attribution.dimensions import Attribution, Dimension, Source, Value
from outlay.budgets.hold import HoldClass
from outlay.kernel.clock import FrozenClock, SystemClock
from outlay.kernel.ids import BootId, KeyId, RequestId, new_request_id
from outlay.ledger.facts import Ending, Intent, Refusal, UsageEvent
from outlay.pricing.cost import Cost, CostBasis
from outlay.stores.ledger.connection import Ledger, open_ledger
from outlay.stores.ledger.upgrade import upgrade_ledger
from outlay.usage.meters import Meter
from outlay.usage.usage import Pass, Usage, UsageSource
from tests.postgres_server import PostgresServer, shared_server

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOON_US = 1_795_176_000_000_000
_numbers = itertools.count(1)

NewLedger = Callable[[], Ledger]


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A PostgreSQL server with an empty, migrated database called `template_ledger`."""
    if os.environ.get("OUTLAY_REQUIRE_POSTGRES") == "1":
        os.environ["CI"] = "true"
    data_dir = request.getfixturevalue("tmp_path_factory").mktemp("postgres")

    def migrate(server: PostgresServer) -> None:
        server.execute("CREATE DATABASE template_ledger")
        ledger = open_ledger(server.url("template_ledger"), data_dir=data_dir, clock=SystemClock())
        upgrade_ledger(ledger)
        ledger.close()

    with shared_server(request.getfixturevalue("postgres_bin"), migrate) as server:
        yield server


@pytest.fixture
def sqlite_ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger in a SQLite file."""
    ledger = open_ledger(None, data_dir=tmp_path / "data", clock=SystemClock())
    upgrade_ledger(ledger)
    yield ledger
    ledger.close()


@pytest.fixture
def postgres_ledger(postgres: PostgresServer, tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger in a PostgreSQL database of its own."""
    name = f"ledger_{os.getpid()}_{next(_numbers)}"
    postgres.execute(f"CREATE DATABASE {name} TEMPLATE template_ledger")
    ledger = open_ledger(postgres.url(name), data_dir=tmp_path / "data", clock=SystemClock())
    yield ledger
    ledger.close()
    postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    """An empty ledger on each engine."""
    name = "sqlite_ledger" if request.param == "sqlite" else "postgres_ledger"
    found: Ledger = request.getfixturevalue(name)
    return found


@pytest.fixture
def frozen() -> FrozenClock:
    """A clock that stands at noon of 20 November 2026, UTC."""
    return FrozenClock(NOON)


ATTRIBUTION = Attribution(
    {
        Dimension.FEATURE: Value("ticket-resolver", Source.HEADER),
        Dimension.DEPARTMENT: Value("support", Source.PINNED),
        Dimension.USER: Value("9f2c" * 16, Source.BODY, hashed=True),
    },
    run_budget_nanos=5_000_000_000,
    warnings=("user looks like an e-mail address",),
)
USAGE = Usage((Pass(None, {Meter.INPUT: 1_000, Meter.OUTPUT: 100}),))
COST = Cost(
    cost_nanos=3_500_000,
    basis=CostBasis.LIST,
    list_token_cost_nanos=3_500_000,
    tool_cost_nanos=0,
    price_revision="2026-11-20",
    unit_prices={"gpt-5/input": 2_500_000_000_000, "gpt-5/output": 10_000_000_000_000},
)


def make_intent(boot_id: str = "boot_1", **fields: Any) -> Intent:
    """Make an intent with everything filled in that a usual call has."""
    usual = Intent(
        request_id=new_request_id(NOON_US + next(_numbers) * 1_000),
        boot_id=BootId(boot_id),
        requested_at_us=NOON_US,
        key_id=KeyId("key_1"),
        provider="openai",
        wire="openai_chat",
        operation="chat",
        stream=True,
        model_requested="gpt-5",
        model_served="gpt-5",
        attribution=ATTRIBUTION,
        hold_class=HoldClass.BOUNDED,
        bound_nanos=9_000_000,
        likely_nanos=4_000_000,
        output_limit=500,
        request_hash="ab" * 32,
        request_bytes=1_234,
    )
    return replace(usual, **fields)


def make_event(request_id: str, **fields: Any) -> UsageEvent:
    """Make the event of a call that was answered as usual."""
    usual = UsageEvent(
        request_id=RequestId(request_id),
        finished_at_us=NOON_US + 2_000_000,
        ending=Ending.COMPLETE,
        status=200,
        usage=USAGE,
        usage_source=UsageSource.REPORTED,
        raw_usage={"prompt_tokens": 1_000, "completion_tokens": 100},
        cost=COST,
        model_returned="gpt-5-2025-08-07",
        service_tier="default",
        finish_reason="stop",
        response_id_hash="cd" * 32,
        first_byte_us=400_000,
        latency_us=2_000_000,
        response_bytes=900,
    )
    return replace(usual, **fields)


def make_refusal(**fields: Any) -> Refusal:
    """Make a refusal of a call of a known key."""
    usual = Refusal(
        request_id=new_request_id(NOON_US + next(_numbers) * 1_000),
        refused_at_us=NOON_US,
        key_id=KeyId("key_1"),
        code="model_not_found",
        wire="openai_chat",
        operation="chat",
        model_requested="gpt-0",
        attribution=ATTRIBUTION,
    )
    return replace(usual, **fields)


def count(ledger: Ledger, table: str) -> int:
    """Count the rows of a table."""
    with ledger.read() as connection:
        found = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
    return int(found)


__all__ = [
    "frozen",
    "ledger",
    "postgres",
    "postgres_ledger",
    "sqlite_ledger",
]
