"""The statements of `roost.journal.append` for PostgreSQL: a batch is a few statements that take its columns as arrays.

Other nodes write at the same time. A log is locked by its user's row, a conversation by its own; see
docs/decisions/0007-rows-are-locked-heads-derived.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from roost.db.postgresql import together
from roost.journal.ahead import Ahead
from roost.journal.reserved import ReservedIds
from roost.journal.statements import (
    NOTHING,
    AlreadySent,
    Besides,
    EntryRow,
    FoundMessage,
    MessageRow,
    Opened,
    PositionRow,
)

UIDS = "SELECT user_id, uid FROM users WHERE user_id = ANY(%s) AND erased_at IS NULL"
LOCK_CONVERSATIONS = """
    SELECT conversation_id, cid, restricted, large_at IS NOT NULL FROM conversations
    WHERE conversation_id = ANY(%s) AND dissolved_at IS NULL
    ORDER BY cid FOR NO KEY UPDATE"""
MEMBERS = """
    SELECT cid, array_agg(uid ORDER BY uid) FROM members JOIN conversations USING (cid)
    WHERE conversation_id = ANY(%s) AND large_at IS NULL GROUP BY cid"""
HEADS_OF_CONVERSATIONS = """
    SELECT cid, coalesce((SELECT max(conversation_seq) FROM messages WHERE messages.cid = conversations.cid), 0)
    FROM conversations WHERE conversation_id = ANY(%s)"""
CREATE_PRIVATE = """
    INSERT INTO conversations (conversation_id, created_at) SELECT unnest(%s::text[]), %s ON CONFLICT DO NOTHING"""
ADD_MEMBERS = """
    INSERT INTO members (cid, uid, role, read_seq, joined_at, muted)
    SELECT *, false FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::bigint[], %s::bigint[])
    ON CONFLICT DO NOTHING"""
SENT_BEFORE = """
    SELECT mid, sender, sender_seq, message_id, conversation_id, conversation_seq, message_type, content, create_time,
        server_time, version, edit_time, recall_time, extra
    FROM unnest(%s::bigint[], %s::text[]) AS wanted (sender, message_id)
    JOIN messages USING (sender, message_id) JOIN conversations USING (cid)"""
CONVERSATION_HEADS = """
    SELECT wanted, coalesce((SELECT max(conversation_seq) FROM messages WHERE cid = wanted), 0)
    FROM unnest(%s::bigint[]) AS wanted"""
LOCK_LOGS = "SELECT uid FROM users WHERE uid = ANY(%s::bigint[]) ORDER BY uid FOR NO KEY UPDATE"
LOG_HEADS = """
    SELECT wanted, coalesce(
        (SELECT max(seq) FROM log WHERE uid = wanted), (SELECT floor FROM logs WHERE uid = wanted), 0)
    FROM unnest(%s::bigint[]) AS wanted"""
LOCK_LOGS_OF_MEMBERS = """
    SELECT uid FROM users WHERE uid = ANY(ARRAY(
        SELECT members.uid FROM members JOIN conversations USING (cid)
        WHERE conversation_id = ANY(%s) AND large_at IS NULL))
    ORDER BY uid FOR NO KEY UPDATE"""
LOG_HEADS_OF_MEMBERS = """
    SELECT uid, coalesce(
        (SELECT max(seq) FROM log WHERE log.uid = users.uid), (SELECT floor FROM logs WHERE logs.uid = users.uid), 0)
    FROM users WHERE uid = ANY(ARRAY(
        SELECT members.uid FROM members JOIN conversations USING (cid)
        WHERE conversation_id = ANY(%s) AND large_at IS NULL))"""
OPEN = (LOCK_CONVERSATIONS, MEMBERS, HEADS_OF_CONVERSATIONS, LOCK_LOGS_OF_MEMBERS, LOG_HEADS_OF_MEMBERS)
"""Each takes the ids of conversations. Locked before their members are read: nobody joins or leaves until the messages
are stored."""
STORE_MESSAGES = """
    INSERT INTO messages (mid, sender, sender_seq, message_id, cid, conversation_seq, message_type, content,
        create_time, server_time, extra, version, edit_time, recall_time)
    SELECT *, 1, 0, 0 FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::bigint[], %s::bigint[],
        %s::int[], %s::text[], %s::bigint[], %s::bigint[], %s::text[])
    ON CONFLICT (sender, message_id) DO NOTHING"""
STORE_ENTRIES = """
    INSERT INTO log (uid, seq, mid, origin, logged_at, change)
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[])"""
STORE_PUSHES = """
    INSERT INTO push_outbox (aid, uid, did, mid, seq, due_at, created_at, attempt, taken_at)
    SELECT *, 0, 0 FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
        %s::bigint[])"""
STORE_PAGES = """
    INSERT INTO audit (chain, position, kind, written_at, body, digest)
    SELECT * FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::bigint[], %s::text[], %s::text[])"""
STORE_EVENTS = """
    INSERT INTO webhook_outbox (hook, topic, event, body, created_at, due_at, attempt)
    SELECT *, 0 FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[])"""
STORES = (STORE_MESSAGES, STORE_ENTRIES, STORE_PUSHES, STORE_PAGES, STORE_EVENTS)
SAVE_POSITIONS = """
    INSERT INTO positions (uid, did, mark, synced_at)
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
    ON CONFLICT (uid, did) DO UPDATE SET mark = excluded.mark, synced_at = excluded.synced_at
    WHERE excluded.mark >= positions.mark"""
DROP_PASSED_MARKS = """
    DELETE FROM marks USING unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS saved (uid, did, mark)
    WHERE marks.uid = saved.uid AND marks.did = saved.did AND marks.seq <= saved.mark"""
NEXT_MIDS = """
    INSERT INTO deployment (name, value) VALUES ('next_mid', 1 + %(count)s::bigint)
    ON CONFLICT (name) DO UPDATE SET value = deployment.value::bigint + %(count)s
    RETURNING value::bigint - %(count)s"""


class PostgreSQLStatements(ReservedIds):
    """Implements `roost.journal.statements.Statements`."""

    def __init__(self) -> None:
        super().__init__()
        self._conversations_ahead, self._logs_ahead = Ahead(), Ahead()

    def rolled_back(self) -> None:
        self.forget_ids()
        self._conversations_ahead, self._logs_ahead = Ahead(), Ahead()

    def forget(self, conversation: str) -> None:
        """Nothing is remembered."""

    def uids(self, connection: Connection, user_ids: Iterable[str]) -> dict[str, int]:
        return _pairs(connection, UIDS, list(user_ids))

    def conversations(self, connection: Connection, ids: Iterable[str]) -> dict[str, Opened]:
        names = (_array(list(ids)),)
        found, members, heads, _, log_heads = together(connection, *((sql, names) for sql in OPEN))
        self._conversations_ahead.put(heads.rows)
        self._logs_ahead.put(log_heads.rows)
        uids = dict(members.rows)
        return {name: Opened(cid, uids.get(cid, []), bool(barred), large) for name, cid, barred, large in found.rows}

    def create_private(self, connection: Connection, ids: Sequence[str], now: int) -> dict[str, int]:
        _run(connection, CREATE_PRIVATE, (list(ids), now))
        return _pairs(connection, LOCK_CONVERSATIONS, list(ids))

    def add_members(self, connection: Connection, rows: Sequence[tuple[int, int, str, int, int]]) -> None:
        _store(connection, ADD_MEMBERS, rows)

    def sent_before(self, connection: Connection, keys: Sequence[tuple[int, str]]) -> list[FoundMessage]:
        return [FoundMessage(*row) for row in _run(connection, SENT_BEFORE, _columns(keys))]

    def conversation_heads(self, connection: Connection, cids: Sequence[int]) -> dict[int, int]:
        # Locked by `conversations` or `create_private`.
        return self._conversations_ahead.take(cids) or _pairs(connection, CONVERSATION_HEADS, cids)

    def log_heads(self, connection: Connection, uids: Sequence[int]) -> dict[int, int]:
        if ahead := self._logs_ahead.take(uids):
            return ahead
        wanted = (_array(uids),)
        _, heads = together(connection, (LOCK_LOGS, wanted), (LOG_HEADS, wanted))
        return dict(heads.rows)

    def store(
        self,
        connection: Connection,
        messages: Sequence[MessageRow],
        entries: Sequence[EntryRow],
        besides: Besides = NOTHING,
    ) -> None:
        every = zip(STORES, (messages, entries, *besides), strict=True)
        stores = [(sql, _columns(rows)) for sql, rows in every if rows]
        if messages:
            stored, *_ = together(connection, *stores, savepoint="before_messages")
            if stored.size < len(messages):
                connection.exec_driver_sql("ROLLBACK TO SAVEPOINT before_messages")
                raise AlreadySent
        elif stores:
            together(connection, *stores)

    def one_step(self, conversations: Iterable[str], count: int) -> bool:
        return False

    def save_positions(self, connection: Connection, rows: Sequence[PositionRow]) -> None:
        ordered = sorted(rows)
        _store(connection, SAVE_POSITIONS, ordered)
        _store(connection, DROP_PASSED_MARKS, [row[:3] for row in ordered])

    def next_mids(self, connection: Connection, count: int) -> int:
        return self.take_ids(count, lambda block: int(_run(connection, NEXT_MIDS, {"count": block}).scalar_one()))


def _run(connection: Connection, sql: str, parameters: Any) -> Any:
    return connection.exec_driver_sql(sql, parameters)


def _pairs(connection: Connection, sql: str, wanted: Sequence[Any]) -> dict[Any, Any]:
    return {row[0]: row[1] for row in _run(connection, sql, (_array(wanted),))}


def _columns(rows: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
    return tuple(_array(column) for column in zip(*rows, strict=True))


def _array(values: Sequence[int] | Sequence[str | None]) -> str:
    """A column, as an array is written (PostgreSQL 8.15.2): it costs the driver several times as much."""
    return f"{{{','.join([str(value) if isinstance(value, int) else _quoted(value) for value in values])}}}"


def _quoted(text: str | None) -> str:
    if text is None:
        return "NULL"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _store(connection: Connection, sql: str, rows: Sequence[Sequence[Any]]) -> int:
    """Rows as columns, each an array; returns how many were stored."""
    return int(_run(connection, sql, _columns(rows)).rowcount)
