"""The first schema: facts of calls, deferred work, API keys, providers, prices, audit."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Flag = sa.Boolean().with_variant(sa.Integer(), "sqlite")
FACTS = ("intents", "usage_events", "corrections", "refusals")


def upgrade() -> None:
    """Create every table; on PostgreSQL facts also carry the transaction that wrote them."""
    _create_api_keys()
    _create_audit_log()
    _create_boots()
    _create_intents()
    _create_price_books()
    _create_price_overlays()
    _create_provider_objects()
    _create_provider_secrets()
    _create_providers()
    _create_quarantine()
    _create_refusals()
    _create_revisions()
    _create_deferred()
    _create_holds()
    _create_usage_events()
    _create_corrections()
    if op.get_bind().dialect.name == "postgresql":
        for table in FACTS:
            op.execute(f"ALTER TABLE {table} ADD xid xid8 NOT NULL DEFAULT pg_current_xact_id()")


def _create_api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("shown_prefix", sa.Text(), nullable=False),
        sa.Column("permissions", sa.Text(), nullable=False),
        sa.Column("defaults", sa.Text(), nullable=False),
        sa.Column("pins", sa.Text(), nullable=False),
        sa.Column("required", sa.Text(), nullable=False),
        sa.Column("allowed", sa.Text(), nullable=False),
        sa.Column("default_provider", sa.Text(), nullable=True),
        sa.Column("cancel_on_hang_up", Flag, nullable=False),
        sa.Column("created_at_us", Int64, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("revoked_at_us", Int64, nullable=True),
        sa.Column("rotated_from", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("key_id"),
        sa.UniqueConstraint("digest"),
        sqlite_strict=True,
    )


def _create_audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("seq", Int64, autoincrement=True, nullable=False),
        sa.Column("at_us", Int64, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("hash"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )


def _create_boots() -> None:
    op.create_table(
        "boots",
        sa.Column("boot_id", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("pid", Int64, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("started_at_us", Int64, nullable=False),
        sa.Column("low_water_seq", Int64, nullable=False),
        sa.Column("ended_at_us", Int64, nullable=True),
        sa.PrimaryKeyConstraint("boot_id"),
        sqlite_strict=True,
    )


def _create_intents() -> None:
    op.create_table(
        "intents",
        sa.Column("seq", Int64, autoincrement=True, nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("boot_id", sa.Text(), nullable=False),
        sa.Column("booked_at_us", Int64, nullable=False),
        sa.Column("requested_at_us", Int64, nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("wire", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("stream", Flag, nullable=False),
        sa.Column("model_requested", sa.Text(), nullable=True),
        sa.Column("model_served", sa.Text(), nullable=True),
        sa.Column("feature", sa.Text(), nullable=True),
        sa.Column("department", sa.Text(), nullable=True),
        sa.Column("user", sa.Text(), nullable=True),
        sa.Column("session", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("project", sa.Text(), nullable=True),
        sa.Column("environment", sa.Text(), nullable=True),
        sa.Column("tier", sa.Text(), nullable=True),
        sa.Column("workload", sa.Text(), nullable=True),
        sa.Column("variant", sa.Text(), nullable=True),
        sa.Column("gl_account", sa.Text(), nullable=True),
        sa.Column("cost_center", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("parent_run_id", sa.Text(), nullable=True),
        sa.Column("mcp_server", sa.Text(), nullable=True),
        sa.Column("agent_handoff", sa.Text(), nullable=True),
        sa.Column("sources", sa.Text(), nullable=False),
        sa.Column("hashed", sa.Text(), nullable=True),
        sa.Column("run_budget_nanos", Int64, nullable=True),
        sa.Column("warnings", sa.Text(), nullable=True),
        sa.Column("hold_class", sa.Text(), nullable=False),
        sa.Column("hold_reasons", sa.Text(), nullable=True),
        sa.Column("bound_nanos", Int64, nullable=True),
        sa.Column("likely_nanos", Int64, nullable=True),
        sa.Column("service_tier", sa.Text(), nullable=True),
        sa.Column("output_limit", Int64, nullable=True),
        sa.Column("temperature_zero", Flag, nullable=False),
        sa.Column("has_tools", Flag, nullable=False),
        sa.Column("unmetered", Flag, nullable=False),
        sa.Column("deferred", Flag, nullable=False),
        sa.Column("attempt", Int64, nullable=False),
        sa.Column("degraded_from", sa.Text(), nullable=True),
        sa.Column("request_hash", sa.Text(), nullable=True),
        sa.Column("request_bytes", Int64, nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("request_id"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )


def _create_price_books() -> None:
    op.create_table(
        "price_books",
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("created_at_us", Int64, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("revision"),
        sqlite_strict=True,
    )


def _create_price_overlays() -> None:
    op.create_table(
        "price_overlays",
        sa.Column("seq", Int64, autoincrement=True, nullable=False),
        sa.Column("overlay_id", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("attos_per_unit", sa.Text(), nullable=True),
        sa.Column("percent", sa.Text(), nullable=True),
        sa.Column("effective_from_us", Int64, nullable=True),
        sa.Column("effective_to_us", Int64, nullable=True),
        sa.Column("created_at_us", Int64, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("withdrawn_at_us", Int64, nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("overlay_id"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )


def _create_provider_objects() -> None:
    op.create_table(
        "provider_objects",
        sa.Column("object_hash", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("created_at_us", Int64, nullable=False),
        sa.PrimaryKeyConstraint("object_hash"),
        sqlite_strict=True,
    )


def _create_provider_secrets() -> None:
    op.create_table(
        "provider_secrets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", Int64, autoincrement=False, nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("key_version", Int64, nullable=False),
        sa.Column("created_at_us", Int64, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("revoked_at_us", Int64, nullable=True),
        sa.PrimaryKeyConstraint("name", "version"),
        sqlite_strict=True,
    )


def _create_providers() -> None:
    op.create_table(
        "providers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("created_at_us", Int64, nullable=False),
        sa.Column("changed_at_us", Int64, nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_strict=True,
    )


def _create_quarantine() -> None:
    op.create_table(
        "quarantine",
        sa.Column("seq", Int64, autoincrement=True, nullable=False),
        sa.Column("at_us", Int64, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("row_json", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )


def _create_refusals() -> None:
    op.create_table(
        "refusals",
        sa.Column("seq", Int64, autoincrement=True, nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("booked_at_us", Int64, nullable=False),
        sa.Column("refused_at_us", Int64, nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("wire", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("model_requested", sa.Text(), nullable=True),
        sa.Column("feature", sa.Text(), nullable=True),
        sa.Column("department", sa.Text(), nullable=True),
        sa.Column("user", sa.Text(), nullable=True),
        sa.Column("session", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("project", sa.Text(), nullable=True),
        sa.Column("environment", sa.Text(), nullable=True),
        sa.Column("tier", sa.Text(), nullable=True),
        sa.Column("workload", sa.Text(), nullable=True),
        sa.Column("variant", sa.Text(), nullable=True),
        sa.Column("gl_account", sa.Text(), nullable=True),
        sa.Column("cost_center", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("parent_run_id", sa.Text(), nullable=True),
        sa.Column("mcp_server", sa.Text(), nullable=True),
        sa.Column("agent_handoff", sa.Text(), nullable=True),
        sa.Column("sources", sa.Text(), nullable=False),
        sa.Column("hashed", sa.Text(), nullable=True),
        sa.Column("run_budget_nanos", Int64, nullable=True),
        sa.Column("warnings", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("request_id"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )


def _create_revisions() -> None:
    op.create_table(
        "revisions",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("revision", Int64, nullable=False),
        sa.PrimaryKeyConstraint("topic"),
        sqlite_strict=True,
    )


def _create_deferred() -> None:
    op.create_table(
        "deferred",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("provider_response_id", sa.Text(), nullable=True),
        sa.Column("noted_at_us", Int64, nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["intents.request_id"],
        ),
        sa.PrimaryKeyConstraint("request_id"),
        sqlite_strict=True,
    )


def _create_holds() -> None:
    op.create_table(
        "holds",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("budget_id", sa.Text(), nullable=False),
        sa.Column("amount_nanos", Int64, nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["intents.request_id"],
        ),
        sa.PrimaryKeyConstraint("request_id", "budget_id"),
        sqlite_strict=True,
    )


def _create_usage_events() -> None:
    op.create_table(
        "usage_events",
        sa.Column("seq", Int64, autoincrement=True, nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("booked_at_us", Int64, nullable=False),
        sa.Column("finished_at_us", Int64, nullable=False),
        sa.Column("ending", sa.Text(), nullable=False),
        sa.Column("status", Int64, nullable=True),
        sa.Column("usage_source", sa.Text(), nullable=False),
        sa.Column("usage", sa.Text(), nullable=False),
        sa.Column("input_tokens", Int64, nullable=False),
        sa.Column("output_tokens", Int64, nullable=False),
        sa.Column("cost_nanos", Int64, nullable=True),
        sa.Column("cost_basis", sa.Text(), nullable=False),
        sa.Column("list_token_cost_nanos", Int64, nullable=True),
        sa.Column("contract_cost_nanos", Int64, nullable=True),
        sa.Column("stated_cost_nanos", Int64, nullable=True),
        sa.Column("tool_cost_nanos", Int64, nullable=True),
        sa.Column("price_revision", sa.Text(), nullable=True),
        sa.Column("unit_prices", sa.Text(), nullable=False),
        sa.Column("unpriced", sa.Text(), nullable=False),
        sa.Column("raw_usage", sa.Text(), nullable=True),
        sa.Column("likely_cost_nanos", Int64, nullable=True),
        sa.Column("model_returned", sa.Text(), nullable=True),
        sa.Column("service_tier", sa.Text(), nullable=True),
        sa.Column("finish_reason", sa.Text(), nullable=True),
        sa.Column("response_id_hash", sa.Text(), nullable=True),
        sa.Column("first_byte_us", Int64, nullable=True),
        sa.Column("latency_us", Int64, nullable=True),
        sa.Column("response_bytes", Int64, nullable=False),
        sa.Column("cut_reason", sa.Text(), nullable=True),
        sa.Column("findings", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["intents.request_id"],
        ),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("request_id"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )


def _create_corrections() -> None:
    op.create_table(
        "corrections",
        sa.Column("seq", Int64, autoincrement=True, nullable=False),
        sa.Column("correction_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("booked_at_us", Int64, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("previous_cost_nanos", Int64, nullable=True),
        sa.Column("usage_source", sa.Text(), nullable=False),
        sa.Column("usage", sa.Text(), nullable=False),
        sa.Column("input_tokens", Int64, nullable=False),
        sa.Column("output_tokens", Int64, nullable=False),
        sa.Column("cost_nanos", Int64, nullable=True),
        sa.Column("cost_basis", sa.Text(), nullable=False),
        sa.Column("list_token_cost_nanos", Int64, nullable=True),
        sa.Column("contract_cost_nanos", Int64, nullable=True),
        sa.Column("stated_cost_nanos", Int64, nullable=True),
        sa.Column("tool_cost_nanos", Int64, nullable=True),
        sa.Column("price_revision", sa.Text(), nullable=True),
        sa.Column("unit_prices", sa.Text(), nullable=False),
        sa.Column("unpriced", sa.Text(), nullable=False),
        sa.Column("raw_usage", sa.Text(), nullable=True),
        sa.Column("ending", sa.Text(), nullable=True),
        sa.Column("status", Int64, nullable=True),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["usage_events.request_id"],
        ),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("correction_id"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("corrections_by_request", "corrections", ["request_id", "seq"], unique=False)
