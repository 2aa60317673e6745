"""Large conversations: logs of their own, and how far these went into the logs of their members."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("conversations", sa.Column("large_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "conversation_log",
        sa.Column("cid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("place", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mid", sa.BigInteger(), nullable=True),
        sa.Column("fresh", sa.Boolean(), nullable=False),
        sa.Column("change", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("cid", "place"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "cursors",
        sa.Column("uid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("cid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("uid", "cid"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "calls",
        sa.Column("cid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("place", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mid", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cid", "place"),
        sqlite_with_rowid=False,
    )
