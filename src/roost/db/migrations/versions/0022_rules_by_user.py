"""Mutes, bans and invitations are found by their user, too."""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.create_index("mutes_of_user", "mutes", ["uid"], unique=False)
    op.create_index("bans_of_user", "bans", ["uid"], unique=False)
    op.create_index("invitations_of_user", "invitations", ["made_by"], unique=False)
