"""Groups: the part of the client that asks the server to make and change them, and keeps what it answers (D9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from roost.client.store.store import Store
from roost.model import ids
from roost.protocol.answers import (
    Added,
    Ban,
    Bans,
    Group,
    Invitation,
    Invitations,
    InvitedTo,
    Member,
    MemberPage,
)

AT_ONCE = 2000
"""Members that one request adds, at most."""
PAGE = 1000
"""Members that one request shows, at most."""


class Groups:
    """What a `Client` does with groups. The answer is in the store when a call returns; events follow by the log.

    All raise `NetworkError` offline, `UnknownConversation` or `NotAMember`, and `Forbidden` where one's role in the
    group does not allow it.
    """

    store: Store

    async def create_group(
        self,
        name: str | None = None,
        members: Sequence[str] = (),
        *,
        group_id: str | None = None,
        **settings: Any,
    ) -> Group:
        """Makes a group of which this user is the owner; `settings` as for `change_group`.

        Raises `Conflict` or `UnknownReceiver`.
        """
        asked: dict[str, Any] = {"members": ids.user_ids(members), **settings}
        asked |= {} if name is None else {"name": name}
        asked |= {} if group_id is None else {"groupID": group_id}
        return await self._keep_group(await self._call("POST", "/groups", Group, body=asked))

    async def group(self, group_id: str) -> Group:
        """A group and its members, as the server has it now."""
        return await self._keep_group(await self._call("GET", _group(group_id), Group))

    async def rename_group(self, group_id: str, name: str) -> Group:
        """Gives a group another name."""
        return await self.change_group(group_id, name=name)

    async def change_group(
        self,
        group_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        avatar: str | None = None,
        announcement_only: bool | None = None,
        members_invite: bool | None = None,
    ) -> Group:
        """Changes what is set of a group; None stays as it is, "" takes a text away. `avatar`: see `set_group_avatar`.

        `announcement_only`: only the owner and admins write. `members_invite`: every member brings
        in others.
        """
        wanted = {
            "name": name,
            "description": description,
            "avatar": avatar,
            "announcementOnly": announcement_only,
            "membersInvite": members_invite,
        }
        body = {key: value for key, value in wanted.items() if value is not None}
        return await self._keep_group(await self._call("PATCH", _group(group_id), Group, body=body))

    async def dissolve_group(self, group_id: str) -> None:
        """Ends a group. For its owner."""
        await self._call("DELETE", _group(group_id), msgspec.Raw)

    async def add_member(self, group_id: str, user_id: str, *, role: str | None = None) -> Group:
        """Adds a member, or changes a role (admin, member). Raises `Banned` for who can't come back."""
        asked = {} if role is None else {"role": role}
        return await self._keep_group(await self._call("PUT", _member(group_id, user_id), Group, body=asked))

    async def add_members(self, group_id: str, user_ids: Sequence[str]) -> int:
        """Adds members, however many, 2,000 with a request; who is there already stays. Returns how many are new.

        Raises `UnknownReceiver`, before any of a request is added, or `Banned`.
        """
        names, added = ids.user_ids(user_ids), 0
        for first in range(0, len(names), AT_ONCE):
            body = {"members": names[first : first + AT_ONCE]}
            answer: Added = await self._call("POST", f"{_group(group_id)}/members", Added, body=body)
            added += answer.added
        return added

    async def remove_member(self, group_id: str, user_id: str) -> None:
        """Removes a member."""
        await self._call("DELETE", _member(group_id, user_id), msgspec.Raw)

    async def leave_group(self, group_id: str) -> None:
        """Leaves a group. An owner's place is taken by another; the last one to leave ends the group."""
        await self._call("POST", f"{_group(group_id)}/leave", msgspec.Raw)

    async def transfer_group(self, group_id: str, user_id: str) -> Group:
        """Makes another member the owner, and this user an admin."""
        body = {"userID": ids.user_id(user_id)}
        return await self._keep_group(await self._call("POST", f"{_group(group_id)}/transfer", Group, body=body))

    async def mute_member(self, group_id: str, user_id: str, seconds: int) -> Group:
        """Does not let a member write for some seconds."""
        path, body = f"{_member(group_id, user_id)}/mute", {"seconds": seconds}
        return await self._keep_group(await self._call("PUT", path, Group, body=body))

    async def unmute_member(self, group_id: str, user_id: str) -> Group:
        """Lets a member write again."""
        return await self._keep_group(await self._call("DELETE", f"{_member(group_id, user_id)}/mute", Group))

    async def ban_member(self, group_id: str, user_id: str) -> None:
        """Removes a user, who can't come back; who is no member is kept out all the same."""
        await self._call("PUT", f"{_group(group_id)}/bans/{ids.user_id(user_id)}", msgspec.Raw)

    async def unban_member(self, group_id: str, user_id: str) -> None:
        """Lets a user come back, who is not brought back by it."""
        await self._call("DELETE", f"{_group(group_id)}/bans/{ids.user_id(user_id)}", msgspec.Raw)

    async def bans(self, group_id: str) -> list[Ban]:
        """Who can't come into a group, the latest first. For the owner and admins."""
        found: Bans = await self._call("GET", f"{_group(group_id)}/bans", Bans)
        return found.bans

    async def invite(self, group_id: str, *, expires_in: int | None = None, max_uses: int = 0) -> Invitation:
        """Makes an invitation; whoever has its `token` comes in. `expires_in` (s): a week, if nothing is said.

        `max_uses` 0: any number of times. The token is told only now.
        """
        body: dict[str, Any] = {"maxUses": max_uses} | ({} if expires_in is None else {"expiresIn": expires_in})
        made: Invitation = await self._call("POST", f"{_group(group_id)}/invitations", Invitation, body=body)
        return made

    async def invitations(self, group_id: str) -> list[Invitation]:
        """The invitations to a group: all, for its owner and admins; else this user's own."""
        found: Invitations = await self._call("GET", f"{_group(group_id)}/invitations", Invitations)
        return found.invitations

    async def revoke_invitation(self, group_id: str, invitation_id: str) -> None:
        """Nobody comes in by it any more. Raises `UnknownInvitation`."""
        await self._call("DELETE", f"{_group(group_id)}/invitations/{quote(invitation_id, safe='')}", msgspec.Raw)

    async def look_at_invitation(self, token: str) -> InvitedTo:
        """The group it leads to. Raises `UnknownInvitation`, `InvitationOver` or `Banned`."""
        found: InvitedTo = await self._call("GET", f"/invitations/{quote(token, safe='')}", InvitedTo)
        return found

    async def join_group(self, token: str) -> Group:
        """Comes in by an invitation. Raises as `look_at_invitation` does."""
        return await self._keep_group(await self._call("POST", f"/invitations/{quote(token, safe='')}/join", Group))

    async def members(self, conversation: str) -> list[Member]:
        """Who is in a conversation: from the store, or from the server where the store does not know.

        Of a large group the store never knows: this asks for all pages, a thousand members each.
        """
        conversation_id = self.conversation_id(conversation)
        known = await self.store.conversation(conversation_id)
        if known is not None and known.members is not None:
            return known.members
        group = await self.group(conversation_id)
        if not group.large:
            return group.members
        page = await self.member_page(group.group_id)
        found = page.members
        while page.next_after is not None:
            page = await self.member_page(group.group_id, after=page.next_after)
            found += page.members
        return found

    async def member_page(self, group_id: str, *, after: str | None = None, limit: int = PAGE) -> MemberPage:
        """A page of a group's members: those behind the user `after`, who is `next_after` of the page before."""
        query: dict[str, Any] = {"limit": limit} | ({} if after is None else {"after": after})
        page: MemberPage = await self._call("GET", f"{_group(group_id)}/members", MemberPage, query=query)
        return page

    def conversation_id(self, name: str) -> str:
        """The conversation that a name means."""
        raise NotImplementedError

    async def _keep_group(self, group: Group) -> Group:
        await self.store.save_group(group)
        return group

    async def _call(
        self, method: str, path: str, kind: Any, *, body: Any = None, query: dict[str, Any] | None = None
    ) -> Any:
        """One request to the server."""
        raise NotImplementedError


def _group(group_id: str) -> str:
    return f"/groups/{ids.group_id(group_id)}"


def _member(group_id: str, user_id: str) -> str:
    return f"{_group(group_id)}/members/{ids.user_id(user_id)}"
