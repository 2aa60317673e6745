"""What operators found of reports."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("reports", sa.Column("closed", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("reports", sa.Column("resolution", sa.String(length=20), nullable=True))
    op.add_column("reports", sa.Column("note", sa.Text(), nullable=True))
    op.add_column("reports", sa.Column("closed_by", sa.String(length=110), nullable=True))
    op.add_column("reports", sa.Column("closed_at", sa.BigInteger(), nullable=True))
    op.create_index("reports_by_state", "reports", ["closed", "report_id"], unique=False)
