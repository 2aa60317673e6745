"""What became of a user's pushes is found by the user, to be erased."""

from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.create_index("pushes_to_user", "push_log", ["user_id", "push_id"])
