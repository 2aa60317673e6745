"""What a back end does with users: the part of `AdminClient`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from roost.client.admin.asking import PAGE, UNCHANGED, Asking, Unchanged, user_path
from roost.protocol.admin import UserPage, UserRecord, UserToken
from roost.protocol.answers import Device, Devices


class Users(Asking):
    """What a back end does with users, their devices and tokens."""

    async def create_user(
        self, user_id: str, *, display_name: str | None = None, password: str | None = None, bot: bool = False
    ) -> UserRecord:
        """Makes a user; the same again gives the same user. Raises `UserExists` where there is another of this id."""
        body = {"userID": user_id, "displayName": display_name, "password": password, "bot": bot}
        return await self._http.call("POST", "/admin/users", UserRecord, body=body)

    async def user(self, user_id: str) -> UserRecord:
        """A user. Raises `UnknownReceiver`."""
        return await self._http.call("GET", user_path(user_id), UserRecord)

    async def users(self, prefix: str | None = None, *, page: int = PAGE) -> AsyncIterator[UserRecord]:
        """All users, in the order of coming; `page` are asked for at once.

        With a `prefix` those whose ids begin with it, in the order of ids.
        """
        query: dict[str, Any] = {"limit": page} | ({} if prefix is None else {"prefix": prefix})
        while True:
            found = await self._http.call("GET", "/admin/users", UserPage, query=query)
            for each in found.users:
                yield each
            if found.next is None:
                return
            query["after"] = found.next

    async def update_user(
        self, user_id: str, *, display_name: str | Unchanged | None = UNCHANGED, bot: bool | Unchanged = UNCHANGED
    ) -> UserRecord:
        """Gives a user another display name (None: none), or says whether it is a bot."""
        named = {"displayName": display_name, "bot": bot}
        body = {name: value for name, value in named.items() if value is not UNCHANGED}
        return await self._http.call("PATCH", user_path(user_id), UserRecord, body=body)

    async def deactivate(self, user_id: str) -> UserRecord:
        """Lets a user in no more: its tokens and password count no longer, its sockets close."""
        return await self._http.call("POST", user_path(user_id, "deactivate"), UserRecord)

    async def reactivate(self, user_id: str) -> UserRecord:
        """Lets a user in again, with its password or tokens that are signed from now on."""
        return await self._http.call("POST", user_path(user_id, "reactivate"), UserRecord)

    async def set_password(self, user_id: str, password: str | None) -> UserRecord:
        """Sets a user's password; None: it has none. All its tokens are revoked."""
        return await self._http.call("PUT", user_path(user_id, "password"), UserRecord, body={"password": password})

    async def devices(self, user_id: str) -> list[Device]:
        """A user's devices, with position, lag and push addresses, the newest first."""
        return (await self._http.call("GET", user_path(user_id, "devices"), Devices)).devices

    async def create_token(self, user_id: str, *, device_id: str | None = None, ttl: int | None = None) -> UserToken:
        """Signs a token of a user, valid for `ttl` seconds (30 days), for one device or any."""
        body = {"deviceID": device_id} | ({} if ttl is None else {"ttl": ttl})
        return await self._http.call("POST", user_path(user_id, "tokens"), UserToken, body=body)

    async def revoke_tokens(self, user_id: str) -> UserRecord:
        """Revokes all tokens of a user that were issued before now; its sockets close."""
        return await self._http.call("DELETE", user_path(user_id, "tokens"), UserRecord)
