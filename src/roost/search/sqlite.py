"""Search in SQLite: FTS5, an external-content table over `search_texts` without places in texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from roost.search.contract import Asked
from roost.search.text import Term

STORE = "INSERT INTO search_texts (mid, terms) SELECT value ->> 0, value ->> 1 FROM json_each(?)"
MOVE = """
    INSERT INTO search_marks (cid, seq) SELECT value ->> 0, value ->> 1 FROM json_each(?) WHERE true
    ON CONFLICT (cid) DO UPDATE SET seq = excluded.seq"""
FIND = """
    SELECT messages.mid FROM search_index CROSS JOIN messages ON messages.mid = search_index.rowid
    WHERE search_index MATCH ?1 AND search_index.rowid < ?2 AND messages.recall_time = 0
        AND (?3 IS NULL OR messages.sender = ?3)
    ORDER BY search_index.rowid DESC LIMIT ?4"""


class SQLiteIndex:
    """Implements `roost.search.contract.Index`."""

    def find(self, connection: Connection, asked: Asked) -> list[int]:
        driver: Any = connection.connection.dbapi_connection
        found = driver.execute(FIND, (_match(asked), asked.before, asked.sender, asked.most))
        return [row[0] for row in found]

    def store(self, connection: Connection, rows: Sequence[tuple[int, str]]) -> None:
        _run(connection, STORE, rows)

    def move(self, connection: Connection, marks: Sequence[tuple[int, int]]) -> None:
        _run(connection, MOVE, marks)


def _run(connection: Connection, sql: str, rows: Sequence[tuple[int, Any]]) -> None:
    driver: Any = connection.connection.dbapi_connection
    driver.execute(sql, (msgspec.json.encode(rows).decode(),))  # one step: see `roost.db.database`


def _match(asked: Asked) -> str:
    return " OR ".join(f"({' AND '.join(_term(cid, term) for term in asked.terms)})" for cid in asked.cids)


def _term(cid: int, term: Term) -> str:
    return f"{cid}{term.text}{' *' * term.beginning}"
