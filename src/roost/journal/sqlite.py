"""The statements of `roost.journal.append` for SQLite: rows in and out as one JSON value (see `roost.db.database`).

The many rows of a batch are stored by `roost.journal.sqlitestore`, which does not take them apart.
Nothing is locked row by row: the writer's `BEGIN IMMEDIATE` locks all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from roost.journal.sqlitestore import PREPARE, store
from roost.journal.statements import (
    NOTHING,
    Besides,
    EntryRow,
    FoundMessage,
    MessageRow,
    Opened,
    PositionRow,
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_decode_found = msgspec.json.Decoder(list[FoundMessage]).decode


def _values(count: int) -> str:
    return ", ".join(f"value ->> {index}" for index in range(count))


UIDS = """
    SELECT json_group_array(json_array(user_id, uid)) FROM users WHERE user_id IN (SELECT value FROM json_each(?))
        AND erased_at IS NULL"""
CONVERSATIONS = """
    SELECT json_group_array(json_array(conversation_id, cid, json(CASE WHEN large_at IS NULL THEN
        (SELECT json_group_array(uid) FROM members WHERE members.cid = conversations.cid) ELSE '[]' END),
        coalesce(restricted, 0), large_at)) FROM conversations
    WHERE conversation_id IN (SELECT value FROM json_each(?)) AND dissolved_at IS NULL"""
CREATE_PRIVATE = """
    INSERT INTO conversations (conversation_id, created_at) SELECT value, ? FROM json_each(?)"""
CREATED = """
    SELECT json_group_array(json_array(conversation_id, cid)) FROM conversations
    WHERE conversation_id IN (SELECT value FROM json_each(?))"""
ADD_MEMBERS = f"""
    INSERT INTO members (cid, uid, role, read_seq, joined_at, muted) SELECT {_values(5)}, 0 FROM json_each(?)
    WHERE true ON CONFLICT DO NOTHING"""
SENT_BEFORE = """
    SELECT json_group_array(json_array(mid, sender, sender_seq, message_id, conversation_id, conversation_seq,
        message_type, content, create_time, server_time, version, edit_time, recall_time, extra))
    FROM json_each(?) AS wanted CROSS JOIN messages JOIN conversations USING (cid)
    WHERE sender = wanted.value ->> 0 AND message_id = wanted.value ->> 1"""
CONVERSATION_HEADS = """
    SELECT json_group_array(json_array(value, coalesce(
        (SELECT max(conversation_seq) FROM messages WHERE cid = value), 0))) FROM json_each(?)"""
LOG_HEADS = """
    SELECT json_group_array(json_array(value, coalesce(
        (SELECT max(seq) FROM log WHERE uid = value), (SELECT floor FROM logs WHERE uid = value), 0)))
    FROM json_each(?)"""
SAVE_POSITIONS = f"""
    INSERT INTO positions (uid, did, mark, synced_at) SELECT {_values(4)} FROM json_each(?) WHERE true
    ON CONFLICT (uid, did) DO UPDATE SET mark = excluded.mark, synced_at = excluded.synced_at
    WHERE excluded.mark >= mark"""
DROP_PASSED_MARKS = """
    DELETE FROM marks WHERE (uid, did, seq) IN (
        SELECT passed.uid, passed.did, passed.seq FROM json_each(?) AS saved CROSS JOIN marks AS passed
        WHERE passed.uid = saved.value ->> 0 AND passed.did = saved.value ->> 1 AND passed.seq <= saved.value ->> 2)"""
NEXT_MIDS = """
    INSERT INTO deployment (name, value) VALUES ('next_mid', 1 + ?1)
    ON CONFLICT (name) DO UPDATE SET value = value + ?1 RETURNING value - ?1"""


MID_BLOCK = 4096
"""Server ids reserved at once (hi-lo): one small write for as many messages; a restart leaves out the rest."""
REMEMBERED = 100_000
"""Heads, and private conversations, kept in memory (some 100 bytes each)."""


class SQLiteStatements:
    """Implements `roost.journal.statements.Statements`.

    This process alone writes to the database, so what it has read or written it may remember: the heads of logs
    and conversations, private conversations (of which only `restricted` changes, see `forget`). For most batches that
    leaves one statement, `store`, which is a transaction of its own. A rollback forgets everything.
    """

    def __init__(self) -> None:
        self._mids = range(0)
        self._private: dict[str, Opened] = {}
        self._conversation_heads: dict[int, int] = {}
        self._log_heads: dict[int, int] = {}
        self._prepared: Any = None

    def rolled_back(self) -> None:
        self._mids = range(0)
        self._prepared = None  # the temporary view and trigger went with the transaction that made them
        for memory in (self._private, self._conversation_heads, self._log_heads):
            memory.clear()

    def forget(self, conversation: str) -> None:
        self._private.pop(conversation, None)

    def uids(self, connection: Connection, user_ids: Iterable[str]) -> dict[str, int]:
        return dict(_query(connection, UIDS, list(user_ids)))

    def conversations(self, connection: Connection, ids: Iterable[str]) -> dict[str, Opened]:
        known = self._private
        found = {name: known[name] for name in ids if name in known}
        missing = [name for name in ids if name not in known]
        if missing:
            for name, cid, members, restricted, large_at in _query(connection, CONVERSATIONS, missing):
                found[name] = Opened(cid, members, bool(restricted), large_at is not None)
                if name.startswith("p:"):
                    _remember(known, {name: found[name]})
        return found

    def create_private(self, connection: Connection, ids: Sequence[str], now: int) -> dict[str, int]:
        _driver(connection).execute(CREATE_PRIVATE, (now, _json(ids)))
        return dict(_query(connection, CREATED, ids))

    def add_members(self, connection: Connection, rows: Sequence[tuple[int, int, str, int, int]]) -> None:
        _store(connection, ADD_MEMBERS, rows)

    def sent_before(self, connection: Connection, keys: Sequence[tuple[int, str]]) -> list[FoundMessage]:
        found: list[FoundMessage] = _decode_found(_scalar(connection, SENT_BEFORE, keys))
        return found

    def conversation_heads(self, connection: Connection, cids: Sequence[int]) -> dict[int, int]:
        return _heads(connection, CONVERSATION_HEADS, cids, self._conversation_heads)

    def log_heads(self, connection: Connection, uids: Sequence[int]) -> dict[int, int]:
        return _heads(connection, LOG_HEADS, uids, self._log_heads)

    def store(
        self,
        connection: Connection,
        messages: Sequence[MessageRow],
        entries: Sequence[EntryRow],
        besides: Besides = NOTHING,
    ) -> None:
        driver = _driver(connection)
        if driver is not self._prepared:
            for statement in PREPARE:
                driver.execute(statement)
            self._prepared = driver
        store(driver, messages, entries, besides)
        _remember(self._conversation_heads, {message.cid: message.conversation_seq for message in messages})
        _remember(self._log_heads, {entry[0]: entry[1] for entry in entries})

    def one_step(self, conversations: Iterable[str], count: int) -> bool:
        known = self._private
        if self._prepared is None or count > len(self._mids):
            return False
        return all((opened := known.get(name)) is not None and not opened.restricted for name in conversations)

    def save_positions(self, connection: Connection, rows: Sequence[PositionRow]) -> None:
        _store(connection, SAVE_POSITIONS, rows)
        _store(connection, DROP_PASSED_MARKS, rows)

    def next_mids(self, connection: Connection, count: int) -> int:
        if len(self._mids) < count:
            block = max(count, MID_BLOCK)
            first = int(_driver(connection).execute(NEXT_MIDS, (block,)).fetchone()[0])
            self._mids = range(first, first + block)
        first, self._mids = self._mids[0], self._mids[count:]
        return first


def _remember(memory: dict[Any, Any], news: dict[Any, Any]) -> None:
    if len(memory) >= REMEMBERED:
        memory.clear()
    memory.update(news)


def _heads(connection: Connection, sql: str, keys: Sequence[int], memory: dict[int, int]) -> dict[int, int]:
    missing = [key for key in keys if key not in memory]
    if missing:
        found = dict(_query(connection, sql, missing))
        return found | {key: memory[key] for key in keys if key in memory}
    return {key: memory[key] for key in keys}


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
    _driver(connection).execute(sql, (_json(rows),))
