"""Full-text search."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0008"
down_revision = "0007"

_LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
_ROWID = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_INDEX = {
    "sqlite": (
        """CREATE VIRTUAL TABLE search_index USING fts5(
            terms, content='search_texts', content_rowid='mid', tokenize='ascii', detail='none', columnsize=0)""",
        """CREATE TRIGGER search_text_stored AFTER INSERT ON search_texts BEGIN
            INSERT INTO search_index (rowid, terms) VALUES (NEW.mid, NEW.terms); END""",
        """CREATE TRIGGER search_text_removed AFTER DELETE ON search_texts BEGIN
            INSERT INTO search_index (search_index, rowid, terms) VALUES ('delete', OLD.mid, OLD.terms); END""",
    ),
    "postgresql": (
        "CREATE INDEX search_index ON search_texts USING gin (array_to_tsvector(string_to_array(terms, ' ')))",
    ),
    "mysql": ("CREATE FULLTEXT INDEX search_index ON search_texts (terms)",),
}


def upgrade() -> None:
    op.create_table(
        "search_texts",
        sa.Column("mid", _ROWID, autoincrement=False, nullable=False),
        sa.Column("terms", _LONG_TEXT, nullable=False),
        sa.PrimaryKeyConstraint("mid"),
    )
    op.create_table(
        "search_marks",
        sa.Column("cid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cid"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "search_again",
        sa.Column("mid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("mid"),
        sqlite_with_rowid=False,
    )
    for statement in _INDEX[op.get_bind().dialect.name]:
        op.execute(sa.text(statement))
