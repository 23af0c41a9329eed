"""The tables of the ledger. Facts are insert-only: their rows are never updated.

Instants are microseconds since the epoch, money is nano-USD, JSON is text (compact, UTF-8). On
SQLite the tables are STRICT, so that no float can slip into a money column. On PostgreSQL each fact
table also has `xid` (xid8, the transaction that wrote the row): it is not among these columns, as
SQLite has none; the projector reads it by name (architecture.md 1, projector rules).
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.types import TypeEngine

from outlay.attribution.dimensions import Dimension

SCHEMA_REVISION = "0003"
"""The newest migration; a program of this version refuses every other schema."""

Int64 = BigInteger().with_variant(Integer(), "sqlite")
"""A signed 64-bit integer; SQLite's strict tables know it as INTEGER only."""


class Flag(TypeDecorator[bool]):
    """A boolean: PostgreSQL's own, 0 or 1 in SQLite's strict tables."""

    impl = Boolean
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column type of the engine."""
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else Boolean())

    def process_result_value(self, value: Any | None, _dialect: Dialect) -> bool | None:
        """Read 0 and 1 as booleans."""
        return None if value is None else bool(value)


metadata = MetaData()


def _table(name: str, *columns: Column[Any] | Index, sequenced: bool = False) -> Table:
    """Declare a table; `sequenced` ones have a `seq` that is never used twice."""
    return Table(name, metadata, *columns, sqlite_strict=True, sqlite_autoincrement=sequenced)


def _seq() -> Column[int]:
    return Column("seq", Int64, primary_key=True, autoincrement=True)


def _request_id(*, of: str | None = None) -> Column[str]:
    """Declare the unique request id of a fact, refused when `of` has no row of that id."""
    rules = () if of is None else (ForeignKey(f"{of}.request_id"),)
    return Column("request_id", Text, *rules, nullable=False, unique=True)


def _attribution() -> list[Column[Any]]:
    """Declare one column per dimension, where each value came from, and which are hashes only."""
    dimensions: list[Column[Any]] = [Column(d.value, Text) for d in Dimension]
    return [*dimensions, Column("sources", Text, nullable=False), Column("hashed", Text)]


def _usage_and_cost() -> list[Column[Any]]:
    """Declare what was consumed and every cost known of it."""
    return [
        Column("usage_source", Text, nullable=False),
        Column("usage", Text, nullable=False),
        Column("input_tokens", Int64, nullable=False),
        Column("output_tokens", Int64, nullable=False),
        Column("cost_nanos", Int64),
        Column("cost_basis", Text, nullable=False),
        Column("list_token_cost_nanos", Int64),
        Column("contract_cost_nanos", Int64),
        Column("stated_cost_nanos", Int64),
        Column("tool_cost_nanos", Int64),
        Column("price_revision", Text),
        Column("unit_prices", Text, nullable=False),
        Column("unpriced", Text, nullable=False),
    ]


boots = _table(
    "boots",
    Column("boot_id", Text, primary_key=True),
    Column("node", Text, nullable=False),
    Column("pid", Int64, nullable=False),
    Column("role", Text, nullable=False),
    Column("started_at_us", Int64, nullable=False),
    # Every intent of this boot up to this sequence number is closed: where the sweep begins.
    Column("low_water_seq", Int64, nullable=False),
    Column("ended_at_us", Int64),
)

intents = _table(
    "intents",
    _seq(),
    _request_id(),
    Column("boot_id", Text, nullable=False),
    Column("booked_at_us", Int64, nullable=False),
    Column("requested_at_us", Int64, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("wire", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("stream", Flag, nullable=False),
    Column("model_requested", Text),
    Column("model_served", Text),
    *_attribution(),
    Column("run_budget_nanos", Int64),
    Column("warnings", Text),
    Column("hold_class", Text, nullable=False),
    Column("hold_reasons", Text),
    Column("bound_nanos", Int64),
    Column("likely_nanos", Int64),
    Column("service_tier", Text),
    Column("output_limit", Int64),
    Column("temperature_zero", Flag, nullable=False),
    Column("has_tools", Flag, nullable=False),
    Column("unmetered", Flag, nullable=False),
    Column("deferred", Flag, nullable=False),
    Column("attempt", Int64, nullable=False),
    Column("degraded_from", Text),
    Column("request_hash", Text),
    Column("request_bytes", Int64, nullable=False),
    sequenced=True,
)

holds = _table(
    "holds",
    Column("request_id", Text, ForeignKey("intents.request_id"), primary_key=True),
    Column("budget_id", Text, primary_key=True),
    Column("amount_nanos", Int64, nullable=False),
)

usage_events = _table(
    "usage_events",
    _seq(),
    _request_id(of="intents"),
    Column("booked_at_us", Int64, nullable=False),
    Column("finished_at_us", Int64, nullable=False),
    Column("ending", Text, nullable=False),
    Column("status", Int64),
    *_usage_and_cost(),
    Column("raw_usage", Text),
    Column("likely_cost_nanos", Int64),
    Column("model_returned", Text),
    Column("service_tier", Text),
    Column("finish_reason", Text),
    Column("response_id_hash", Text),
    Column("first_byte_us", Int64),
    Column("latency_us", Int64),
    Column("response_bytes", Int64, nullable=False),
    Column("cut_reason", Text),
    Column("findings", Text),
    sequenced=True,
)

corrections = _table(
    "corrections",
    _seq(),
    Column("correction_id", Text, nullable=False, unique=True),
    Column("request_id", Text, ForeignKey("usage_events.request_id"), nullable=False),
    Column("booked_at_us", Int64, nullable=False),
    Column("reason", Text, nullable=False),
    Column("previous_cost_nanos", Int64),
    *_usage_and_cost(),
    Column("raw_usage", Text),
    Column("ending", Text),
    Column("status", Int64),
    # The corrections of one call, newest last: every read of a call's present cost.
    Index("corrections_by_request", "request_id", "seq"),
    sequenced=True,
)

refusals = _table(
    "refusals",
    _seq(),
    _request_id(),
    Column("booked_at_us", Int64, nullable=False),
    Column("refused_at_us", Int64, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("wire", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("model_requested", Text),
    *_attribution(),
    Column("run_budget_nanos", Int64),
    Column("warnings", Text),
    sequenced=True,
)

FACTS = (intents, usage_events, corrections, refusals)
"""The tables that the projector follows: each has `seq`, and `xid` on PostgreSQL."""

# An import's calls are facts whose boot id is the import's; they count once it is published
# (ADR 0017).
imports = _table(
    "imports",
    Column("import_id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("started_at_us", Int64, nullable=False),
    Column("lines_done", Int64, nullable=False),
    Column("recorded", Int64, nullable=False),
    Column("already_there", Int64, nullable=False),
    Column("skipped", Int64, nullable=False),
    Column("unpriced", Int64, nullable=False),
    Column("spend_nanos", Int64, nullable=False),
    Column("published_at_us", Int64),
)

# A call that goes on in the background. It is open for as long as it has no usage event.
# The provider's id is kept in clear, since polling needs it, until the event stands (ADR 0007).
deferred = _table(
    "deferred",
    Column("request_id", Text, ForeignKey("intents.request_id"), primary_key=True),
    Column("provider", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("provider_response_id", Text),
    Column("noted_at_us", Int64, nullable=False),
)

# Who made an id that a provider keeps (a stored response, a conversation): by-id calls go there.
provider_objects = _table(
    "provider_objects",
    Column("object_hash", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("department", Text),
    Column("request_id", Text, nullable=False),
    Column("created_at_us", Int64, nullable=False),
)

# Rows that could not be written as they came. Nothing here counts; somebody must look.
quarantine = _table(
    "quarantine",
    _seq(),
    Column("at_us", Int64, nullable=False),
    Column("kind", Text, nullable=False),
    Column("request_id", Text),
    Column("reason", Text, nullable=False),
    Column("row_json", Text, nullable=False),
    sequenced=True,
)

api_keys = _table(
    "api_keys",
    Column("key_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("shown_prefix", Text, nullable=False),
    Column("permissions", Text, nullable=False),
    Column("defaults", Text, nullable=False),
    Column("pins", Text, nullable=False),
    Column("required", Text, nullable=False),
    Column("allowed", Text, nullable=False),
    Column("default_provider", Text),
    Column("cancel_on_hang_up", Flag, nullable=False),
    Column("created_at_us", Int64, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("revoked_at_us", Int64),
    Column("rotated_from", Text),
)

providers = _table(
    "providers",
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("created_at_us", Int64, nullable=False),
    Column("changed_at_us", Int64, nullable=False),
    Column("changed_by", Text, nullable=False),
)

provider_secrets = _table(
    "provider_secrets",
    Column("name", Text, primary_key=True),
    Column("version", Int64, primary_key=True, autoincrement=False),
    Column("ciphertext", LargeBinary, nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("key_version", Int64, nullable=False),
    Column("created_at_us", Int64, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("revoked_at_us", Int64),
)

audit_log = _table(
    "audit_log",
    _seq(),
    Column("at_us", Int64, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False, unique=True),
    sequenced=True,
)

price_books = _table(
    "price_books",
    Column("revision", Text, primary_key=True),
    Column("created_at_us", Int64, nullable=False),
    Column("source", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# `attos_per_unit` is decimal text, since an atto price may pass 64 bits; `percent` is decimal text.
price_overlays = _table(
    "price_overlays",
    _seq(),
    Column("overlay_id", Text, nullable=False, unique=True),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("meter", Text, nullable=False),
    Column("tier", Text),
    Column("kind", Text, nullable=False),
    Column("attos_per_unit", Text),
    Column("percent", Text),
    Column("effective_from_us", Int64),
    Column("effective_to_us", Int64),
    Column("created_at_us", Int64, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("withdrawn_at_us", Int64),
    sequenced=True,
)

# What explains a gap in the sequence of a table: spans of rows that were removed on purpose.
removed = _table(
    "removed",
    Column("table_name", Text, primary_key=True),
    Column("first_seq", Int64, primary_key=True, autoincrement=False),
    Column("last_seq", Int64, nullable=False),
    Column("removed_at_us", Int64, nullable=False),
    Column("reason", Text, nullable=False),
)

# Raised in the same transaction as a change of keys, providers or prices; workers poll it.
revisions = _table(
    "revisions",
    Column("topic", Text, primary_key=True),
    Column("revision", Int64, nullable=False),
)
