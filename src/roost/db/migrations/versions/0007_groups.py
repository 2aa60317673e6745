"""Settings of groups, members who may not write for a time, bans."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    for column in (
        sa.Column("description", sa.String(500), nullable=True),
        sa.Column("avatar", sa.String(500), nullable=True),
        sa.Column("members_invite", sa.Boolean(), nullable=True),
        sa.Column("announcement_only", sa.Boolean(), nullable=True),
        sa.Column("restricted", sa.Boolean(), nullable=True),
    ):
        op.add_column("conversations", column)
    op.create_table(
        "mutes",
        sa.Column("cid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("uid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cid", "uid"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "bans",
        sa.Column("cid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("uid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("banned_by", sa.BigInteger(), nullable=False),
        sa.Column("banned_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cid", "uid"),
        sqlite_with_rowid=False,
    )
