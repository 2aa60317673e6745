"""What few messages carry beyond their columns (D9): how it is stored, and whether a draft may carry it."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, bindparam, select

from roost.db.schema import members, messages, users
from roost.errors import Forbidden, InvalidInput, RoostError, UnknownMessage
from roost.model.message import EVERYBODY, Extra, Message
from roost.protocol.codec import encode_json

FIELDS = Extra.__struct_fields__

_decode = msgspec.json.Decoder(Extra).decode

SAID = select(messages.c.mid).where(messages.c.mid == bindparam("mid"), messages.c.cid == bindparam("cid"))
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


def refusal(connection: Connection, extra: Extra, cid: int, author: str) -> RoostError | None:
    """What speaks against a new message of `author` with this in the conversation `cid`, if anything does.

    A reply is to a message of the conversation; members are mentioned, and everybody by the owner or an admin.
    """
    if extra.reply_to is not None:
        asked = {"mid": int(extra.reply_to), "cid": cid}
        if connection.execute(SAID, asked).first() is None:
            return UnknownMessage(f"There is no message {extra.reply_to} in this conversation to reply to.")
    if extra.mentions:
        names = {*extra.mentions} - {EVERYBODY}
        rows = connection.execute(ROLES, {"cid": cid, "names": [*names, author]})
        roles = {row.user_id: row.role for row in rows}
        if strangers := sorted(names - set(roles)):
            return InvalidInput(f"mentions: {strangers[0]} is not a member of this conversation.")
        if EVERYBODY in extra.mentions and roles.get(author) not in {"owner", "admin"}:
            return Forbidden(f"Only the owner and admins of a group may mention {EVERYBODY}.")
    return None
