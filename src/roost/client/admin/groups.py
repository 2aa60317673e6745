"""Groups: what their owners may do, without belonging to them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import quote

from roost.client.admin.asking import PAGE, Asking, group_path
from roost.protocol.answers import Added, Group, Member, MemberPage, Removed


class Groups(Asking):
    """What a back end does with groups."""

    async def create_group(
        self, /, owner: str, *, group_id: str | None = None, members: Sequence[str] = (), **settings: Any
    ) -> Group:
        """Makes a group of any owner; with a `group_id`, the same again gives the same group.

        `settings`: `name`, `description`, `avatar`, `announcement_only`, `members_invite`.
        """
        body = {"ownerID": owner, "groupID": group_id, "members": members, **settings}
        return await self._http.call("POST", "/admin/groups", Group, body=body)

    async def group(self, group_id: str) -> Group:
        """A group. Raises `UnknownConversation`."""
        return await self._http.call("GET", group_path(group_id), Group)

    async def update_group(self, /, group_id: str, **settings: Any) -> Group:
        """Gives a group another `name` or other settings; see `create_group`."""
        return await self._http.call("PATCH", group_path(group_id), Group, body=settings)

    async def dissolve_group(self, group_id: str) -> None:
        """Ends a group."""
        await self._http.call("DELETE", group_path(group_id), type(None))

    async def transfer_group(self, group_id: str, user_id: str) -> Group:
        """Gives a group to one of its members."""
        return await self._http.call("POST", group_path(group_id, "transfer"), Group, body={"userID": user_id})

    async def members(self, group_id: str, *, page: int = PAGE) -> AsyncIterator[Member]:
        """The members of a group, however many; `page` are asked for at once."""
        query: dict[str, Any] = {"limit": page}
        while True:
            found = await self._http.call("GET", group_path(group_id, "members"), MemberPage, query=query)
            for each in found.members:
                yield each
            if found.next_after is None:
                return
            query["after"] = found.next_after

    async def add_members(self, group_id: str, members: Sequence[str]) -> int:
        """Adds members, at most 2,000 at once; returns how many are new."""
        body = {"members": members}
        return (await self._http.call("POST", group_path(group_id, "members"), Added, body=body)).added

    async def remove_members(self, group_id: str, members: Sequence[str]) -> int:
        """Removes members, at most 2,000 at once; returns how many there were."""
        body = {"members": members}
        return (await self._http.call("POST", group_path(group_id, "members/remove"), Removed, body=body)).removed

    async def set_member(self, group_id: str, user_id: str, *, role: str | None = None) -> Group:
        """Adds a member, or gives one another `role`: admin or member."""
        path = group_path(group_id, f"members/{quote(user_id, safe='')}")
        return await self._http.call("PUT", path, Group, body={"role": role})
