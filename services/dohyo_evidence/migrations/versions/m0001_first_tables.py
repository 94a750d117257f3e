"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("trial", sa.BigInteger(), nullable=False),
        sa.Column("request", sa.String(length=128), nullable=False),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("trial", "request"),
    )
    op.create_index("events_by_time", "events", ["at"], unique=False)
    op.create_index("events_by_unit", "events", ["trial", "unit"], unique=False)
    op.create_table(
        "exposures",
        sa.Column("trial", sa.BigInteger(), nullable=False),
        sa.Column("track", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("challenger", sa.Boolean(), nullable=False),
        sa.Column("champion_share", sa.Integer(), nullable=False),
        sa.Column("challenger_share", sa.Integer(), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("by_event", sa.Boolean(), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("trial", "track", "unit"),
    )
    op.create_index(
        "exposures_waiting", "exposures", ["trial", "track", "settled", "at"], unique=False
    )
    op.create_table(
        "labels",
        sa.Column("trial", sa.BigInteger(), nullable=False),
        sa.Column("nonce", sa.String(length=32), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("received", sa.Float(), nullable=False),
        sa.Column("challenger", sa.Boolean(), nullable=False),
        sa.Column("numbers", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("label", sa.Float(), nullable=True),
        sa.Column("reward", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("trial", "nonce", "row"),
    )
    op.create_index("labels_by_time", "labels", ["at"], unique=False)
    op.create_index("labels_by_unit", "labels", ["trial", "unit"], unique=False)
    op.create_table(
        "outputs",
        sa.Column("namespace", sa.String(length=63), nullable=False),
        sa.Column("deployment", sa.String(length=253), nullable=False),
        sa.Column("version", sa.String(length=63), nullable=False),
        sa.Column("classes", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "deployment", "version"),
    )
    op.create_table(
        "predictions",
        sa.Column("trial", sa.BigInteger(), nullable=False),
        sa.Column("nonce", sa.String(length=32), nullable=False),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("challenger", sa.Boolean(), nullable=False),
        sa.Column("shadow", sa.Boolean(), nullable=False),
        sa.Column("request", sa.String(length=128), nullable=False),
        sa.Column("numbers", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("paired", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("trial", "nonce"),
    )
    op.create_index("predictions_by_request", "predictions", ["trial", "request"], unique=False)
    op.create_index("predictions_by_time", "predictions", ["at"], unique=False)
    op.create_index("predictions_by_unit", "predictions", ["trial", "unit"], unique=False)
    op.create_table(
        "served",
        sa.Column("trial", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=253), nullable=False),
        sa.Column("incarnation", sa.String(length=64), nullable=False),
        sa.Column("assignment", sa.String(length=64), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("trial", "source", "incarnation", "assignment"),
    )
    op.create_table(
        "trials",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("namespace", sa.String(length=63), nullable=False),
        sa.Column("deployment", sa.String(length=253), nullable=False),
        sa.Column("trial", sa.String(length=200), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("updated", sa.Float(), nullable=False),
        sa.Column("sample", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("trials_by_name", "trials", ["namespace", "deployment", "trial"], unique=True)
    op.create_table(
        "windows",
        sa.Column("namespace", sa.String(length=63), nullable=False),
        sa.Column("deployment", sa.String(length=253), nullable=False),
        sa.Column("version", sa.String(length=63), nullable=False),
        sa.Column("replica", sa.String(length=128), nullable=False),
        sa.Column("shadow", sa.Boolean(), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("dropped", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "namespace", "deployment", "version", "replica", "shadow", "started"
        ),
    )
    op.create_index("windows_by_time", "windows", ["ended"], unique=False)


def downgrade() -> None:
    op.drop_index("windows_by_time", table_name="windows")
    op.drop_table("windows")
    op.drop_index("trials_by_name", table_name="trials")
    op.drop_table("trials")
    op.drop_table("served")
    op.drop_table("outputs")
    op.drop_index("predictions_by_unit", table_name="predictions")
    op.drop_index("predictions_by_time", table_name="predictions")
    op.drop_index("predictions_by_request", table_name="predictions")
    op.drop_table("predictions")
    op.drop_index("labels_by_unit", table_name="labels")
    op.drop_index("labels_by_time", table_name="labels")
    op.drop_table("labels")
    op.drop_index("exposures_waiting", table_name="exposures")
    op.drop_table("exposures")
    op.drop_index("events_by_unit", table_name="events")
    op.drop_index("events_by_time", table_name="events")
    op.drop_table("events")
