"""Invitations by link: whoever has its token comes into the group, until it expires, is used up or revoked.

The token is made here, told once, and stored as a digest; an invitation is named by that digest, which nobody comes in
by. It is good as long as who made it may bring in others. Who is banned can't use it.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import NamedTuple

from sqlalchemy import Connection

from roost.errors import (
    InvalidInput,
    InvitationOver,
    LimitReached,
    UnknownAttachment,
    UnknownInvitation,
)
from roost.flow.groups.groups import Gathering, GroupRoad, GroupState
from roost.journal import avatars
from roost.journal.contract import Author, Recorded
from roost.model import ids
from roost.model.attachment import Attachment
from roost.model.message import GroupSettings
from roost.roster import conversations as roster
from roost.roster import groups, invitations, large
from roost.roster.conversations import ADMIN, MEMBER, OWNER, Conversation
from roost.roster.crowd import Crowd
from roost.roster.invitations import Invitation

TOKEN_BYTES = 24
"""Randomness of a token, which nobody guesses."""
MAX_INVITATIONS = 100
"""Invitations to one group that have not expired."""
DAY = 86_400
MIN_LIFE, LIFE, MAX_LIFE = 60, 7 * DAY, 366 * DAY
"""Seconds that an invitation lasts: at least, if nothing is said, at most."""
MAX_USES = 100_000


class Preview(NamedTuple):
    """What is told of a group to who has an invitation to it. `member`: who asks belongs to it already."""

    conversation: Conversation
    settings: GroupSettings
    members: int
    member: bool
    invitation: Invitation


class Invitations(GroupRoad):
    """The road of coming in by oneself."""

    async def make(self, author: Author, group_id: str, seconds: int | None, max_uses: int) -> tuple[Invitation, str]:
        """An invitation good for `seconds` and so many uses (0: any number), and its token, which is told only now.

        Raises `Forbidden`, `InvalidInput` or `LimitReached`.
        """
        life = LIFE if seconds is None else seconds
        if not MIN_LIFE <= life <= MAX_LIFE:
            raise InvalidInput(f"expiresIn must be {MIN_LIFE}-{MAX_LIFE} seconds.")
        if not 0 <= max_uses <= MAX_USES:
            raise InvalidInput(f"maxUses must be 0-{MAX_USES}; 0 is any number.")
        token, now = secrets.token_urlsafe(TOKEN_BYTES), self._clock()
        conversation_id = ids.group_conversation(group_id)
        made = Invitation(digest(token), conversation_id, author.user_id, now, now + life * 1000, max_uses, 0)

        def decide(here: Gathering) -> list[Recorded]:
            self._check_may_invite(here)
            if sum(one.expires_at > now for one in invitations.of_group(here.tx, here.cid)) >= MAX_INVITATIONS:
                raise LimitReached(f"A group has at most {MAX_INVITATIONS} invitations.", limit=MAX_INVITATIONS)
            invitations.make(here.tx, here.cid, author.uid, made)
            here.audit("invitation_made", invitation=made.invitation_id, until=made.expires_at, uses=max_uses)
            return [self._tell(here, "made", author.user_id)]

        await self._decide(author, group_id, decide)
        return made, token

    async def listed(self, author: Author, group_id: str) -> list[Invitation]:
        """The invitations that have not expired, the latest first: all, for the owner and admins; else one's own."""

        def query(connection: Connection) -> list[Invitation]:
            conversation = roster.find(connection, ids.group_conversation(group_id))
            leads = roster.membership(connection, conversation.cid, author.uid).role in {OWNER, ADMIN}
            found, now = invitations.of_group(connection, conversation.cid), self._clock()
            return [one for one in found if one.expires_at > now and (leads or one.made_by == author.user_id)]

        return await self._database.read(query)

    async def revoke(self, author: Author, group_id: str, invitation_id: str) -> None:
        """Nobody comes in by it any more. For the owner and admins, and for who made it.

        Raises `UnknownInvitation`, also for one of others that is not the author's to see.
        """

        def decide(here: Gathering) -> list[Recorded]:
            of_group = invitations.of_group(here.tx, here.cid)
            found = next((one for one in of_group if one.invitation_id == invitation_id), None)
            if found is None or not (here.leads or found.made_by == author.user_id):
                raise UnknownInvitation
            invitations.revoke(here.tx, found.digest)
            here.audit("invitation_revoked", found.made_by, invitation=invitation_id)
            return [self._tell(here, "revoked", found.made_by)]

        await self._decide(author, group_id, decide)

    async def look(self, author: Author, token: str) -> Preview:
        """What it leads to. Raises `UnknownInvitation`, `InvitationOver` or `Banned`."""

        def query(connection: Connection) -> Preview:
            invitation, conversation = self._find(connection, token, locked=False)
            member = roster.role_of(connection, conversation.cid, author.uid) is not None
            if not member:
                self._check_may_come(connection, conversation, {author.user_id: author.uid})
                self._check_not_over(invitation)
            settings = groups.settings_of(connection, conversation.cid)
            count = large.count(connection, conversation.cid)
            return Preview(conversation, settings, count, member, invitation)

        return await self._database.read(query)

    async def picture(self, author: Author, token: str) -> Attachment:
        """The uploaded picture of the group it leads to. Raises as `look` does, or `UnknownAttachment`."""
        found = await self.look(author, token)
        picture = await self._database.read(lambda connection: avatars.of_group(connection, found.conversation.cid))
        if picture is None:
            raise UnknownAttachment("This group has no picture that was uploaded.")
        return picture

    async def join(self, author: Author, token: str) -> GroupState:
        """Makes the author a member, who is told the group; a member already uses nothing up.

        Raises as `look` does.
        """
        joined: list[str] = []

        def change(tx: Connection) -> list[Recorded]:
            invitation, conversation = self._find(tx, token, locked=True)
            joined[:] = [conversation.conversation_id]
            if roster.role_of(tx, conversation.cid, author.uid) is not None:
                return []
            here = Gathering(tx, conversation, author, MEMBER, Crowd(tx, conversation))
            self._check_may_come(tx, conversation, {author.user_id: author.uid})
            self._check_not_over(invitation)
            invitations.use(tx, invitation.digest)
            return self._let_in(here, {author.user_id: author.uid}, MEMBER)

        await self._write(author, change)
        return await self.state(author, ids.group_id(joined[0]))

    def _find(self, tx: Connection, token: str, *, locked: bool) -> tuple[Invitation, Conversation]:
        """The invitation and its group, if who made it may bring in others. Raises `UnknownInvitation`."""
        first = invitations.find(tx, digest(token))
        if first is None:
            raise UnknownInvitation
        conversation = (roster.find_locked if locked else roster.find)(tx, first.conversation_id)
        found = invitations.find(tx, first.digest)  # as it is once the group is locked
        if found is None:
            raise UnknownInvitation
        maker = roster.member_named(tx, conversation.cid, found.made_by)
        all_invite = groups.settings_of(tx, conversation.cid).members_invite
        if maker is None or maker.role not in ({OWNER, ADMIN, MEMBER} if all_invite else {OWNER, ADMIN}):
            raise UnknownInvitation
        return found, conversation

    def _check_not_over(self, invitation: Invitation) -> None:
        if invitation.expires_at <= self._clock():
            raise InvitationOver("This invitation has expired.", reason="expired")
        if invitation.max_uses and invitation.uses >= invitation.max_uses:
            raise InvitationOver("This invitation was used as often as it may be.", reason="used_up")

    def _tell(self, here: Gathering, action: str, maker: str) -> Recorded:
        """Tells those who may see it."""
        told = {one.uid for one in (*here.members.leaders(), here.members.get(maker)) if one is not None}
        return self._record(here, "invitation", only=told, action=action)


def digest(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
