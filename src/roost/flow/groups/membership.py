"""Who belongs to a group: joining, leaving, roles, mutes, bans, the owner's place.

Whoever joins or leaves, every member's log says so; the one who is removed gets it as a last entry. The owner and
admins act on plain members; on an admin the owner alone does, and nobody on the owner. There is always one owner: when
that one leaves, the admin who was there first becomes it, else the member who was; the last to leave ends the group.

In a large group (see `roost.journal.large`) what is about one member is told to that one and to who did it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from typing import Any

from sqlalchemy import Connection

from roost.errors import Forbidden, InvalidInput, UnknownReceiver
from roost.flow.groups.groups import Gathering, GroupRoad, GroupState, check_number, known
from roost.journal.contract import Author, Recorded
from roost.model import ids
from roost.roster import conversations as roster
from roost.roster import groups, large
from roost.roster.conversations import ADMIN, MEMBER, OWNER, Member
from roost.roster.groups import Ban
from roost.roster.large import PageMember
from roost.roster.present import present_again
from roost.roster.users import uids_of

MAX_MUTE = 366 * 86_400
"""Seconds that a mute may last."""
TOGETHER = 500
"""Members that are added in one transaction, at most: some milliseconds in a large group."""
NAMES = 200_000
"""User ids in the entries of one transaction for another group, where every member is told all of them: some MB."""


class Membership(GroupRoad):
    """The road of membership."""

    async def add(self, author: Author, group_id: str, user_id: str, role: str | None) -> GroupState:
        """Adds a member, or gives one another role. Adding who is there already changes nothing.

        Raises `Forbidden`, `Banned`, `UnknownReceiver` or `InvalidInput`.
        """
        if role is not None and role not in {ADMIN, MEMBER}:
            raise InvalidInput("role must be admin or member.")

        def decide(here: Gathering) -> list[Recorded]:
            there = here.members.get(user_id)
            if role is not None and not here.leads:
                raise Forbidden("Only the owner and admins give roles.")
            self._check_may_invite(here)
            uid = known(here.tx, [user_id])[user_id] if there is None else there.uid
            if role == ADMIN and here.role != OWNER:
                raise Forbidden("Only the owner names admins.")
            if there is None:
                return self._let_in(here, {user_id: uid}, role or MEMBER)
            if role is None or there.role in {role, OWNER}:
                return []
            if here.role != OWNER:
                raise Forbidden("Only the owner changes roles.")
            return [self._give_role(here, there, role)]

        await self._decide(author, group_id, decide)
        return await self.state(author, group_id)

    async def add_many(self, author: Author, group_id: str, member_ids: Sequence[str | int]) -> int:
        """Adds members, some hundred in one transaction; who is there already stays. Returns how many are new.

        Where one is unknown, `UnknownReceiver` is raised before any is added. Raises `Banned` as well.
        """
        names = sorted({ids.user_id(value, "members") for value in member_ids})
        check_number(names)
        uids = await self._database.read(lambda connection: known(connection, names))
        added = done = handled = new = 0

        def decide(here: Gathering) -> list[Recorded]:
            nonlocal handled, new
            self._check_may_invite(here)
            handled = TOGETHER if here.large else min(TOGETHER, told_of(large.count(here.tx, here.cid)))
            piece = names[done : done + handled]
            there = large.there(here.tx, here.cid, [uids[name] for name in piece])
            coming = {name: uids[name] for name in piece if uids[name] not in there}
            new = len(coming)
            return self._let_in(here, coming, MEMBER) if coming else []

        while done < len(names):
            await self._decide(author, group_id, decide)
            added += new
            done += handled
        return added

    async def members(self, author: Author, group_id: str, after: str | None, most: int) -> list[PageMember]:
        """At most `most` members behind the user `after`, in an order that stays.

        Raises `UnknownConversation`, `NotAMember`, or `UnknownReceiver` where there never was such a user.
        """

        def query(connection: Connection) -> list[PageMember]:
            conversation = roster.find(connection, ids.group_conversation(group_id))
            roster.membership(connection, conversation.cid, author.uid)
            behind = 0 if after is None else uids_of(connection, [after]).get(after)
            if behind is None:
                raise UnknownReceiver(f"There is no user {after}.")
            return large.page(connection, conversation.cid, behind, most)

        return await self._database.read(query)

    def _give_role(self, here: Gathering, member: Member, role: str) -> Recorded:
        roster.set_role(here.tx, here.cid, member.uid, role)
        here.audit("role", member.user_id, role=role)
        return self._record(here, "member", of=member.uid, action="joined", user_id=member.user_id, role=role)

    async def remove(self, author: Author, group_id: str, user_id: str) -> None:
        """Removes a member, or leaves where it is the author's own."""
        if user_id == author.user_id:
            await self.leave(author, group_id)
            return

        def decide(here: Gathering) -> list[Recorded]:
            member = self._subordinate(here, user_id)
            return [] if member is None else [self._take_out(here, member, "removed")]

        await self._bring(user_id)
        await self._decide(author, group_id, decide, OWNER, ADMIN)

    async def remove_many(self, author: Author, group_id: str, member_ids: Sequence[str | int]) -> int:
        """Removes members, each in a transaction of its own; returns how many there were. Raises as `remove` does."""
        names = sorted({ids.user_id(value, "members") for value in member_ids})
        check_number(names)
        removed, name, gone = 0, "", False

        def decide(here: Gathering) -> list[Recorded]:
            nonlocal gone
            member = self._subordinate(here, name)
            gone = member is not None
            return [] if member is None else [self._take_out(here, member, "removed")]

        for name in names:
            await self._bring(name)
            await self._decide(author, group_id, decide, OWNER, ADMIN)
            removed += gone
        return removed

    async def leave(self, author: Author, group_id: str) -> None:
        """Takes the author out. An owner's place is taken by another; the last one ends the group."""

        def decide(here: Gathering) -> list[Recorded]:
            mine = here.members[author.user_id]
            recorded = []
            if here.role == OWNER:
                heir = here.members.heir(mine)
                if heir is None:
                    return [self._dissolve(here)]
                recorded.append(self._give_role(here, heir, OWNER))
            return [*recorded, self._take_out(here, mine, "left")]

        await self._pulling.bring(author.uid)
        await self._decide(author, group_id, decide)

    def _take_out(self, here: Gathering, member: Member, action: str) -> Recorded:
        if here.large:  # what was said before comes before that
            self._journal.pull_all(here.tx, [member.uid], here.cid)
        roster.remove_member(here.tx, here.cid, member.uid)
        here.audit(action, member.user_id)
        there = None if here.large else present_again(here.tx, here.cid, self._small)
        gone = self._record(here, "member", of=member.uid, action=action, user_id=member.user_id, members=there)
        return gone._replace(moved=[(member.user_id, member.uid)])

    async def _bring(self, user_id: str) -> None:
        """Who may have to go is brought up to date first, in pieces: little is left to pull in the transaction then."""
        for uid in (await self._database.read(lambda connection: uids_of(connection, [user_id]))).values():
            await self._pulling.bring(uid)

    async def transfer(self, author: Author, group_id: str, user_id: str) -> GroupState:
        """Makes another member the owner, and the one of before an admin. For the owner."""

        def decide(here: Gathering) -> list[Recorded]:
            heir = here.members.get(user_id)
            if heir is None:
                raise InvalidInput(f"{user_id} is not a member of this group.")
            if heir.role == OWNER:
                return []
            before = next(member for member in here.members.leaders() if member.role == OWNER)
            return [self._give_role(here, heir, OWNER), self._give_role(here, before, ADMIN)]

        await self._decide(author, group_id, decide, OWNER)
        return await self.state(author, group_id)

    async def mute(self, author: Author, group_id: str, user_id: str, seconds: int) -> GroupState:
        """Does not let a member write for some seconds, from now; 0: lets it write again."""
        if not 0 <= seconds <= MAX_MUTE:
            raise InvalidInput(f"seconds must be 1-{MAX_MUTE}.")

        def decide(here: Gathering) -> list[Recorded]:
            member = self._subordinate(here, user_id)
            if member is None:
                raise InvalidInput(f"{user_id} is not a member of this group.")
            now = self._clock()
            until = now + seconds * 1000 if seconds else 0
            if not until and member.muted_until <= now:
                return []
            groups.mute(here.tx, here.cid, member.uid, until, now)
            here.audit("muted" if until else "unmuted", user_id, **({"until": until} if until else {}))
            return [self._record(here, "mute", of=member.uid, user_id=user_id, until=until)]

        await self._decide(author, group_id, decide, OWNER, ADMIN)
        return await self.state(author, group_id)

    async def ban(self, author: Author, group_id: str, user_id: str) -> None:
        """Keeps a user out of the group; a member is removed. Raises `UnknownReceiver` or `Forbidden`."""

        def decide(here: Gathering) -> list[Recorded]:
            member = self._subordinate(here, user_id)
            uid = known(here.tx, [user_id])[user_id] if member is None else member.uid
            if not groups.ban(here.tx, here.cid, uid, author.uid, self._clock()):
                return []
            if member is not None:
                return [self._take_out(here, member, "banned")]
            here.audit("banned", user_id)
            return [self._of_a_stranger(here, "member", action="banned", user_id=user_id)]

        await self._bring(user_id)
        await self._decide(author, group_id, decide, OWNER, ADMIN)

    async def unban(self, author: Author, group_id: str, user_id: str) -> None:
        """Lets a user come in again, who is not brought back by it."""

        def decide(here: Gathering) -> list[Recorded]:
            uid = known(here.tx, [user_id])[user_id]
            if not groups.lift_ban(here.tx, here.cid, uid):
                return []
            here.audit("unbanned", user_id)
            return [self._of_a_stranger(here, "ban", action="lifted", user_id=user_id)]

        await self._decide(author, group_id, decide, OWNER, ADMIN)

    async def bans(self, author: Author, group_id: str) -> list[Ban]:
        """Who is kept out, the latest first. For the owner and admins."""

        def query(tx: Connection) -> list[Ban]:
            conversation = roster.find(tx, ids.group_conversation(group_id))
            roster.require_role(tx, conversation.cid, author.uid, OWNER, ADMIN)
            return groups.banned(tx, conversation.cid)

        return await self._database.read(query)

    def _of_a_stranger(self, here: Gathering, kind: str, **fields: Any) -> Recorded:
        """Enters a change that is about somebody who is no member, and so not told to that one."""
        return self._record(here, kind, of=here.author.uid, **fields)

    def _subordinate(self, here: Gathering, user_id: str) -> Member | None:
        """A member whom the author has a say over; None where the user is none. Raises `Forbidden`."""
        member = here.members.get(user_id)
        if member is not None and (member.role == OWNER or (member.role == ADMIN and here.role != OWNER)):
            raise Forbidden(
                f"{user_id} is the owner." if member.role == OWNER else "Only the owner does this to admins."
            )
        return member


def told_of(members: int) -> int:
    """How many may come into a group at once, so that everybody, they too, is told about `NAMES` names in all."""
    return max(1, (isqrt(members**2 + 4 * NAMES) - members) // 2)
