"""Files that are the pictures of users and groups."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.create_table(
        "avatars",
        sa.Column("uid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("cid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("attachment_id", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("uid", "cid"),
        sqlite_with_rowid=False,
    )
    op.create_index("avatars_of_attachment", "avatars", ["attachment_id"])
