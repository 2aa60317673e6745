"""The statements of `roost.journal.append` for MySQL and MariaDB: a batch is a few statements of many rows.

Other nodes write at the same time. A log is locked by its user's row, a conversation by its own; see
docs/decisions/0007-rows-are-locked-heads-derived.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import pymysql
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

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

UIDS = "SELECT user_id, uid FROM users WHERE user_id IN %s AND erased_at IS NULL"
LOCK_CONVERSATIONS = """
    SELECT conversation_id, cid, restricted, large_at IS NOT NULL FROM conversations
    WHERE conversation_id IN %s AND dissolved_at IS NULL
    ORDER BY conversation_id FOR UPDATE"""
MEMBERS = """
    SELECT cid, uid FROM members JOIN conversations USING (cid) WHERE conversation_id IN %s AND large_at IS NULL
    ORDER BY cid, uid"""
HEADS_OF_CONVERSATIONS = """
    SELECT cid, coalesce((SELECT conversation_seq FROM messages WHERE messages.cid = conversations.cid
        ORDER BY messages.cid DESC, conversation_seq DESC LIMIT 1), 0)
    FROM conversations WHERE conversation_id IN %s"""
OPEN = (LOCK_CONVERSATIONS, MEMBERS, HEADS_OF_CONVERSATIONS)
"""Each takes the ids of conversations. Locked before their members are read: nobody joins or leaves until the messages
are stored."""
CREATE_PRIVATE = """
    INSERT INTO conversations (conversation_id, created_at) VALUES (%s, %s)
    ON DUPLICATE KEY UPDATE conversation_id = conversation_id"""
ADD_MEMBERS = """
    INSERT INTO members (cid, uid, role, read_seq, joined_at, muted) VALUES (%s, %s, %s, %s, %s, %s)
    ON DUPLICATE KEY UPDATE cid = cid"""
SENT_BEFORE = """
    SELECT mid, sender, sender_seq, message_id, conversation_id, conversation_seq, message_type, content, create_time,
        server_time, version, edit_time, recall_time, extra
    FROM messages JOIN conversations USING (cid) WHERE (sender, message_id) IN %s"""
CONVERSATION_HEADS = """
    SELECT cid, coalesce((SELECT conversation_seq FROM messages WHERE messages.cid = conversations.cid
        ORDER BY messages.cid DESC, conversation_seq DESC LIMIT 1), 0)
    FROM conversations WHERE cid IN %s"""
"""One step down the index for each; max() with GROUP BY reads the whole conversation."""
LOCK_LOGS = "SELECT uid FROM users WHERE uid IN %s ORDER BY uid FOR UPDATE"
LOG_HEADS = """
    SELECT uid, coalesce((SELECT seq FROM log WHERE log.uid = users.uid ORDER BY log.uid DESC, seq DESC LIMIT 1),
        (SELECT floor FROM logs WHERE logs.uid = users.uid), 0)
    FROM users WHERE uid IN %s"""
STORE_MESSAGES = """
    INSERT INTO messages (mid, sender, sender_seq, message_id, cid, conversation_seq, message_type, content,
        create_time, server_time, extra, version, edit_time, recall_time) VALUES """
STORE_ENTRIES = "INSERT INTO log (uid, seq, mid, origin, logged_at, `change`) VALUES "
STORE_PUSHES = """
    INSERT INTO push_outbox (aid, uid, did, mid, seq, due_at, created_at, attempt, taken_at) VALUES """
STORE_EVENTS = """
    INSERT INTO webhook_outbox (hook, topic, event, body, created_at, due_at, attempt) VALUES """
STORE_PAGES = "INSERT INTO audit (chain, position, kind, written_at, body, digest) VALUES "
SAVE_POSITIONS = """
    INSERT INTO positions (uid, did, mark, synced_at) VALUES (%s, %s, %s, %s)
    ON DUPLICATE KEY UPDATE synced_at = IF(VALUES(mark) >= mark, VALUES(synced_at), synced_at),
        mark = GREATEST(mark, VALUES(mark))"""
DROP_PASSED_MARKS = """
    DELETE marks FROM marks JOIN positions USING (uid, did)
    WHERE (positions.uid, positions.did) IN %s AND marks.seq <= positions.mark"""
NEXT_MIDS = """
    INSERT INTO deployment (name, value) VALUES ('next_mid', 1 + %(count)s)
    ON DUPLICATE KEY UPDATE value = CAST(value AS SIGNED) + %(count)s"""
NEXT_MID = "SELECT CAST(value AS SIGNED) FROM deployment WHERE name = 'next_mid'"
NOT_MUTED, AS_SENT, NOT_TRIED, NOT_SENT = (0,), (1, 0, 0), (0, 0), (0,)
"""What ends every new row of `members`, of `messages` (version, edit_time, recall_time) and of `push_outbox`."""
ROWS = 50
"""Rows stored by one statement."""
JOURNEY = 1_000_000
"""Characters of statements sent together, about; a server takes 16 MB out of the box, 4 bytes for a character."""
DUPLICATE = 1062
"""ER_DUP_ENTRY"""


Statement = tuple[str, Any]
"""SQL and its values."""


class MySQLStatements(ReservedIds):
    """Implements `roost.journal.statements.Statements`."""

    def __init__(self) -> None:
        super().__init__()
        self._conversations_ahead = Ahead()

    def rolled_back(self) -> None:
        self.forget_ids()
        self._conversations_ahead = Ahead()

    def forget(self, conversation: str) -> None:
        """Nothing is remembered."""

    def uids(self, connection: Connection, user_ids: Iterable[str]) -> dict[str, int]:
        return _pairs(connection, UIDS, list(user_ids))

    def conversations(self, connection: Connection, ids: Iterable[str]) -> dict[str, Opened]:
        names = (list(ids),)
        found, belonging, heads = _together(connection, *((sql, names) for sql in OPEN))
        self._conversations_ahead.put(heads)
        members: defaultdict[int, list[int]] = defaultdict(list)
        for cid, uid in belonging:
            members[cid].append(uid)
        return {name: Opened(cid, members[cid], bool(barred), bool(large)) for name, cid, barred, large in found}

    def create_private(self, connection: Connection, ids: Sequence[str], now: int) -> dict[str, int]:
        _store(connection, CREATE_PRIVATE, [(name, now) for name in ids])
        return _pairs(connection, LOCK_CONVERSATIONS, ids)

    def add_members(self, connection: Connection, rows: Sequence[tuple[int, int, str, int, int]]) -> None:
        _store(connection, ADD_MEMBERS, rows, NOT_MUTED)

    def sent_before(self, connection: Connection, keys: Sequence[tuple[int, str]]) -> list[FoundMessage]:
        return [FoundMessage(*row) for row in _run(connection, SENT_BEFORE, (list(keys),))]

    def conversation_heads(self, connection: Connection, cids: Sequence[int]) -> dict[int, int]:
        # Locked by `conversations` or `create_private`.
        return self._conversations_ahead.take(cids) or _pairs(connection, CONVERSATION_HEADS, cids)

    def log_heads(self, connection: Connection, uids: Sequence[int]) -> dict[int, int]:
        if not uids:
            return {}
        wanted = (list(uids),)
        _, heads = _together(connection, (LOCK_LOGS, wanted), (LOG_HEADS, wanted))
        return dict(heads)

    def store(
        self,
        connection: Connection,
        messages: Sequence[MessageRow],
        entries: Sequence[EntryRow],
        besides: Besides = NOTHING,
    ) -> None:
        stores = [
            *_storing(STORE_MESSAGES, messages, AS_SENT),
            *_storing(STORE_ENTRIES, entries),
            *_storing(STORE_PUSHES, besides.pushes, NOT_TRIED),
            *_storing(STORE_PAGES, besides.pages),
            *_storing(STORE_EVENTS, besides.events, NOT_SENT),
        ]
        if not stores:
            return
        try:
            _together(connection, ("SAVEPOINT before_messages", ()), *stores)
        except IntegrityError as error:
            if not _sent_before(error):
                raise
            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT before_messages")
            raise AlreadySent from None

    def one_step(self, conversations: Iterable[str], count: int) -> bool:
        return False

    def save_positions(self, connection: Connection, rows: Sequence[PositionRow]) -> None:
        ordered = sorted(rows)
        _store(connection, SAVE_POSITIONS, ordered)
        if ordered:
            _run(connection, DROP_PASSED_MARKS, ([row[:2] for row in ordered],))

    def next_mids(self, connection: Connection, count: int) -> int:
        def reserve(block: int) -> int:
            _run(connection, NEXT_MIDS, {"count": block})
            return int(_run(connection, NEXT_MID, ()).scalar_one()) - block

        return self.take_ids(count, reserve)


def _sent_before(error: IntegrityError) -> bool:
    number, text = error.orig.args[:2] if error.orig else (0, "")
    return number == DUPLICATE and "sent_once" in text


def _run(connection: Connection, sql: str, parameters: Any) -> Any:
    return connection.exec_driver_sql(sql, parameters)


def _storing(sql: str, rows: Sequence[Sequence[Any]], same: tuple[int, ...] = ()) -> Iterator[Statement]:
    """Statements that store rows, each ended by what is the `same` in all."""
    for first in range(0, len(rows), ROWS):
        some = [(*row, *same) for row in rows[first : first + ROWS]]
        yield sql + ",".join(["%s"] * len(some)), some


def _together(connection: Connection, *statements: Statement) -> list[Sequence[Any]]:
    """Statements in as few journeys to the server as there may be; the rows of each."""
    driver, dialect = cast("Any", connection.connection.driver_connection), cast("Any", connection.dialect)
    rows: list[Sequence[Any]] = []
    try:
        with driver.cursor() as cursor:
            for journey in _journeys(cursor.mogrify(sql, values) for sql, values in statements):
                cursor.execute(journey)
                rows.append(cursor.fetchall())
                while cursor.nextset():
                    rows.append(cursor.fetchall())
    except pymysql.Error as error:
        lost = dialect.is_disconnect(error, driver, None)
        if lost:
            connection.invalidate(error)
        sql, values = statements[0]  # any of them
        raise DBAPIError.instance(sql, values, error, pymysql.Error, connection_invalidated=lost) from error
    return rows


def _journeys(statements: Iterable[str]) -> Iterator[str]:
    """Statements as texts of some size: what the server takes at once has a limit."""
    some: list[str] = []
    size = 0
    for statement in statements:
        if some and size + len(statement) > JOURNEY:
            yield ";".join(some)
            some, size = [], 0
        some.append(statement)
        size += len(statement)
    yield ";".join(some)


def _pairs(connection: Connection, sql: str, wanted: Sequence[Any]) -> dict[Any, Any]:
    return {row[0]: row[1] for row in _run(connection, sql, (list(wanted),))} if wanted else {}


def _store(connection: Connection, sql: str, rows: Sequence[Sequence[Any]], same: tuple[int, ...] = ()) -> None:
    """Stores rows, each ended by what is the `same` in all.

    The driver makes few statements of many rows where every value is a parameter, and one for each row otherwise.
    """
    if rows:
        connection.exec_driver_sql(sql, [(*row, *same) for row in rows])
