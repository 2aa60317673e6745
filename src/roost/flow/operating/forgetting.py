"""What a user leaves behind in tables, apart from messages: each function removes a part of it, in one transaction.

Each may be run twice, and the second time changes nothing.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, update

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
    scheduled,
)
from roost.journal import retention
from roost.model.attachment import Stage


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


def forget_log(tx: Connection, uid: int) -> bool:
    """The beginning of the user's log, which tells of drafts, read marks and the like; whether more is left.

    Nobody can read it any more. Its numbers go on where they were.
    """
    left = retention.forget(tx, uid)
    if not left:
        tx.execute(delete(cursors).where(cursors.c.uid == uid))
    return left
