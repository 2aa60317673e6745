"""Profiles, and who sees whether a user is online."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "profiles",
        sa.Column("uid", sa.BigInteger().with_variant(sa.Integer, "sqlite"), autoincrement=False, nullable=False),
        sa.Column("avatar", sa.String(500), nullable=True),
        sa.Column("status", sa.String(200), nullable=True),
        sa.Column("presence", sa.String(10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("uid"),
    )
