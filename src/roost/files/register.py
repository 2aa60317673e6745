"""Which files there are: the rows of `attachments`, in the caller's transaction.

The row comes before the first byte and goes after the last: whatever is on a disk or in a store has a row that says
when it may go. So a crash at any moment leaves nothing behind that nobody would remove.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BindParameter, Connection, bindparam, delete, func, insert, select, update

from roost.db.schema import attachments, users
from roost.errors import QuotaReached, UnknownAttachment
from roost.model.attachment import Attachment, Stage


class Kept(NamedTuple):
    """A file and whose it is (uid)."""

    attachment: Attachment
    uid: int
    stage: Stage
    created_at: int
    expires_at: int | None


_id: BindParameter[str] = bindparam("id")
_uid: BindParameter[int] = bindparam("owner")

FIND = select(
    attachments.c.name,
    attachments.c.size,
    attachments.c.media_type,
    attachments.c.width,
    attachments.c.height,
    attachments.c.thumbnail,
    attachments.c.uid,
    attachments.c.stage,
    attachments.c.created_at,
    attachments.c.expires_at,
).where(attachments.c.attachment_id == _id)
USED = select(func.coalesce(func.sum(attachments.c.size), 0)).where(attachments.c.uid == _uid)
LOCK = select(users.c.uid).where(users.c.uid == _uid).with_for_update()
FINISH = (
    update(attachments)
    .where(attachments.c.attachment_id == _id, attachments.c.stage == int(Stage.UPLOADING))
    .values(
        stage=int(Stage.READY),
        size=bindparam("bytes"),
        media_type=bindparam("kind"),
        width=bindparam("wide"),
        height=bindparam("high"),
        thumbnail=bindparam("has_thumbnail"),
        expires_at=bindparam("until"),
    )
)
EXPIRED = (
    select(attachments.c.attachment_id).where(attachments.c.expires_at <= bindparam("now")).limit(bindparam("count"))
)
CONDEMN = (
    update(attachments)
    .where(attachments.c.attachment_id == _id, attachments.c.expires_at <= bindparam("now"))
    .values(stage=int(Stage.GONE), expires_at=bindparam("until"))
)

GIVE_UP = (
    update(attachments)
    .where(attachments.c.attachment_id == _id, attachments.c.stage.in_((int(Stage.UPLOADING), int(Stage.READY))))
    .values(stage=int(Stage.GONE), expires_at=bindparam("now"))
)


def used(connection: Connection, uid: int) -> int:
    """Bytes of all files of a user, the unfinished ones with the length they will have."""
    return int(connection.execute(USED, {"owner": uid}).scalar_one())


def begin(connection: Connection, attachment: Attachment, uid: int, *, quota: int, now: int, expires_at: int) -> None:
    """Enters an upload, `attachment.size` long at most. Raises `QuotaReached`, where `quota` (bytes) is set."""
    if quota:
        connection.execute(LOCK, {"owner": uid})  # two uploads that begin at once see each other
        taken = used(connection, uid)
        if taken + attachment.size > quota:
            raise QuotaReached(quota=quota, used=taken)
    row = insert(attachments).values(
        attachment_id=attachment.id,
        uid=uid,
        stage=int(Stage.UPLOADING),
        name=attachment.name,
        size=attachment.size,
        media_type="",
        width=0,
        height=0,
        thumbnail=False,
        created_at=now,
        expires_at=expires_at,
    )
    connection.execute(row)


def find(connection: Connection, attachment_id: str) -> Kept | None:
    """The file of an id, however far it has come."""
    row = connection.execute(FIND, {"id": attachment_id}).first()
    if row is None:
        return None
    name, size, kind, width, height, thumbnail, uid, stage, created_at, expires_at = row
    attachment = Attachment(
        id=attachment_id, name=name, size=size, type=kind, width=width, height=height, thumbnail=bool(thumbnail)
    )
    return Kept(attachment, uid, Stage(stage), created_at, expires_at)


def finish(connection: Connection, attachment: Attachment, expires_at: int) -> bool:
    """An upload is whole, and is this; until `expires_at` (ms) it waits for a message. False where it was removed."""
    values = {
        "id": attachment.id,
        "bytes": attachment.size,
        "kind": attachment.type,
        "wide": attachment.width,
        "high": attachment.height,
        "has_thumbnail": attachment.thumbnail,
        "until": expires_at,
    }
    return connection.execute(FINISH, values).rowcount > 0


def expired(connection: Connection, now: int, count: int) -> list[str]:
    """The ids of some files whose time is over."""
    return [row.attachment_id for row in connection.execute(EXPIRED, {"now": now, "count": count})]


def condemn(connection: Connection, attachment_id: str, *, now: int, until: int) -> bool:
    """Takes a file whose time is over away from everybody. False where a message carries it meanwhile.

    Whoever condemned it has until `until` (ms) to remove it; then another tries.
    """
    return connection.execute(CONDEMN, {"id": attachment_id, "now": now, "until": until}).rowcount > 0


def give_up(connection: Connection, attachment_id: str, now: int) -> None:
    """Takes a file that nothing uses away from its sender. Raises `UnknownAttachment` if something does by now."""
    if connection.execute(GIVE_UP, {"id": attachment_id, "now": now}).rowcount == 0:
        raise UnknownAttachment


def forget(connection: Connection, attachment_id: str) -> None:
    """Removes the row of a file whose bytes are removed."""
    connection.execute(delete(attachments).where(attachments.c.attachment_id == attachment_id))
