"""What few messages carry beyond their columns (D9): how it is stored, and whether a draft may carry it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from sqlalchemy import Connection, bindparam, insert, select

from roost.db.schema import expiring, members, messages, users
from roost.errors import Forbidden, InvalidInput, RoostError, UnknownAttachment, UnknownMessage, UnknownSticker
from roost.journal import attachments, stickers
from roost.journal.contract import Committed, Draft
from roost.model import ids
from roost.model.message import EVERYBODY, Extra, Message, MessageType, message_type_of
from roost.protocol.codec import encode_json

FIELDS = Extra.__struct_fields__

_decode = msgspec.json.Decoder(Extra).decode

SAID = select(messages.c.mid).where(messages.c.mid == bindparam("mid"), messages.c.cid == bindparam("cid"))
OWN = select(messages.c.mid).where(
    messages.c.sender == bindparam("uid"),
    messages.c.message_id == bindparam("name"),
    messages.c.cid == bindparam("cid"),
)
ROLES = (
    select(users.c.user_id, members.c.role)
    .select_from(members.join(users, users.c.uid == members.c.uid))
    .where(members.c.cid == bindparam("cid"), users.c.user_id.in_(bindparam("names", expanding=True)))
)


def put(extra: Extra, message: Message) -> None:
    """Has a message carry it."""
    for name in FIELDS:
        setattr(message, name, getattr(extra, name))


def unpack(text: str, message: Message) -> None:
    """Has a message carry what is stored."""
    put(_decode(text), message)


def pack(message: Message) -> str | None:
    """What a message carries, as it is stored: JSON, or nothing."""
    text = encode_json(Extra(**{name: getattr(message, name) for name in FIELDS})).decode()
    return None if text == "{}" else text


def keep_times(connection: Connection, stored: Iterable[Message]) -> None:
    """Notes when messages that were stored expire, as far as they do."""
    rows = [{"mid": int(message.server_msg_id), "due_at": message.expire_time} for message in stored if message.ttl]
    if rows:
        connection.execute(insert(expiring), rows)


def refusal(
    connection: Connection, draft: Draft, extra: Extra, cid: int, sent: Mapping[tuple[int, str], Committed]
) -> RoostError | None:
    """What speaks against a draft with this in the conversation `cid`, if anything does.

    A reply is to a message of the conversation; members are mentioned, and everybody by the owner or an admin; files
    are carried that the author may see; a sticker is in a pack, or was when what is forwarded was sent.

    `sent` are messages that need not be stored yet, by sender (uid) and message id.
    """
    return (
        _against_reply(connection, draft, extra, cid, sent)
        or _against_mentions(connection, extra, cid, draft.author.user_id)
        or _against_files(connection, draft, extra)
        or _against_sticker(connection, draft, extra)
    )


def _against_reply(
    connection: Connection, draft: Draft, extra: Extra, cid: int, sent: Mapping[tuple[int, str], Committed]
) -> RoostError | None:
    """The same of what it replies to, which is named by the server's id afterwards."""
    if draft.reply_to is None:
        return None
    extra.reply_to = _replied(connection, draft, draft.reply_to, cid, sent)
    if extra.reply_to is None:
        return UnknownMessage(f"There is no message {draft.reply_to} in this conversation to reply to.")
    return None


def _replied(
    connection: Connection, draft: Draft, name: str, cid: int, sent: Mapping[tuple[int, str], Committed]
) -> str | None:
    """The server's id of a message of the conversation that has this one, or has the name from the author."""
    mid = ids.server_id(name)
    if mid is not None and connection.execute(SAID, {"mid": mid, "cid": cid}).first() is not None:
        return name
    if own := sent.get((draft.author.uid, name)):
        return own.message.server_msg_id if own.message.conversation_id == draft.conversation_id else None
    found = connection.execute(OWN, {"uid": draft.author.uid, "name": name, "cid": cid}).scalar()
    return None if found is None else str(found)


def _against_mentions(connection: Connection, extra: Extra, cid: int, author: str) -> RoostError | None:
    """The same of whom it mentions."""
    if extra.mentions:
        names = {*extra.mentions} - {EVERYBODY}
        rows = connection.execute(ROLES, {"cid": cid, "names": [*names, author]})
        roles = {row.user_id: row.role for row in rows}
        if strangers := sorted(names - set(roles)):
            return InvalidInput(f"mentions: {strangers[0]} is not a member of this conversation.")
        if EVERYBODY in extra.mentions and roles.get(author) not in {"owner", "admin"}:
            return Forbidden(f"Only the owner and admins of a group may mention {EVERYBODY}.")
    return None


def _against_files(connection: Connection, draft: Draft, extra: Extra) -> RoostError | None:
    """The same of its files; of those that may be carried the draft has the description afterwards."""
    if not extra.attachments:
        return None
    names = [attachment.id for attachment in extra.attachments]
    attachments.lock(connection, names)
    known = attachments.seen(connection, draft.author.uid, names)
    if missing := [name for name in names if name not in known]:
        return UnknownAttachment(f"There is no file {missing[0]}, or it is not yours to send.")
    extra.attachments = [known[name] for name in names]
    fitting = message_type_of(extra.attachments)
    if draft.message_type == MessageType.TEXT:
        draft.message_type = fitting
    elif draft.message_type != MessageType.FILE and fitting != MessageType.IMAGE:
        return InvalidInput("messageType must be 3 (file): not all of the attachments are pictures.")
    return None


def _against_sticker(connection: Connection, draft: Draft, extra: Extra) -> RoostError | None:
    """The same of its sticker; one that may be carried is as its pack has it afterwards, and its emoji the content."""
    if extra.sticker is None:
        return None
    if not extra.sticker.url:
        try:
            extra.sticker = stickers.find(connection, extra.sticker)
        except UnknownSticker as unknown:
            return unknown
    draft.content = extra.sticker.emoji
    return None
