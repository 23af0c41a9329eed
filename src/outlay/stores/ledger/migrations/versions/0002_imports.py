"""Imports of calls made elsewhere: how far each has come, and whether its calls count yet."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table of imports."""
    op.create_table(
        "imports",
        sa.Column("import_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("started_at_us", Int64, nullable=False),
        sa.Column("lines_done", Int64, nullable=False),
        sa.Column("recorded", Int64, nullable=False),
        sa.Column("already_there", Int64, nullable=False),
        sa.Column("skipped", Int64, nullable=False),
        sa.Column("unpriced", Int64, nullable=False),
        sa.Column("spend_nanos", Int64, nullable=False),
        sa.Column("published_at_us", Int64, nullable=True),
        sa.PrimaryKeyConstraint("import_id"),
        sqlite_strict=True,
    )
