"""The store's file: its tables, and how it is opened.

One SQLite file belongs to one user on one device and to one client at a time. `locking_mode=EXCLUSIVE` makes the
second client fail when it opens the file, and saves the shared memory that several readers would need; the lock
goes with the process, however it ends. WAL with `synchronous=FULL`: what the server is told is stored is on disk.

A message is one row, under the server's id: unique over the deployment, and one for each `(senderID, messageID)`.
So what comes by push, by sync, by refresh and as a receipt meets in the same row, and is updated in place (C6).

- `seq` is the place at which this store first had the message from the log, 0 while only a history page brought it;
- `changed_seq` is its newest place, if the message changed after it was first stored;
- `sent_here` tells that this store's outbox sent it.

`sync` has one row: the position in the log (`last_sync_seq` of `epoch`), which moves in the transaction that stores
the entries, and how far the application was told (`delivered_seq`, and within it `delivered_id`).
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from roost.client.errors import StoreInUse, StoreTooNew
from roost.client.store import drafts, expiry, stale

VERSION = 9
"""The schema's number, kept in `PRAGMA user_version`."""
MEMORY = ":memory:"
"""The store's name for one that is gone with the process."""
CACHE = 8192
"""KiB of page cache: the upper leaves of a large store's indexes."""

PRAGMAS = f"""
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = OFF;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -{CACHE};
"""

SCHEMA = """
CREATE TABLE sync (
    one             INTEGER PRIMARY KEY CHECK (one = 1),
    user_id         TEXT,
    device_id       TEXT NOT NULL,
    epoch           TEXT,
    last_sync_seq   INTEGER NOT NULL DEFAULT 0,
    last_sync_time  INTEGER NOT NULL DEFAULT 0,
    is_syncing      INTEGER NOT NULL DEFAULT 0,
    delivered_seq   INTEGER NOT NULL DEFAULT 0,
    delivered_id    INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE conversations (
    key             INTEGER PRIMARY KEY,
    conversation_id TEXT NOT NULL UNIQUE,
    name            TEXT,
    role            TEXT NOT NULL DEFAULT 'member',
    muted           INTEGER NOT NULL DEFAULT 0,
    gone            INTEGER NOT NULL DEFAULT 0,
    read_seq        INTEGER NOT NULL DEFAULT 0,
    last_seq        INTEGER NOT NULL DEFAULT 0,
    last_time       INTEGER NOT NULL DEFAULT 0,
    known_from      INTEGER NOT NULL DEFAULT 0,
    unread_before   INTEGER NOT NULL DEFAULT 0,
    members_known   INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE members (
    conversation    INTEGER NOT NULL,
    user_id         TEXT NOT NULL,
    role            TEXT NOT NULL,
    join_time       INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (conversation, user_id)
) WITHOUT ROWID;
CREATE TABLE messages (
    server_id        INTEGER PRIMARY KEY,
    conversation     INTEGER NOT NULL,
    conversation_seq INTEGER NOT NULL,
    seq              INTEGER NOT NULL,
    changed_seq      INTEGER,
    message_id       TEXT NOT NULL,
    sender_id        TEXT NOT NULL,
    message_type     INTEGER NOT NULL,
    content          TEXT NOT NULL,
    create_time      INTEGER NOT NULL,
    server_time      INTEGER NOT NULL,
    version          INTEGER NOT NULL,
    edit_time        INTEGER NOT NULL,
    recall_time      INTEGER NOT NULL,
    more             TEXT,
    sent_here        INTEGER NOT NULL
);
CREATE INDEX messages_by_place ON messages (conversation, conversation_seq);
CREATE INDEX messages_by_seq ON messages (seq);
CREATE INDEX messages_changed ON messages (changed_seq) WHERE changed_seq IS NOT NULL;
CREATE TABLE changes (
    seq             INTEGER PRIMARY KEY,
    kind            TEXT NOT NULL,
    conversation    INTEGER NOT NULL,
    body            TEXT NOT NULL
);
CREATE INDEX changes_of_conversation ON changes (conversation, kind);
CREATE TABLE outbox (
    place           INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id      TEXT NOT NULL UNIQUE,
    conversation_id TEXT NOT NULL,
    message_type    INTEGER NOT NULL,
    content         TEXT NOT NULL,
    create_time     INTEGER NOT NULL,
    state           TEXT NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    error_code      INTEGER,
    error           TEXT
);
CREATE TABLE read_marks (
    conversation_id  TEXT PRIMARY KEY,
    conversation_seq INTEGER NOT NULL
) WITHOUT ROWID;
CREATE VIRTUAL TABLE search USING fts5 (
    content, content = 'messages', content_rowid = 'server_id', tokenize = 'unicode61 remove_diacritics 2'
);
"""

MARKS = """
CREATE TABLE marks (
    conversation    INTEGER NOT NULL,
    user_id         TEXT NOT NULL,
    read_seq        INTEGER NOT NULL DEFAULT 0,
    delivered_seq   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (conversation, user_id)
) WITHOUT ROWID;
CREATE TABLE unread_places (
    conversation     INTEGER NOT NULL,
    conversation_seq INTEGER NOT NULL,
    PRIMARY KEY (conversation, conversation_seq)
) WITHOUT ROWID;
ALTER TABLE conversations ADD COLUMN others_read INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN others_delivered INTEGER NOT NULL DEFAULT 0;
"""
"""How far the other members have got, and up to where all of them have; what a snapshot named as unread."""

MARKS_TOLD = """
ALTER TABLE conversations ADD COLUMN marks_told INTEGER NOT NULL DEFAULT 0;
UPDATE conversations SET marks_told = 1 WHERE conversation_id LIKE 'p:%' OR (members_known AND key IN (
    SELECT conversation FROM members GROUP BY conversation HAVING count(*) <= 20));
UPDATE conversations SET others_read = 0, others_delivered = 0 WHERE NOT marks_told AND NOT gone;
DELETE FROM marks WHERE conversation IN (SELECT key FROM conversations WHERE NOT marks_told);
"""
"""Whether the log tells how far the others have read: only there anything of that is kept. Where it had not been noted
it goes by the size that servers have unless it is set."""

STEPS = {
    2: "ALTER TABLE outbox ADD COLUMN more TEXT",
    3: "ALTER TABLE conversations ADD COLUMN settings TEXT;\n"
    "ALTER TABLE members ADD COLUMN muted_until INTEGER NOT NULL DEFAULT 0;\n" + MARKS,
    4: expiry.SCHEMA,
    5: "CREATE TABLE blocks (user_id TEXT PRIMARY KEY, block_time INTEGER NOT NULL) WITHOUT ROWID",
    6: "CREATE TABLE profiles (user_id TEXT PRIMARY KEY, version INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID",
    7: drafts.SCHEMA,
    8: MARKS_TOLD,
    9: stale.SCHEMA,
}
"""What makes of each schema the next, by its number."""


def open_file(path: Path | str, device_id: str) -> sqlite3.Connection:
    """Opens the store, made if missing; `device_id` names this device if it has no name yet.

    Raises `StoreInUse`, `StoreTooNew`, or `sqlite3.DatabaseError` where the file is no store.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
    try:
        connection.executescript(PRAGMAS)
        connection.execute("BEGIN EXCLUSIVE")
        _bring_up_to_date(connection, device_id)
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        connection.close()
        if "locked" in str(error):
            raise StoreInUse(f"Another client has {path} open.") from None
        raise
    except BaseException:
        connection.close()
        raise
    return connection


def _bring_up_to_date(connection: sqlite3.Connection, device_id: str) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise StoreTooNew(f"The store has schema {version}; this version of Roost knows {VERSION}.")
    if version < 1:
        for statement in SCHEMA.split(";\n"):
            connection.execute(statement)
        connection.execute("INSERT INTO sync (one, device_id) VALUES (1, ?)", (device_id,))
    for number, statements in STEPS.items():
        if version < number:
            for statement in statements.strip().split(";\n"):
                connection.execute(statement)
    if version < VERSION:
        connection.execute(f"PRAGMA user_version = {VERSION}")
