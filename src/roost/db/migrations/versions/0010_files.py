"""Files that messages carry."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "attachments",
        sa.Column("attachment_id", sa.String(32), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("thumbnail", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("attachment_id"),
    )
    op.create_index("attachments_of_user", "attachments", ["uid"])
    op.create_index("attachments_expiring", "attachments", ["expires_at"])
    op.create_table(
        "attachment_uses",
        sa.Column("attachment_id", sa.String(32), nullable=False),
        sa.Column("mid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("cid", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("attachment_id", "mid"),
        sqlite_with_rowid=False,
    )
    op.create_index("attachments_of_message", "attachment_uses", ["mid"])
