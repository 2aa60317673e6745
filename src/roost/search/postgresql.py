"""Search in PostgreSQL: a GIN index of the terms as a tsvector, which no parser and no dictionary has touched."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import insert

from roost.db.schema import search_marks, search_texts
from roost.search.contract import Asked
from roost.search.text import Term

_put = insert(search_marks)
MOVE = _put.on_conflict_do_update(index_elements=[search_marks.c.cid], set_={"seq": _put.excluded.seq})
FIND = text("""
    SELECT messages.mid FROM search_texts JOIN messages ON messages.mid = search_texts.mid
    WHERE array_to_tsvector(string_to_array(terms, ' ')) @@ CAST(:terms AS tsquery) AND search_texts.mid < :before
        AND messages.recall_time = 0 AND (CAST(:sender AS bigint) IS NULL OR messages.sender = :sender)
    ORDER BY search_texts.mid DESC LIMIT :count""")


class PostgreSQLIndex:
    """Implements `roost.search.contract.Index`."""

    def find(self, connection: Connection, asked: Asked) -> list[int]:
        values = {"terms": _match(asked), "before": asked.before, "sender": asked.sender, "count": asked.most}
        return list(connection.execute(FIND, values).scalars())

    def store(self, connection: Connection, rows: Sequence[tuple[int, str]]) -> None:
        connection.execute(insert(search_texts), [{"mid": mid, "terms": terms} for mid, terms in rows])

    def move(self, connection: Connection, marks: Sequence[tuple[int, int]]) -> None:
        connection.execute(MOVE, [{"cid": cid, "seq": seq} for cid, seq in marks])


def _match(asked: Asked) -> str:
    return " | ".join(f"({' & '.join(_term(cid, term) for term in asked.terms)})" for cid in asked.cids)


def _term(cid: int, term: Term) -> str:
    return f"'{cid}{term.text}'{':*' * term.beginning}"
