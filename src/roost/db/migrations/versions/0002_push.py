"""Push: addresses, the outbox, the log of attempts."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ROWID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "push_addresses",
        sa.Column("aid", _ROWID, autoincrement=True, nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("did", sa.BigInteger(), nullable=False),
        sa.Column("platform", sa.String(length=10), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("preview", sa.Boolean(), nullable=False),
        sa.Column("muted", sa.Boolean(), nullable=False),
        sa.Column("told", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("aid"),
        sa.UniqueConstraint("address_hash"),
        sa.UniqueConstraint("did", "platform", name="one_address"),
        sqlite_autoincrement=True,
    )
    op.create_index("addresses_of_user", "push_addresses", ["uid"], unique=False)
    op.create_table(
        "push_log",
        sa.Column("push_id", _ROWID, autoincrement=True, nullable=False),
        sa.Column("user_id", sa.String(length=50), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("push_type", sa.String(length=10), nullable=False),
        sa.Column("push_status", sa.String(length=10), nullable=False),
        sa.Column("push_time", sa.BigInteger(), nullable=False),
        sa.Column("error_msg", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.String(length=64), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("push_id"),
    )
    op.create_index("pushes_of_message", "push_log", ["message_id", "user_id"], unique=False)
    op.create_table(
        "push_outbox",
        sa.Column("task_id", _ROWID, autoincrement=True, nullable=False),
        sa.Column("aid", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("did", sa.BigInteger(), nullable=False),
        sa.Column("mid", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("task_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("pushes_due", "push_outbox", ["due_at"], unique=False)
    op.create_index("pushes_to_address", "push_outbox", ["aid", "task_id"], unique=False)
