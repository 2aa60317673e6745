"""Everything the server has of a user, in pieces: as many lines as there are, never all of them in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, select

from roost.db.database import Database
from roost.db.schema import attachments, conversations, devices, members, messages, push_addresses
from roost.journal import reading
from roost.model.attachment import Stage
from roost.model.message import Message
from roost.roster import profiles
from roost.roster.profiles import Profile
from roost.roster.users import Account

PIECE = 500
"""Messages read at once."""

DEVICES = (
    select(devices.c.device_id, devices.c.created_at, devices.c.last_seen)
    .where(devices.c.uid == bindparam("uid"))
    .order_by(devices.c.did)
)
PUSH = (
    select(devices.c.device_id, push_addresses.c.address, push_addresses.c.created_at)
    .select_from(push_addresses.join(devices, devices.c.did == push_addresses.c.did))
    .where(push_addresses.c.uid == bindparam("uid"))
    .order_by(push_addresses.c.aid)
)
FILES = (
    select(
        attachments.c.attachment_id,
        attachments.c.name,
        attachments.c.size,
        attachments.c.media_type,
        attachments.c.created_at,
    )
    .where(attachments.c.uid == bindparam("uid"), attachments.c.stage.in_((int(Stage.READY), int(Stage.SENT))))
    .order_by(attachments.c.attachment_id)
)
CONVERSATIONS = (
    select(
        conversations.c.cid,
        conversations.c.conversation_id,
        conversations.c.name,
        members.c.role,
        members.c.read_seq,
        members.c.muted,
        members.c.joined_at,
    )
    .select_from(members.join(conversations, conversations.c.cid == members.c.cid))
    .where(members.c.uid == bindparam("uid"))
    .order_by(members.c.cid)
)
OWN = (
    select(messages.c.mid, messages.c.cid, messages.c.message_id)
    .where(messages.c.sender == bindparam("uid"), messages.c.message_id > bindparam("after"))
    .order_by(messages.c.message_id)
    .limit(PIECE)
)


async def export(database: Database, account: Account) -> AsyncIterator[tuple[str, Any]]:
    """Kinds and values: the profile, devices, push addresses, files of the user, conversations, messages.

    Messages are those of the conversations that the user is in, the newest first, and then the user's own in others.
    """
    uid = {"uid": account.uid}
    known = await database.read(lambda connection: profiles.of(connection, [account.user_id]))
    yield "profile", _profile(account, known[account.user_id])
    for device in await database.read(lambda connection: connection.execute(DEVICES, uid).all()):
        seen = device.last_seen or None
        yield "device", {"deviceID": device.device_id, "createTime": device.created_at, "lastSeen": seen}
    for push in await database.read(lambda connection: connection.execute(PUSH, uid).all()):
        address = msgspec.Raw(push.address.encode())
        yield "pushAddress", {"deviceID": push.device_id, "address": address, "createTime": push.created_at}
    for file in await database.read(lambda connection: connection.execute(FILES, uid).all()):
        yield "file", dict(zip(("attachmentID", "name", "size", "type", "createTime"), file, strict=True))
    rows = await database.read(lambda connection: connection.execute(CONVERSATIONS, uid).all())
    for row in rows:
        yield (
            "conversation",
            {
                "conversationID": row.conversation_id,
                "name": row.name,
                "role": row.role,
                "readSeq": row.read_seq,
                "muted": bool(row.muted),
                "joinTime": row.joined_at,
            },
        )
    for row in rows:
        before = reading.NO_LIMIT
        while page := await database.read(partial(reading.history, cid=row.cid, before=before, count=PIECE)):
            before = page[0].conversation_seq
            for message in reversed(page):
                yield "message", message
    there, after = {row.cid for row in rows}, ""
    while own := await database.read(partial(_own, uid=account.uid, after=after)):
        after = own[-1].message_id
        mids = [row.mid for row in own if row.cid not in there]
        for message in await database.read(partial(_messages, mids=mids)):
            yield "message", message


def _profile(account: Account, profile: Profile) -> dict[str, Any]:
    return {
        "userID": account.user_id,
        "displayName": account.display_name,
        "avatar": profile.avatar,
        "status": profile.status,
        "presence": profile.presence,
        "bot": bool(account.bot),
        "hasPassword": account.password_hash is not None,
        "createTime": account.created_at,
        "deactivateTime": account.deactivated_at,
    }


def _own(connection: Connection, uid: int, after: str) -> list[Any]:
    return list(connection.execute(OWN, {"uid": uid, "after": after}))


def _messages(connection: Connection, mids: list[int]) -> list[Message]:
    found = reading.messages_by_mid(connection, mids) if mids else {}
    return [found[mid] for mid in mids]
