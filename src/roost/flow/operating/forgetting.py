"""What a user leaves behind in tables, apart from messages: each function removes a part of it, in one transaction.

Each may be run twice, and the second time changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, bindparam, delete, select, update

from roost.db.schema import (
    attachments,
    bans,
    blocks,
    cursors,
    devices,
    drafts,
    invitations,
    marks,
    mutes,
    positions,
    push_log,
    reports,
    scheduled,
)
from roost.flow.messages.changing import recalled
from roost.journal import retention
from roost.model.attachment import Stage
from roost.model.message import Message
from roost.protocol.codec import encode_json

REASON = "erased"
"""The `recallReason` of messages that were erased."""
PUSHES = 1000
"""Lines of what became of pushes that go at once."""

_pushes = (
    select(push_log.c.push_id)
    .where(push_log.c.user_id == bindparam("name"))
    .order_by(push_log.c.push_id)
    .limit(PUSHES)
    .subquery()
)
PUSHES_GO = delete(push_log).where(push_log.c.push_id.in_(select(_pushes)))
COPIES = select(reports.c.report_id, reports.c.copy).where(reports.c.mid.in_(bindparam("mids", expanding=True)))
COPY = update(reports).where(reports.c.report_id == bindparam("of")).values(copy=bindparam("what"))


def forget_device(tx: Connection, uid: int, did: int) -> None:
    """Nothing tells what it was, or where it stood."""
    tx.execute(update(devices).where(devices.c.did == did).values(device_id=f"erased-{did}", last_seen=0))
    for table in (positions, marks):
        tx.execute(delete(table).where(table.c.uid == uid, table.c.did == did))


def take_away_files(tx: Connection, uid: int, now: int) -> None:
    """What was uploaded and never sent. What was sent goes with its message."""
    unsent = attachments.c.stage.in_((int(Stage.UPLOADING), int(Stage.READY)))
    gone = update(attachments).where(attachments.c.uid == uid, unsent)
    tx.execute(gone.values(stage=int(Stage.GONE), expires_at=now))


def forget_wishes(tx: Connection, uid: int) -> None:
    """What was to be sent, and whom the user did not want to hear of. Its profile was emptied before."""
    for table in (scheduled, drafts, blocks):
        tx.execute(delete(table).where(table.c.uid == uid))


def forget_standing(tx: Connection, uid: int) -> None:
    """What the user was in groups that it has left: muted, banned, who had invited others. Its invitations end."""
    for table in (mutes, bans):
        tx.execute(delete(table).where(table.c.uid == uid))
    tx.execute(delete(invitations).where(invitations.c.made_by == uid))


def forget_reports(tx: Connection, uid: int) -> None:
    """Who reported, and in which words. What operators decide by stays: what was reported, for which reason."""
    tx.execute(update(reports).where(reports.c.uid == uid).values(uid=-reports.c.report_id, comment=""))


def empty_reported(tx: Connection, mids: Sequence[int], now: int) -> None:
    """What was kept of messages because they were reported. That they were, who wrote them and what was found stays."""
    for row in tx.execute(COPIES, {"mids": mids}).all():
        message = msgspec.json.decode(row.copy, type=Message)
        if message.recall_reason != REASON:
            tx.execute(COPY, {"of": row.report_id, "what": encode_json(recalled(message, now, REASON)).decode()})


def forget_pushes(tx: Connection, user_id: str) -> bool:
    """The first of what became of pushes to the user; whether there may be more."""
    return tx.execute(PUSHES_GO, {"name": user_id}).rowcount == PUSHES


def forget_log(tx: Connection, uid: int) -> bool:
    """The beginning of the user's log, which tells of drafts, read marks and the like; whether more is left.

    Nobody can read it any more. Its numbers go on where they were.
    """
    left = retention.forget(tx, uid)
    if not left:
        tx.execute(delete(cursors).where(cursors.c.uid == uid))
    return left
