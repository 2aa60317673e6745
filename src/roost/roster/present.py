"""Who is in a small group and how far each has read it: what an entry of the log says where somebody learns of it.

Read marks of others are logged in a small group alone, to those who are in it then. So what became of one's own
messages can be counted from the log where it also says who is there, and how far they had got, whenever that begins:
as the group is made, as somebody comes in, and as one goes and a group becomes a small one again. From there on each
entry says what is another. Why: docs/decisions/0019.
"""

from __future__ import annotations

from sqlalchemy import Connection

from roost.model.message import Present
from roost.roster.conversations import members_of
from roost.roster.marks import members_if_small


def present(connection: Connection, cid: int, most: int) -> list[Present] | None:
    """Everybody in a group of at most `most` members, in the order of joining; None where there are more."""
    if members_if_small(connection, cid, most) is None:
        return None
    return [
        Present(
            user_id=member.user_id,
            role=member.role,
            join_time=member.joined_at,
            muted_until=member.muted_until,
            read_seq=member.read_seq,
        )
        for member in members_of(connection, cid)
    ]


def present_again(connection: Connection, cid: int, most: int) -> list[Present] | None:
    """The same where the group has just `most` members, after one has gone; else None: the log has told it."""
    there = members_if_small(connection, cid, most)
    return present(connection, cid, most) if there is not None and len(there) == most else None
