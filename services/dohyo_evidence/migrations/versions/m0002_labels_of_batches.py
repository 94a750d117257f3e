"""Labels of rows that batch runs have scored."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "batch_labels",
        sa.Column("namespace", sa.String(length=63), nullable=False),
        sa.Column("deployment", sa.String(length=253), nullable=False),
        sa.Column("run", sa.String(length=200), nullable=False),
        sa.Column("nonce", sa.String(length=32), nullable=False),
        sa.Column("version", sa.String(length=63), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("received", sa.Float(), nullable=False),
        sa.Column("classes", sa.Boolean(), nullable=False),
        sa.Column("predicted", sa.Float(), nullable=False),
        sa.Column("label", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "deployment", "run", "nonce", "version"),
    )
    op.create_index("batch_labels_by_time", "batch_labels", ["at"], unique=False)


def downgrade() -> None:
    op.drop_index("batch_labels_by_time", table_name="batch_labels")
    op.drop_table("batch_labels")
