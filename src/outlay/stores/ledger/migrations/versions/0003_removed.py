"""Rows that were removed on purpose: what explains a gap in a table's sequence numbers."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table of removed rows."""
    op.create_table(
        "removed",
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("first_seq", Int64, autoincrement=False, nullable=False),
        sa.Column("last_seq", Int64, nullable=False),
        sa.Column("removed_at_us", Int64, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("table_name", "first_seq"),
        sqlite_strict=True,
    )
