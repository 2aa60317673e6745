"""Packs of stickers."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "sticker_packs",
        sa.Column("pack_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pack_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "stickers",
        sa.Column("pack_id", sa.String(64), nullable=False),
        sa.Column("sticker_id", sa.String(64), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("emoji", sa.String(16), nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("pack_id", "sticker_id"),
        sqlite_with_rowid=False,
    )
