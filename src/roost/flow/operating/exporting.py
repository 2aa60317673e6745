"""Everything the server has of a user, in pieces: as many lines as there are, never all of them in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, bindparam, select

from roost.db.database import Database
from roost.db.schema import (
    attachments,
    bans,
    blocks,
    conversations,
    devices,
    drafts,
    invitations,
    members,
    messages,
    mutes,
    positions,
    push_addresses,
    reports,
    scheduled,
    users,
)
from roost.journal import reading
from roost.model.attachment import Stage
from roost.model.message import Message
from roost.roster import profiles
from roost.roster.profiles import Profile
from roost.roster.users import Account

PIECE = 500
"""Messages read at once."""

DEVICES = (
    select(devices.c.device_id, devices.c.created_at, devices.c.last_seen, positions.c.mark)
    .select_from(devices.outerjoin(positions, (positions.c.uid == devices.c.uid) & (positions.c.did == devices.c.did)))
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
BLOCKS = (
    select(users.c.user_id, blocks.c.blocked_at)
    .select_from(blocks.join(users, users.c.uid == blocks.c.blocked))
    .where(blocks.c.uid == bindparam("uid"))
    .order_by(blocks.c.blocked)
)
MUTES = (
    select(conversations.c.conversation_id, mutes.c.until)
    .select_from(mutes.join(conversations, conversations.c.cid == mutes.c.cid))
    .where(mutes.c.uid == bindparam("uid"))
    .order_by(mutes.c.cid)
)
BANS = (
    select(conversations.c.conversation_id, bans.c.banned_at)
    .select_from(bans.join(conversations, conversations.c.cid == bans.c.cid))
    .where(bans.c.uid == bindparam("uid"))
    .order_by(bans.c.cid)
)
INVITATIONS = (
    select(
        conversations.c.conversation_id,
        invitations.c.made_at,
        invitations.c.expires_at,
        invitations.c.max_uses,
        invitations.c.uses,
    )
    .select_from(invitations.join(conversations, conversations.c.cid == invitations.c.cid))
    .where(invitations.c.made_by == bindparam("uid"))
    .order_by(invitations.c.token_hash)
)
REPORTS = (
    select(
        reports.c.report_id,
        reports.c.reason,
        reports.c.comment,
        reports.c.copy,
        reports.c.created_at,
        reports.c.resolution,
    )
    .where(reports.c.uid == bindparam("uid"))
    .order_by(reports.c.report_id)
)
SCHEDULED = (
    select(scheduled.c.conversation_id, scheduled.c.send, scheduled.c.send_time)
    .where(scheduled.c.uid == bindparam("uid"))
    .order_by(scheduled.c.sid)
)
DRAFTS = (
    select(drafts.c.conversation_id, drafts.c.content, drafts.c.updated_at)
    .where(drafts.c.uid == bindparam("uid"))
    .order_by(drafts.c.conversation_id)
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


FACTS: tuple[tuple[str, Select[Any], Callable[[Any], Any]], ...] = (
    (
        "device",
        DEVICES,
        lambda row: {
            "deviceID": row.device_id,
            "createTime": row.created_at,
            "lastSeen": row.last_seen or None,
            "position": row.mark or 0,
        },
    ),
    (
        "pushAddress",
        PUSH,
        lambda row: {
            "deviceID": row.device_id,
            "address": msgspec.Raw(row.address.encode()),
            "createTime": row.created_at,
        },
    ),
    (
        "file",
        FILES,
        lambda row: dict(zip(("attachmentID", "name", "size", "type", "createTime"), row, strict=True)),
    ),
    ("block", BLOCKS, lambda row: {"userID": row.user_id, "blockTime": row.blocked_at}),
    ("mute", MUTES, lambda row: {"conversationID": row.conversation_id, "until": row.until}),
    ("ban", BANS, lambda row: {"conversationID": row.conversation_id, "banTime": row.banned_at}),
    (
        "invitation",
        INVITATIONS,
        lambda row: dict(
            zip(("conversationID", "createTime", "expireTime", "maxUses", "uses"), row, strict=True),
        ),
    ),
    (
        "report",
        REPORTS,
        lambda row: {
            "reportID": str(row.report_id),
            "reason": row.reason,
            "comment": row.comment,
            "message": msgspec.Raw(row.copy.encode()),
            "createTime": row.created_at,
            "resolution": row.resolution,
        },
    ),
    (
        "scheduled",
        SCHEDULED,
        lambda row: {
            "conversationID": row.conversation_id,
            "sendTime": row.send_time,
            "message": msgspec.Raw(row.send.encode()),
        },
    ),
    (
        "draft",
        DRAFTS,
        lambda row: {"conversationID": row.conversation_id, "content": row.content, "updateTime": row.updated_at},
    ),
    (
        "conversation",
        CONVERSATIONS,
        lambda row: {
            "conversationID": row.conversation_id,
            "name": row.name,
            "role": row.role,
            "readSeq": row.read_seq,
            "muted": bool(row.muted),
            "joinTime": row.joined_at,
        },
    ),
)
"""Kinds of what there are not too many of: how they are found, and shown."""


async def export(database: Database, account: Account) -> AsyncIterator[tuple[str, Any]]:
    """Kinds and values: the profile, then `FACTS`, then messages.

    Messages are those of the conversations that the user is in, the newest first, and then the user's own in others.
    """
    known = await database.read(lambda connection: profiles.of(connection, [account.user_id]))
    yield "profile", _profile(account, known[account.user_id])
    there: list[int] = []
    for kind, statement, shown in FACTS:
        for row in await database.read(partial(_rows, statement, uid=account.uid)):
            yield kind, shown(row)
            if kind == "conversation":
                there.append(row.cid)
    for cid in there:
        before = reading.NO_LIMIT
        while page := await database.read(partial(reading.history, cid=cid, before=before, count=PIECE)):
            before = page[0].conversation_seq
            for message in reversed(page):
                yield "message", message
    after = ""
    while own := await database.read(partial(_own, uid=account.uid, after=after)):
        after = own[-1].message_id
        mids = [row.mid for row in own if row.cid not in there]
        for message in await database.read(partial(_messages, mids=mids)):
            yield "message", message


def _rows(statement: Select[Any], connection: Connection, uid: int) -> list[Any]:
    return list(connection.execute(statement, {"uid": uid}))


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
