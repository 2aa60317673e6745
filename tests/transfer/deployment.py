"""A deployment that has something of everything, and what a database holds, to be compared."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.server import Server
from sqlalchemy import select

from roost.db.schema import metadata
from roost.transfer.address import Address, parse
from roost.transfer.counters import last_given

PASSWORD = "a long enough one"
CONTENTS = [
    "good morning",
    "🐓 ünïcödé, \u4f60\u597d, e\u0301 and \u00e9, \u200d",
    "'quoted', \"twice\", `thrice`, 100 % of %s and %(name)s and ?, \\N, \\, \\t and \\\\",
    "tab\there, lines\r\n\n  and spaces at the end   ",
    "\x01\x1a\x7f\ufeff\uffff\U0010ffff",
    "NULL",
    "x" * 5000,
]
"""What copying could spoil."""
PUSH_LOG = (3, "bob", 1, "email", "failed", 7, "the host said:\n550 'no such user' \\.", 7, "7", 1)
PUSH_OUTBOX = (5, 1, 2, 2, 1, 1, 0, 99, 0, 9)


NOBODYS: dict[type, Any] = {int: 900_000, bool: 0, str: "x é", bytes: b"\0" * 32}
"""A value of each type."""


def at(directory: Path) -> Address:
    return parse("--from", f"sqlite:{directory}")


def make(folder: Path) -> Path:
    """The data directory of a server that was used, and stopped."""
    server = Server(folder)
    server.start()
    try:
        _use(server)
    finally:
        server.stop()
    with sqlite3.connect(server.data / "roost.db") as database:
        _insert(database, "push_outbox", [PUSH_OUTBOX])
        _insert(database, "push_log", [PUSH_LOG])
        for table, row in (("search_texts", (99, "1whello")), ("search_marks", (99, 1)), ("search_again", (99,))):
            _insert(database, table, [row])  # as if it were still indexing
        # Keys that were given, and whose rows have gone.
        _insert(database, "users", [(41, "ghost", None, None, 1, 0, None, None)])
        _insert(database, "push_outbox", [(77, *PUSH_OUTBOX[1:])])
        database.execute("DELETE FROM users WHERE uid = 41")
        database.execute("DELETE FROM push_outbox WHERE task_id = 77")
        _insert(database, "conversation_log", [(99, 1, None, 0, "{}"), (99, 2, None, 0, "{}")])
        _fill(database)
    database.close()
    return server.data


def _insert(database: sqlite3.Connection, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    for row in rows:
        database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608


def _fill(database: sqlite3.Connection) -> None:
    """A row in each table that has none: of nobody, so that whoever starts a server on it does nothing with it."""
    for table in metadata.sorted_tables:
        if not database.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0]:  # noqa: S608
            _insert(database, table.name, [tuple(NOBODYS[column.type.python_type] for column in table.columns)])


def _use(server: Server) -> None:
    """Three people write to each other, read, react, pin, clear, and log out."""

    def say(method: str, path: str, body: Any, token: str) -> Any:
        return server.request(method, path, body, token)

    def register(name: str) -> str:
        account = {"userID": name, "password": PASSWORD, "deviceID": "7", "displayName": f"{name}, é"}
        return str(server.request("POST", "/auth/register", account)["token"])

    ann, bob, cleo = map(register, ("ann", "bob", "cleo"))
    for content in CONTENTS:
        say("POST", "/messages/user", {"to": "bob", "content": content}, ann)
    say("POST", "/messages/user", {"to": "bob", "content": "for a day", "ttl": 86_400}, ann)
    later = {"conversationID": "p:ann:bob", "content": "later", "sendTime": int((time.time() + 86_400) * 1000)}
    say("POST", "/messages/scheduled", later, ann)
    say("PUT", "/conversations/p:ann:bob/draft", {"content": "the kettle"}, ann)
    say("POST", "/messages/user", {"to": "ann", "content": "and to you", "messageType": 4}, bob)
    say("POST", "/groups", {"groupID": "tea", "name": "Tea ☕", "members": ["bob", "cleo"]}, ann)
    say("POST", "/messages/group", {"to": "tea", "content": "the kettle is on"}, cleo)
    say("PUT", "/blocks/bob", None, cleo)
    say("POST", "/groups/tea/invitations", {"maxUses": 3}, ann)
    say("PUT", "/groups/tea/members/cleo/mute", {"seconds": 60}, ann)
    say("PUT", "/groups/tea/bans/cleo", None, ann)
    say("POST", "/groups", {"groupID": "gone"}, ann)
    say("DELETE", "/groups/gone", None, ann)
    say("POST", "/conversations/p:ann:bob/read", {"conversationSeq": 3}, bob)
    say("PUT", "/conversations/g:tea/mute", {"muted": True}, bob)
    waiting = say("GET", "/messages/offline", None, bob)["messages"]
    first, last = [waiting[0]["serverMsgID"], waiting[1]["serverMsgID"]], [waiting[-1]["serverMsgID"]]
    assert say("POST", "/messages/mark_synced", {"message_ids": first + last}, bob)["synced"] == 3
    assert say("DELETE", "/messages/offline/clear?days=0", None, bob)["cleared"] > 0
    for change in ("reactions/%F0%9F%90%93", "pin"):
        say("PUT", f"/messages/{waiting[0]['serverMsgID']}/{change}", None, bob)
    say("POST", "/devices", {"platform": "email", "email": "bob@example.org"}, bob)
    say("POST", "/devices", {"platform": "apns", "token": "abcdef01", "preview": False, "muted": True}, ann)
    again = server.request("POST", "/auth/login", {"userID": "cleo", "password": PASSWORD, "deviceID": "8"})
    say("POST", "/auth/logout", None, again["token"])


def content(address: Address) -> dict[str, Any]:
    """The rows of every table, and the last keys given."""
    engine = address.open()
    try:
        with engine.reader() as reader:
            found: dict[str, Any] = {
                table.name: [tuple(row) for row in reader.execute(select(table).order_by(*table.primary_key))]
                for table in metadata.sorted_tables
            }
            found["deployment"].sort()
            found["last given"] = {table.name: last for table, last in last_given(reader).items()}
            return found
    finally:
        engine.dispose()
