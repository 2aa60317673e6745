"""Who is in a conversation, as far as this store knows it: from the log, a snapshot, or an answer.

In a small group the log says it: who is there and how far each has read, where that begins for this user; and from
there on each who comes and goes (`roost.model.message.Change.members`). An answer may be ahead of the log; what the log
says afterwards is applied all the same, and comes to the same end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from roost.client.store.marks import (
    begin_marks,
    count_newcomer,
    count_others,
    forget_marks,
    move_read_mark,
    raise_mark,
)
from roost.client.store.stale import CAME_BACK
from roost.model.message import Change, Present
from roost.protocol.answers import Member

if TYPE_CHECKING:
    from roost.client.store.entries import Book


def know_members(book: Book, key: int, members: Iterable[Member | Present], *, all_of_them: bool = True) -> None:
    """Replaces the members of a conversation. Not `all_of_them`: who else is there is not known."""
    rows = [(key, one.user_id, one.role, one.join_time, one.muted_until) for one in members]
    book.execute("DELETE FROM members WHERE conversation = ?", (key,))
    book.connection.executemany(
        "INSERT INTO members (conversation, user_id, role, join_time, muted_until) VALUES (?, ?, ?, ?, ?)", rows
    )
    book.execute("UPDATE conversations SET members_known = ? WHERE key = ?", (all_of_them, key))
    if any(row[1] != book.user_id for row in rows):
        count_newcomer(book, key, 0)


def change_member(book: Book, key: int, change: Change) -> None:
    """Some have come, or somebody has another role or has gone.

    Who comes into a small group comes with `change.members`; without them, the group is a larger one.
    """
    if change.action == "joined":
        known = _known(book, key, change.users)
        if change.members is None and (change.conversation_seq or not known.issuperset(change.users)):
            forget_marks(book, key)
        for user_id in change.users:
            _come(book, key, user_id, change, known=user_id in known)
    elif change.user_id == book.user_id:
        leave(book, key)
    else:
        book.execute("DELETE FROM members WHERE conversation = ? AND user_id = ?", (key, change.user_id))
        book.execute("DELETE FROM marks WHERE conversation = ? AND user_id = ?", (key, change.user_id))
        count_others(book, key)


def _known(book: Book, key: int, names: Sequence[str]) -> set[str]:
    there = "SELECT user_id FROM members WHERE conversation = ? AND user_id IN (SELECT value FROM json_each(?))"
    return {row[0] for row in book.execute(there, (key, msgspec.json.encode(names).decode()))}


def _come(book: Book, key: int, user_id: str, change: Change, *, known: bool) -> None:
    """Somebody is a member, or has another role: `known` as a member before."""
    book.execute(
        "INSERT INTO members (conversation, user_id, role, join_time, muted_until) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET role = excluded.role",
        (key, user_id, change.role or "member", change.time, change.until),
    )
    if not known:
        count_newcomer(book, key, change.conversation_seq)
    if user_id == book.user_id:  # who else is there is not told; it is asked for when somebody wants to know
        book.execute(
            f"UPDATE conversations SET {CAME_BACK}, members_known = members_known AND NOT gone, gone = 0, role = ? "  # noqa: S608
            "WHERE key = ?",
            (change.role or "member", key),
        )
        move_read_mark(book, key, change.conversation_seq)
    else:  # there was nothing for who comes in later
        raise_mark(book, key, user_id, change.conversation_seq, change.conversation_seq)
        if known:  # by an answer that was ahead of the log
            count_others(book, key)


def change_members(book: Book, key: int, members: Sequence[Present]) -> None:
    """An entry says who is in a small group, and how far each has read. Who is not in it has left: see `leave`."""
    if not any(one.user_id == book.user_id for one in members):
        return
    know_members(book, key, members)
    begin_marks(book, key)
    for one in members:
        if one.user_id != book.user_id:
            raise_mark(book, key, one.user_id, one.read_seq, one.read_seq)
    count_others(book, key)


def leave(book: Book, key: int) -> None:
    """This user is in a group no longer: what happens there is not told any more."""
    book.execute("DELETE FROM members WHERE conversation = ?", (key,))
    book.execute("UPDATE conversations SET gone = 1, muted = 0, members_known = 0 WHERE key = ?", (key,))
