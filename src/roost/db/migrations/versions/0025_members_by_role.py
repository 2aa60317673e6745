"""Owner and admins of a group, and who joined first, are found by a key."""

from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.create_index("members_by_role", "members", ["cid", "role", "joined_at", "uid"], unique=False)
