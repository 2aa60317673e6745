"""Profiles, as the server has them now and as the store remembers them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from roost.client.errors import NetworkError
from roost.client.store.profiles import keep, kept
from roost.client.store.store import Store
from roost.model import ids
from roost.protocol.answers import OwnProfile, Profile, ProfileList

MAX_ASKED = 500
"""Users in one question of profiles."""


class Profiles:
    """What a `Client` knows of users."""

    store: Store

    async def profiles(self, user_ids: Sequence[str | int]) -> dict[str, Profile]:
        """The profiles of these users, as they are now; offline, as the store remembers them.

        Who is not known, to the server or offline to the store, is left out.
        """
        names = list(dict.fromkeys(ids.user_ids(user_ids)))
        found: dict[str, Profile] = {}
        try:
            for first in range(0, len(names), MAX_ASKED):
                some = ",".join(names[first : first + MAX_ASKED])
                page: ProfileList = await self._call("GET", "/users", ProfileList, query={"user_ids": some})
                await self.store.write(keep, page.users)
                found |= {one.user_id: one for one in page.users}
        except NetworkError:
            found |= await self.store.read(kept, names)
        return found

    async def profile(self, user_id: str | int) -> Profile | None:
        """The profile of a user, None where there is no such user (or none that the store remembers, offline)."""
        name = ids.user_id(user_id)
        return (await self.profiles([name])).get(name)

    async def own_profile(self) -> OwnProfile:
        """This user's own profile, with who sees its presence. Raises `NetworkError` offline."""
        found: OwnProfile = await self._call("GET", "/users/me", OwnProfile)
        return found

    async def set_profile(
        self,
        *,
        display_name: str | None = None,
        avatar: str | None = None,
        status: str | None = None,
        presence: str | None = None,
    ) -> OwnProfile:
        """Changes this user's own profile: None stays as it is, "" takes it away.

        `avatar` is an https address, or the id of an uploaded file (see `set_avatar`). `presence` is everybody,
        contacts or nobody: who sees whether this user is online. Raises `InvalidInput`, or `NetworkError` offline.
        """
        wish = {"displayName": display_name, "avatar": avatar, "status": status, "presence": presence}
        body = {name: value for name, value in wish.items() if value is not None}
        changed: OwnProfile = await self._call("PATCH", "/users/me", OwnProfile, body=body)
        return changed

    async def _call(
        self, method: str, path: str, kind: Any, *, body: Any = None, query: dict[str, Any] | None = None
    ) -> Any:
        """One request to the server."""
        raise NotImplementedError
