"""Which messages carry which files (D9): written with the message, in its transaction.

So a file that a message carries is never removed for being unused, and one whose last message is recalled is out of
reach with the recall, unless it is somebody's picture (`roost.journal.avatars`), or waits for a message that its owner
has scheduled. The rows of files are locked before they are looked at: who sends a file, and who removes it because
nobody has sent it, take turns.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, and_, bindparam, delete, func, insert, or_, select, union_all, update

from roost.db.schema import attachment_uses, attachments, avatars, members, scheduled
from roost.errors import UnknownAttachment
from roost.model.attachment import Attachment, Stage

GRACE = 86_400_000
"""Milliseconds for which the files of a scheduled message are kept beyond its time: the server may be away."""

_uid: BindParameter[int] = bindparam("uid")
_ids: BindParameter[Any] = bindparam("ids", expanding=True)

_IN_A_CONVERSATION_OF = (
    select(members.c.uid)
    .select_from(attachment_uses.join(members, members.c.cid == attachment_uses.c.cid))
    .where(attachment_uses.c.attachment_id == attachments.c.attachment_id, members.c.uid == _uid)
    .correlate(attachments)
    .exists()
)
_SEEN_BY = or_(
    and_(attachments.c.stage == int(Stage.READY), attachments.c.uid == _uid),
    and_(attachments.c.stage == int(Stage.SENT), or_(attachments.c.uid == _uid, _IN_A_CONVERSATION_OF)),
)
COLUMNS = (
    attachments.c.attachment_id,
    attachments.c.name,
    attachments.c.size,
    attachments.c.media_type,
    attachments.c.width,
    attachments.c.height,
    attachments.c.thumbnail,
)
"""What an `Attachment` is made of, in the order of its fields."""
SEEN = select(*COLUMNS).where(attachments.c.attachment_id.in_(_ids), _SEEN_BY)
LOCK = select(attachments.c.attachment_id).where(attachments.c.attachment_id.in_(_ids)).with_for_update()
SEND = update(attachments).where(attachments.c.attachment_id.in_(_ids)).values(stage=int(Stage.SENT), expires_at=None)
HOLD = (
    update(attachments)
    .where(attachments.c.attachment_id.in_(_ids), attachments.c.expires_at < bindparam("until"))
    .values(expires_at=bindparam("until"))
)
CARRIED = select(attachment_uses.c.attachment_id).where(attachment_uses.c.mid == bindparam("mid"))
STILL_USED = union_all(
    select(attachment_uses.c.attachment_id).where(attachment_uses.c.attachment_id.in_(_ids)),
    select(avatars.c.attachment_id).where(avatars.c.attachment_id.in_(_ids)),
)
SCHEDULED = (
    select(attachments.c.attachment_id, func.max(scheduled.c.send_time))
    .select_from(attachments.join(scheduled, scheduled.c.uid == attachments.c.uid))
    .where(attachments.c.attachment_id.in_(_ids), scheduled.c.send.contains(attachments.c.attachment_id))
    .group_by(attachments.c.attachment_id)
)
WAIT = (
    update(attachments)
    .where(attachments.c.attachment_id == bindparam("id"))
    .values(stage=int(Stage.READY), expires_at=bindparam("until"))
)
TAKE_AWAY = (
    update(attachments)
    .where(attachments.c.attachment_id.in_(_ids))
    .values(stage=int(Stage.GONE), expires_at=bindparam("now"))
)


class Use(NamedTuple):
    """A message of a conversation that carries files."""

    mid: int
    cid: int
    attachments: Sequence[Attachment]


def seen(connection: Connection, uid: int, ids: Collection[str]) -> dict[str, Attachment]:
    """Those of the files that a user may see: its own, and what messages carry in conversations it belongs to now."""
    rows = connection.execute(SEEN, {"uid": uid, "ids": sorted(ids)})
    return {row[0]: of_row(row) for row in rows}


def of_row(row: Any) -> Attachment:
    """A file, of its `COLUMNS`."""
    return Attachment(**dict(zip(Attachment.__struct_fields__, row, strict=True)))


def lock(connection: Connection, ids: Collection[str]) -> None:
    """Nobody else sends or removes these until the transaction ends."""
    connection.execute(LOCK, {"ids": sorted(ids)}).all()


def hold(connection: Connection, uid: int, ids: Collection[str], send_time: int) -> None:
    """Keeps files for a message that will carry them at a time (ms). Raises `UnknownAttachment`."""
    lock(connection, ids)
    known = seen(connection, uid, ids)
    if missing := [name for name in ids if name not in known]:
        raise UnknownAttachment(f"There is no file {missing[0]}, or it is not yours to send.")
    connection.execute(HOLD, {"ids": sorted(ids), "until": send_time + GRACE})


def send(connection: Connection, uses: Sequence[Use]) -> None:
    """Enters which messages carry what."""
    rows: list[dict[str, Any]] = [
        {"attachment_id": attachment.id, "mid": use.mid, "cid": use.cid}
        for use in uses
        for attachment in use.attachments
    ]
    connection.execute(insert(attachment_uses), rows)
    connection.execute(SEND, {"ids": sorted({row["attachment_id"] for row in rows})})


def take_away(connection: Connection, mid: int, now: int) -> None:
    """A message carries its files no longer (`now` in ms)."""
    ids: list[str] = sorted(connection.execute(CARRIED, {"mid": mid}).scalars())
    if not ids:
        return
    lock(connection, ids)
    connection.execute(delete(attachment_uses).where(attachment_uses.c.mid == mid))
    leave(connection, ids, now)


def leave(connection: Connection, ids: Collection[str], now: int) -> None:
    """Those of the files, which are locked, that nothing uses now are out of reach, and removed soon (`now` in ms).

    What a scheduled message of its owner will carry is its owner's alone again, and waits for it.
    """
    gone = set(ids) - set(connection.execute(STILL_USED, {"ids": sorted(ids)}).scalars())
    if not gone:
        return
    connection.execute(TAKE_AWAY, {"ids": sorted(gone), "now": now})
    for name, send_time in connection.execute(SCHEDULED, {"ids": sorted(gone)}).all():
        connection.execute(WAIT, {"id": name, "until": send_time + GRACE})
