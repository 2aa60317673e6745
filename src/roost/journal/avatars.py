"""Which files are the pictures of users and groups (D9): written with the profile or the group, in its transaction.

An avatar is a text: the address of a picture elsewhere, or the id of a file (`is_file`). Such a file is kept
as one that a message carries is, and goes when nobody shows it and no message carries it any more. What others get of
it is its thumbnail, which has nothing of the place and time that a camera wrote into the picture itself.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BindParameter, Connection, and_, bindparam, delete, insert, or_, select

from roost.db.schema import attachments, avatars, members
from roost.errors import FileTypeRefused, UnknownAttachment
from roost.journal.attachments import COLUMNS, SEND, leave, lock, of_row
from roost.model.attachment import Attachment, Stage, is_file

_id: BindParameter[str] = bindparam("id")
_uid: BindParameter[int] = bindparam("uid")

OWN = select(attachments.c.media_type, attachments.c.thumbnail).where(
    attachments.c.attachment_id == _id,
    attachments.c.uid == _uid,
    attachments.c.stage.in_((int(Stage.READY), int(Stage.SENT))),
)
OF = select(avatars.c.attachment_id).where(avatars.c.uid == _uid, avatars.c.cid == bindparam("cid")).with_for_update()
REMOVE = delete(avatars).where(avatars.c.uid == _uid, avatars.c.cid == bindparam("cid"))
_MEMBER = select(members.c.uid).where(members.c.cid == avatars.c.cid, members.c.uid == _uid).correlate(avatars).exists()
_SHOWN_TO = (
    select(avatars.c.attachment_id)
    .where(avatars.c.attachment_id == attachments.c.attachment_id, or_(avatars.c.cid == 0, _MEMBER))
    .correlate(attachments)
    .exists()
)
OF_GROUP = (
    select(*COLUMNS)
    .select_from(avatars.join(attachments, attachments.c.attachment_id == avatars.c.attachment_id))
    .where(avatars.c.uid == 0, avatars.c.cid == bindparam("cid"))
)
SHOWN = select(*COLUMNS).where(
    and_(attachments.c.attachment_id == _id, attachments.c.stage == int(Stage.SENT), _SHOWN_TO)
)


class Holder(NamedTuple):
    """Whose picture it is: a user's (uid), or a group's (cid); the other one is 0."""

    uid: int = 0
    cid: int = 0


def put(tx: Connection, holder: Holder, avatar: str | None, by: int, now: int) -> None:
    """Makes this the avatar of a holder, who is locked. `by` (uid): whose file it is to be; `now` in ms.

    Raises `UnknownAttachment` where that user has no such file here, `FileTypeRefused` where it is no picture.
    """
    new = avatar if is_file(avatar) else None
    old = tx.execute(OF, holder._asdict()).scalar()
    if old == new:
        return
    lock(tx, [name for name in (old, new) if name is not None])
    tx.execute(REMOVE, holder._asdict())
    if new is not None:
        _check_own(tx, new, by)
        tx.execute(insert(avatars).values(attachment_id=new, **holder._asdict()))
        tx.execute(SEND, {"ids": [new]})
    if old is not None:
        leave(tx, [old], now)


def _check_own(tx: Connection, name: str, by: int) -> None:
    row = tx.execute(OWN, {"id": name, "uid": by}).first()
    if row is None:
        raise UnknownAttachment(f"There is no file {name}, or it is not one that you uploaded.")
    if not row.thumbnail:
        raise FileTypeRefused(f"The file {name} is no picture: its type is {row.media_type}.", type=row.media_type)


def of_group(connection: Connection, cid: int) -> Attachment | None:
    """The file that is the picture of a group, for who may see the group; None where there is none."""
    row = connection.execute(OF_GROUP, {"cid": cid}).first()
    return None if row is None else of_row(row)


def shown(connection: Connection, uid: int, name: str) -> Attachment | None:
    """A file as the picture of somebody, or of a group that a user (`uid`) belongs to now; None where it is none."""
    row = connection.execute(SHOWN, {"uid": uid, "id": name}).first()
    return None if row is None else of_row(row)
