"""Users who are bots or deactivated; whose tokens were all revoked."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("users", sa.Column("bot", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("users", sa.Column("deactivated_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "barred_tokens",
        sa.Column("user_id", sa.String(50), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id"),
    )
