"""Forwarding: what was said in one conversation, sent to others (D9).

A copy goes the way of every message, with its limits, filter and receipt, and says where it is from. What becomes of
the original later does not change it. Where the original expires, the copy expires with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from roost.db.database import Database
from roost.errors import InvalidInput, MessageRecalled, NotAMember, UnknownConversation, UnknownMessage
from roost.flow.submit import Submit
from roost.journal import rewriting
from roost.journal.contract import Author
from roost.model import ids
from roost.model.message import Message, Origin
from roost.protocol.frames import Group, Private, Sent
from roost.roster import conversations as roster

MAX_TARGETS = 20
"""Conversations that a message is forwarded to at once."""


class Forwarding:
    """The road of forwarded messages."""

    def __init__(self, database: Database, submit: Submit, clock: Callable[[], int]) -> None:
        """`clock` gives milliseconds."""
        self._clock = clock
        self._database = database
        self._submit = submit

    async def forward(
        self,
        author: Author,
        message_id: str | int,
        targets: Sequence[str],
        message_ids: Sequence[str | int] | None,
        *,
        address: str,
    ) -> list[Sent]:
        """Sends a message on to conversations of the author's; a receipt for each.

        `message_ids` are the author's own for the copies, so that asking again is safe. Raises `UnknownMessage`,
        `MessageRecalled`, `NotAMember` and `InvalidInput` before anything is sent; and what sending raises, for the
        first target that is refused: those before it are sent.
        """
        if not 1 <= len(targets) <= MAX_TARGETS or len(set(targets)) < len(targets):
            raise InvalidInput(f"to must name 1-{MAX_TARGETS} conversations, each once.")
        if message_ids is not None and len(message_ids) != len(targets):
            raise InvalidInput("messageIDs must have one id for each conversation.")
        receivers = [receiver_in(author, target) for target in targets]
        message = await self._database.read(lambda connection: _read(connection, author, message_id, targets))
        origin = Origin(
            conversation_id=message.conversation_id,
            server_msg_id=message.server_msg_id,
            sender_id=message.sender_id,
        )
        receipts = []
        for place, (kind, to) in enumerate(receivers):
            send = kind(
                to=to,
                content="" if message.sticker else message.content,
                message_id=None if message_ids is None else message_ids[place],
                message_type=message.message_type,
                attachments=[one.id for one in message.attachments] if message.attachments else None,
                sticker=message.sticker,
                ttl=max(1, -(-(message.expire_time - self._clock()) // 1000)) if message.ttl else 0,
            )
            receipts.append(await self._submit.send(author, send, address=address, forwarded_from=origin))
        return receipts


def receiver_in(author: Author, target: str) -> tuple[type[Private | Group], str]:
    """How a conversation is sent to. Raises `InvalidID`, or `NotAMember` for a private one of others."""
    kind, *names = ids.conversation_id(target).split(":")
    if kind == "g":
        return Group, names[0]
    if author.user_id not in names:
        raise NotAMember
    one, other = names
    return Private, other if one == author.user_id else one


def _read(connection: Connection, author: Author, message_id: str | int, targets: Sequence[str]) -> Message:
    """The message, if the author belongs where it is and to all groups that it is to go to."""
    found = rewriting.find(connection, author.uid, message_id)
    try:
        roster.membership(connection, roster.find(connection, found.conversation_id).cid, author.uid)
    except (NotAMember, UnknownConversation):
        raise UnknownMessage from None
    for target in targets:
        if target.startswith("g:"):
            roster.membership(connection, roster.find(connection, target).cid, author.uid)
    message = rewriting.read(connection, found.mid)
    if message.recall_time:
        raise MessageRecalled
    return message
