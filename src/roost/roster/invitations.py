"""Invitations to groups, found by the digest of their token.

Functions take the connection of the caller's transaction.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from roost.db.schema import conversations, invitations, users


class Invitation(NamedTuple):
    """An invitation. `made_by` is a user id; times are milliseconds; `max_uses` 0: any number of times."""

    digest: bytes
    conversation_id: str
    made_by: str
    made_at: int
    expires_at: int
    max_uses: int
    uses: int

    @property
    def invitation_id(self) -> str:
        """How it is named; nobody comes in by it."""
        return self.digest.hex()


_SELECT = select(
    conversations.c.conversation_id,
    users.c.user_id.label("made_by"),
    invitations.c.made_at,
    invitations.c.expires_at,
    invitations.c.max_uses,
    invitations.c.uses,
).select_from(
    invitations.join(users, users.c.uid == invitations.c.made_by).join(
        conversations, conversations.c.cid == invitations.c.cid
    )
)
FIND = _SELECT.where(invitations.c.token_hash == bindparam("digest"), conversations.c.dissolved_at.is_(None))
OF_GROUP = _SELECT.add_columns(invitations.c.token_hash).where(invitations.c.cid == bindparam("cid"))


def find(connection: Connection, digest: bytes) -> Invitation | None:
    """The invitation with this digest; None where there is none, or its group was dissolved."""
    row = connection.execute(FIND, {"digest": digest}).first()
    return None if row is None else Invitation(digest, *row)


def of_group(connection: Connection, cid: int) -> list[Invitation]:
    """The invitations to a group, the latest first."""
    rows = connection.execute(OF_GROUP, {"cid": cid})
    found = [Invitation(bytes(digest), *rest) for *rest, digest in rows]
    return sorted(found, key=lambda one: (-one.made_at, one.digest))


def make(connection: Connection, cid: int, by: int, invitation: Invitation) -> None:
    """Stores an invitation to the group `cid`, made by the user `by`, and forgets those that have expired."""
    over = (invitations.c.cid == cid) & (invitations.c.expires_at <= invitation.made_at)
    connection.execute(delete(invitations).where(over))
    connection.execute(
        insert(invitations).values(
            token_hash=invitation.digest,
            cid=cid,
            made_by=by,
            made_at=invitation.made_at,
            expires_at=invitation.expires_at,
            max_uses=invitation.max_uses,
            uses=0,
        )
    )


def use(connection: Connection, digest: bytes) -> None:
    """Counts a use."""
    mine = invitations.c.token_hash == digest
    connection.execute(update(invitations).where(mine).values(uses=invitations.c.uses + 1))


def revoke(connection: Connection, digest: bytes) -> None:
    """Nobody comes in by it any more."""
    connection.execute(delete(invitations).where(invitations.c.token_hash == digest))
