"""Users are found by the beginning of their ids."""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    # The others' unique index goes by code points already.
    if op.get_bind().dialect.name == "postgresql":
        op.execute('CREATE INDEX users_by_name ON users (user_id COLLATE "C")')
