"""What a message carries beyond its columns; pinned messages."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003"
down_revision = "0002"

_LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")


def upgrade() -> None:
    op.add_column("messages", sa.Column("extra", _LONG_TEXT, nullable=True))
    op.create_table(
        "pins",
        sa.Column("cid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("pinned_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cid", "mid"),
        sqlite_with_rowid=False,
    )
