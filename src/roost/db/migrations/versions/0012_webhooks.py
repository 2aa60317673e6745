"""Webhooks."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0012"
down_revision = "0011"

_ROWID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")


def upgrade() -> None:
    op.create_table(
        "webhook_outbox",
        sa.Column("event_id", _ROWID, autoincrement=True, nullable=False),
        sa.Column("hook", sa.String(length=50), nullable=False),
        sa.Column("topic", sa.String(length=110), nullable=False),
        sa.Column("event", sa.String(length=20), nullable=False),
        sa.Column("body", _LONG_TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("events_due", "webhook_outbox", ["hook", "due_at", "event_id"], unique=False)
    op.create_index("events_of_topic", "webhook_outbox", ["hook", "topic", "event_id"], unique=False)
    op.create_table(
        "webhook_failures",
        sa.Column("event_id", _ROWID, autoincrement=False, nullable=False),
        sa.Column("hook", sa.String(length=50), nullable=False),
        sa.Column("topic", sa.String(length=110), nullable=False),
        sa.Column("event", sa.String(length=20), nullable=False),
        sa.Column("body", _LONG_TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("given_up_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("failures_by_time", "webhook_failures", ["given_up_at"], unique=False)
