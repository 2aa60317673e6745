"""The statements of `roost.journal.append` for SQLite: rows in and out as one JSON value (see `roost.db.database`).

Nothing is locked row by row: the writer's `BEGIN IMMEDIATE` locks all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from roost.journal.contract import Place
from roost.journal.statements import EntryRow, FoundMessage, MessageRow

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_decode_found = msgspec.json.Decoder(list[FoundMessage]).decode


def _values(count: int) -> str:
    return ", ".join(f"value ->> {index}" for index in range(count))


UIDS = """
    SELECT json_group_array(json_array(user_id, uid)) FROM users WHERE user_id IN (SELECT value FROM json_each(?))"""
CONVERSATIONS = """
    SELECT json_group_array(json_array(conversation_id, cid, head)) FROM conversations
    WHERE conversation_id IN (SELECT value FROM json_each(?)) AND dissolved_at IS NULL"""
CREATE_PRIVATE = """
    INSERT INTO conversations (conversation_id, head, created_at) SELECT value, 0, ? FROM json_each(?)"""
ADD_MEMBERS = f"""
    INSERT INTO members (cid, uid, role, read_seq, joined_at, muted) SELECT {_values(5)}, 0 FROM json_each(?)
    WHERE true ON CONFLICT DO NOTHING"""
MEMBERS = """
    SELECT json_group_array(json_array(cid, json(uids))) FROM (
        SELECT cid, json_group_array(uid) AS uids FROM members
        WHERE cid IN (SELECT value FROM json_each(?)) GROUP BY cid)"""
SENT_BEFORE = """
    SELECT json_group_array(json_array(mid, sender, sender_seq, message_id, conversation_id, conversation_seq,
        message_type, content, create_time, server_time, version, edit_time, recall_time))
    FROM json_each(?) AS wanted CROSS JOIN messages JOIN conversations USING (cid)
    WHERE sender = wanted.value ->> 0 AND message_id = wanted.value ->> 1"""
LOG_HEADS = """
    SELECT json_group_array(json_array(uid, head)) FROM logs WHERE uid IN (SELECT value FROM json_each(?))"""
SAVE_LOG_HEADS = """
    INSERT INTO logs (uid, head, floor) SELECT value ->> 0, value ->> 1, 0 FROM json_each(?) WHERE true
    ON CONFLICT (uid) DO UPDATE SET head = excluded.head"""
SAVE_CONVERSATION_HEADS = """
    UPDATE conversations SET head = saved.value ->> 1 FROM json_each(?) AS saved WHERE cid = saved.value ->> 0"""
INSERT_MESSAGES = f"""
    INSERT INTO messages (mid, sender, sender_seq, message_id, cid, conversation_seq, message_type, content,
        create_time, server_time, version, edit_time, recall_time)
    SELECT {_values(10)}, 1, 0, 0 FROM json_each(?)"""
INSERT_ENTRIES = f"""
    INSERT INTO log (uid, seq, mid, origin, logged_at, change) SELECT {_values(6)} FROM json_each(?)"""
NEXT_MIDS = """
    INSERT INTO deployment (name, value) VALUES ('next_mid', 1 + ?1)
    ON CONFLICT (name) DO UPDATE SET value = value + ?1 RETURNING value - ?1"""


class SQLiteStatements:
    """Implements `roost.journal.statements.Statements`."""

    def uids(self, connection: Connection, user_ids: Iterable[str]) -> dict[str, int]:
        return dict(_query(connection, UIDS, list(user_ids)))

    def conversations(self, connection: Connection, ids: Iterable[str]) -> dict[str, tuple[int, int]]:
        return {name: (cid, head) for name, cid, head in _query(connection, CONVERSATIONS, list(ids))}

    def create_private(self, connection: Connection, ids: Sequence[str], now: int) -> dict[str, tuple[int, int]]:
        _driver(connection).execute(CREATE_PRIVATE, (now, _json(list(ids))))
        return self.conversations(connection, ids)

    def add_members(self, connection: Connection, rows: Sequence[tuple[int, int, str, int, int]]) -> None:
        _store(connection, ADD_MEMBERS, rows)

    def members(self, connection: Connection, cids: Iterable[int]) -> dict[int, list[int]]:
        return dict(_query(connection, MEMBERS, list(cids)))

    def sent_before(self, connection: Connection, keys: Sequence[tuple[int, str]]) -> list[FoundMessage]:
        found: list[FoundMessage] = _decode_found(_scalar(connection, SENT_BEFORE, keys))
        return found

    def log_heads(self, connection: Connection, uids: Sequence[int]) -> dict[int, int]:
        return dict(_query(connection, LOG_HEADS, uids))

    def save_log_heads(self, connection: Connection, heads: Sequence[Place]) -> None:
        _store(connection, SAVE_LOG_HEADS, heads)

    def save_conversation_heads(self, connection: Connection, heads: Sequence[tuple[int, int]]) -> None:
        _store(connection, SAVE_CONVERSATION_HEADS, heads)

    def insert_messages(self, connection: Connection, rows: Sequence[MessageRow]) -> None:
        _store(connection, INSERT_MESSAGES, rows)

    def insert_entries(self, connection: Connection, rows: Sequence[EntryRow]) -> None:
        _store(connection, INSERT_ENTRIES, rows)

    def next_mids(self, connection: Connection, count: int) -> int:
        first: int = _driver(connection).execute(NEXT_MIDS, (count,)).fetchone()[0]
        return first


def _driver(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def _json(value: Any) -> str:
    return _encode(value).decode()


def _scalar(connection: Connection, sql: str, argument: Any) -> str:
    found: str = _driver(connection).execute(sql, (_json(argument),)).fetchone()[0]
    return found


def _query(connection: Connection, sql: str, argument: Any) -> Any:
    return _decode(_scalar(connection, sql, argument))


def _store(connection: Connection, sql: str, rows: Sequence[Any]) -> None:
    if rows:
        _driver(connection).execute(sql, (_json(rows),))
