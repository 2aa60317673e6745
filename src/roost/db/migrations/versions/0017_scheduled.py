"""Messages that are sent later."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0017"
down_revision = "0016"

_LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
_ROWID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "scheduled",
        sa.Column("sid", _ROWID, autoincrement=True, nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.String(64), nullable=False),
        sa.Column("conversation_id", sa.String(110), nullable=False),
        sa.Column("send", _LONG_TEXT, nullable=False),
        sa.Column("send_time", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sid"),
        sa.UniqueConstraint("uid", "message_id", name="scheduled_once"),
        sqlite_autoincrement=True,
    )
    op.create_index("messages_scheduled", "scheduled", ["due_at"])
