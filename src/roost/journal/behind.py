"""Which devices are behind their logs."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, and_, bindparam, func, select

from roost.db.schema import devices, log, positions, users
from roost.journal.reading import unsynced


class Behind(NamedTuple):
    """A device, how many entries it is behind its log, and when it was last seen (milliseconds, 0 if never)."""

    user_id: str
    device_id: str
    lag: int
    last_seen: int


_FIRST_UNSYNCED = (
    select(log.c.seq)
    .where(unsynced(devices.c.uid, devices.c.did, func.coalesce(positions.c.mark, 0)))
    .order_by(log.c.seq)
    .limit(1)
    .correlate(devices, positions)
    .scalar_subquery()
)
_HEAD = select(func.max(log.c.seq)).where(log.c.uid == devices.c.uid).correlate(devices).scalar_subquery()
_LAG = (_HEAD - _FIRST_UNSYNCED + 1).label("lag")

BEHIND = (
    select(users.c.user_id, devices.c.device_id, _LAG, devices.c.last_seen)
    .select_from(
        devices.join(users, users.c.uid == devices.c.uid).outerjoin(
            positions, and_(positions.c.uid == devices.c.uid, positions.c.did == devices.c.did)
        )
    )
    .where(_FIRST_UNSYNCED.is_not(None))
    .order_by(_LAG.desc(), devices.c.did)
    .limit(bindparam("count"))
)


def furthest_behind(connection: Connection, count: int) -> list[Behind]:
    """The devices furthest behind, by the positions saved; the same lag as `GET /devices` shows.

    It looks at every device there is.
    """
    return [Behind(*row) for row in connection.execute(BEHIND, {"count": count})]
