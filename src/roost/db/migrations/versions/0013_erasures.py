"""Users whose data is being erased, or was."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("users", sa.Column("erased_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "erasures",
        sa.Column("uid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("passed", sa.String(64), nullable=False),
        sa.Column("emptied", sa.BigInteger(), nullable=False),
        sa.Column("worked_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("uid"),
    )
