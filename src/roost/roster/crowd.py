"""Who is in a group that is to be changed, by user id: read at once, or in a large group one by one."""

from __future__ import annotations

from functools import cached_property

from sqlalchemy import Connection

from roost.roster.conversations import (
    ADMIN,
    OWNER,
    Conversation,
    Member,
    heir_of,
    leaders_of,
    member_named,
    members_of,
)


class Crowd:
    """The members of a conversation as they are in a transaction."""

    def __init__(self, tx: Connection, conversation: Conversation) -> None:
        self._tx = tx
        self._conversation = conversation

    @cached_property
    def _all(self) -> dict[str, Member]:
        return {member.user_id: member for member in members_of(self._tx, self._conversation.cid)}

    def get(self, user_id: str) -> Member | None:
        """A member; None where the user is none."""
        if self._conversation.large:
            return member_named(self._tx, self._conversation.cid, user_id)
        return self._all.get(user_id)

    def __getitem__(self, user_id: str) -> Member:
        """A member who is there."""
        member = self.get(user_id)
        if member is None:
            raise KeyError(user_id)
        return member

    def pairs(self) -> list[tuple[str, int]]:
        """All members, as (user id, uid)."""
        return [(member.user_id, member.uid) for member in self._all.values()]

    def leaders(self) -> list[Member]:
        """The owner and the admins."""
        if self._conversation.large:
            return leaders_of(self._tx, self._conversation.cid)
        return [member for member in self._all.values() if member.role in {OWNER, ADMIN}]

    def heir(self, owner: Member) -> Member | None:
        """Who is the owner next: the admin who was there first, else the member who was; None: nobody is left."""
        if self._conversation.large:
            return heir_of(self._tx, self._conversation.cid)
        others = [member for member in self._all.values() if member.uid != owner.uid]  # in the order of joining
        return next((member for member in others if member.role == ADMIN), others[0] if others else None)
