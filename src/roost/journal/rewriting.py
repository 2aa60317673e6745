"""A message that is there: finding it, and storing it as it is now (D9).

For the caller's transaction, which locks the conversation first and enters the message again with `Journal.record`.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from roost.db.schema import conversations, messages, search_again, search_texts
from roost.errors import UnknownMessage
from roost.journal import attachments
from roost.journal.extra import pack
from roost.journal.reading import messages_by_mid
from roost.model import ids
from roost.model.message import Message


class Found(NamedTuple):
    """Where a message is, and who wrote it (uid)."""

    mid: int
    sender: int
    cid: int
    conversation_id: str


_WHERE = select(messages.c.mid, messages.c.sender, messages.c.cid, conversations.c.conversation_id).select_from(
    messages.join(conversations, conversations.c.cid == messages.c.cid)
)
BY_SERVER_ID = _WHERE.where(messages.c.mid == bindparam("mid"))
BY_OWN_ID = _WHERE.where(messages.c.sender == bindparam("uid"), messages.c.message_id == bindparam("message_id"))
REWRITE = (
    update(messages)
    .where(messages.c.mid == bindparam("id"))
    .values(
        content=bindparam("new_content"),
        version=bindparam("new_version"),
        edit_time=bindparam("edited"),
        recall_time=bindparam("recalled"),
        extra=bindparam("new_extra"),
    )
)
NOT_FOUND = delete(search_texts).where(search_texts.c.mid == bindparam("mid"))
TO_BE_FOUND = select(search_again.c.mid).where(search_again.c.mid == bindparam("mid"))


def find(connection: Connection, uid: int, name: str | int) -> Found:
    """The message with a server id, or the one that the user `uid` sent under an id of its own.

    Raises `UnknownMessage`.
    """
    row = None
    if (number := ids.server_id(name)) is not None:
        row = connection.execute(BY_SERVER_ID, {"mid": number}).first()
    if row is None and ids.is_message_id(name):
        row = connection.execute(BY_OWN_ID, {"uid": uid, "message_id": str(name)}).first()
    if row is None:
        raise UnknownMessage
    return Found(*row)


def read(connection: Connection, mid: int) -> Message:
    """A message that is there, as it is now; without a seq."""
    return messages_by_mid(connection, [mid])[mid]


def rewrite(connection: Connection, message: Message) -> None:
    """Stores what of a message can become another. What an edited or recalled one said is found no more.

    Where it was recalled, its files go with it.
    """
    if message.recall_time:
        attachments.take_away(connection, int(message.server_msg_id), message.recall_time)
    connection.execute(
        REWRITE,
        {
            "id": int(message.server_msg_id),
            "new_content": message.content,
            "new_version": message.version,
            "edited": message.edit_time,
            "recalled": message.recall_time,
            "new_extra": pack(message),
        },
    )
    if message.edit_time or message.recall_time:
        _index_again(connection, int(message.server_msg_id))


def _index_again(connection: Connection, mid: int) -> None:
    connection.execute(NOT_FOUND, {"mid": mid})
    if connection.execute(TO_BE_FOUND, {"mid": mid}).first() is None:
        connection.execute(insert(search_again).values(mid=mid))
