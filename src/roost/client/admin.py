"""What an application's own server does: users, tokens, messages, with a key of the server (`docs/admin.md`).

    async with AdminClient("http://127.0.0.1:8080", key=key) as admin:
        await admin.create_user("ann", display_name="Ann")
        await admin.send("ann", "Welcome!")

`BlockingAdminClient` is the same for plain functions. Errors are those of `Client`: `NetworkError`, and what the server
refuses, such as `MissingScope`. Nothing is tried again by itself; each call may be made again safely, sending with a
`message_id` of one's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, Final, ParamSpec, Self, TypeVar
from urllib.parse import quote

import msgspec

from roost.client.changing import MessageLike, server_id
from roost.client.errors import NetworkError
from roost.client.http import Http
from roost.client.tokens import Tokens
from roost.model.message import Message
from roost.model.sticker import StickerPack
from roost.protocol.admin import (
    ApiKey,
    ApiKeys,
    DeviceBehind,
    DevicesBehind,
    ErasureState,
    MadeKey,
    Stats,
    UserPage,
    UserRecord,
    UserToken,
)
from roost.protocol.answers import Added, Device, Devices, Group, Member, MemberPage, Removed
from roost.protocol.frames import Sent

T = TypeVar("T")
P = ParamSpec("P")

PAGE = 500
"""Users asked for at once."""


class _Unchanged:
    """What is left as it is."""


UNCHANGED: Final = _Unchanged()


class AdminClient:
    """A back end. Its key is `roost_...`, from `roost key create`."""

    def __init__(self, url: str, *, key: str) -> None:
        """A client of the server at `url`, such as `http://127.0.0.1:8080`."""
        self._http = Http(url.rstrip("/"), Tokens(key))

    async def __aenter__(self) -> Self:
        """Nothing is asked yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends its connections."""
        await self.close()

    async def close(self) -> None:
        """Ends its connections."""
        await self._http.close()

    # --- users ---

    async def create_user(
        self, user_id: str, *, display_name: str | None = None, password: str | None = None, bot: bool = False
    ) -> UserRecord:
        """Makes a user; the same again gives the same user. Raises `UserExists` where there is another of this id."""
        body = {"userID": user_id, "displayName": display_name, "password": password, "bot": bot}
        return await self._http.call("POST", "/admin/users", UserRecord, body=body)

    async def user(self, user_id: str) -> UserRecord:
        """A user. Raises `UnknownReceiver`."""
        return await self._http.call("GET", _user(user_id), UserRecord)

    async def users(self, *, page: int = PAGE) -> AsyncIterator[UserRecord]:
        """All users, in the order of coming; `page` are asked for at once."""
        query: dict[str, Any] = {"limit": page}
        while True:
            found = await self._http.call("GET", "/admin/users", UserPage, query=query)
            for each in found.users:
                yield each
            if found.next is None:
                return
            query["after"] = found.next

    async def update_user(
        self, user_id: str, *, display_name: str | _Unchanged | None = UNCHANGED, bot: bool | _Unchanged = UNCHANGED
    ) -> UserRecord:
        """Gives a user another display name (None: none), or says whether it is a bot."""
        named = {"displayName": display_name, "bot": bot}
        body = {name: value for name, value in named.items() if value is not UNCHANGED}
        return await self._http.call("PATCH", _user(user_id), UserRecord, body=body)

    async def deactivate(self, user_id: str) -> UserRecord:
        """Lets a user in no more: its tokens and password count no longer, its sockets close."""
        return await self._http.call("POST", _user(user_id, "deactivate"), UserRecord)

    async def reactivate(self, user_id: str) -> UserRecord:
        """Lets a user in again, with its password or tokens that are signed from now on."""
        return await self._http.call("POST", _user(user_id, "reactivate"), UserRecord)

    async def set_password(self, user_id: str, password: str | None) -> UserRecord:
        """Sets a user's password; None: it has none. All its tokens are revoked."""
        return await self._http.call("PUT", _user(user_id, "password"), UserRecord, body={"password": password})

    async def devices(self, user_id: str) -> list[Device]:
        """A user's devices, with position, lag and push addresses, the newest first."""
        return (await self._http.call("GET", _user(user_id, "devices"), Devices)).devices

    async def create_token(self, user_id: str, *, device_id: str | None = None, ttl: int | None = None) -> UserToken:
        """Signs a token of a user, valid for `ttl` seconds (30 days), for one device or any."""
        body = {"deviceID": device_id} | ({} if ttl is None else {"ttl": ttl})
        return await self._http.call("POST", _user(user_id, "tokens"), UserToken, body=body)

    async def revoke_tokens(self, user_id: str) -> UserRecord:
        """Revokes all tokens of a user that were issued before now; its sockets close."""
        return await self._http.call("DELETE", _user(user_id, "tokens"), UserRecord)

    # --- a user's data ---

    async def export(self, user_id: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """All the server has of a user: kinds (`profile`, `message`, ...) and JSON values, as they come.

        Raises `NetworkError` where it is cut before its end.
        """
        rest, count = b"", 0
        async with self._http.stream(_user(user_id, "export"), {}) as pieces:
            async for piece in pieces:
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    found = msgspec.json.decode(line)
                    kind = found["kind"]
                    if kind == "end" and found["end"]["lines"] == count:
                        return
                    count += 1
                    yield kind, found[kind]
        raise NetworkError(f"The export of {user_id} was cut after {count} lines.")

    async def erase(self, user_id: str) -> ErasureState:
        """Erases a user's data, for good, in the background; again it tells how far that is."""
        return await self._http.call("POST", _user(user_id, "erase"), ErasureState)

    async def erasure(self, user_id: str) -> ErasureState:
        """How far the erasing of a user's data is. Raises `NotFound` where nobody has asked for it."""
        return await self._http.call("GET", _user(user_id, "erase"), ErasureState)

    # --- groups ---

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
        return await self._http.call("GET", _group(group_id), Group)

    async def update_group(self, /, group_id: str, **settings: Any) -> Group:
        """Gives a group another `name` or other settings; see `create_group`."""
        return await self._http.call("PATCH", _group(group_id), Group, body=settings)

    async def dissolve_group(self, group_id: str) -> None:
        """Ends a group."""
        await self._http.call("DELETE", _group(group_id), type(None))

    async def transfer_group(self, group_id: str, user_id: str) -> Group:
        """Gives a group to one of its members."""
        return await self._http.call("POST", _group(group_id, "transfer"), Group, body={"userID": user_id})

    async def members(self, group_id: str, *, page: int = PAGE) -> AsyncIterator[Member]:
        """The members of a group, however many; `page` are asked for at once."""
        query: dict[str, Any] = {"limit": page}
        while True:
            found = await self._http.call("GET", _group(group_id, "members"), MemberPage, query=query)
            for each in found.members:
                yield each
            if found.next_after is None:
                return
            query["after"] = found.next_after

    async def add_members(self, group_id: str, members: Sequence[str]) -> int:
        """Adds members, at most 2,000 at once; returns how many are new."""
        body = {"members": members}
        return (await self._http.call("POST", _group(group_id, "members"), Added, body=body)).added

    async def remove_members(self, group_id: str, members: Sequence[str]) -> int:
        """Removes members, at most 2,000 at once; returns how many there were."""
        body = {"members": members}
        return (await self._http.call("POST", _group(group_id, "members/remove"), Removed, body=body)).removed

    async def set_member(self, group_id: str, user_id: str, *, role: str | None = None) -> Group:
        """Adds a member, or gives one another `role`: admin or member."""
        path = _group(group_id, f"members/{quote(user_id, safe='')}")
        return await self._http.call("PUT", path, Group, body={"role": role})

    # --- messages ---

    async def send(
        self,
        to: str,
        content: str,
        *,
        sender: str | None = None,
        message_id: str | None = None,
        message_type: int | None = None,
        reply_to: MessageLike | None = None,
        mentions: Sequence[str] | None = None,
    ) -> Sent:
        """Sends as the server, or in the name of the user `sender`, to a user or a conversation (`g:...`, `p:...`).

        With the same `message_id` again the first receipt comes.
        """
        body = {
            "conversationID" if ":" in to else "to": to,
            "content": content,
            "senderID": sender,
            "messageID": message_id,
            "messageType": message_type,
            "replyTo": None if reply_to is None else server_id(reply_to),
            "mentions": mentions,
        }
        return await self._http.call("POST", "/admin/messages", Sent, body=body)

    async def recall(self, message: MessageLike, *, reason: str | None = None) -> Message:
        """Takes any message back; everybody is told why."""
        path = f"/admin/messages/{server_id(message)}/recall"
        return await self._http.call("POST", path, Message, body={"reason": reason})

    # --- stickers ---

    async def put_stickers(self, pack_id: str, name: str, stickers: Sequence[Mapping[str, str]]) -> StickerPack:
        """Makes a pack, or replaces it. Each of the `stickers` has `stickerID`, `emoji` and `url` (https)."""
        body = {"name": name, "stickers": list(stickers)}
        return await self._http.call("PUT", f"/admin/stickers/{quote(pack_id, safe='')}", StickerPack, body=body)

    async def remove_stickers(self, pack_id: str) -> None:
        """Removes a pack. What was sent from it stays. Raises `UnknownSticker`."""
        await self._http.call("DELETE", f"/admin/stickers/{quote(pack_id, safe='')}", type(None))

    # --- operating ---

    async def stats(self) -> Stats:
        """How much there is, and how the node that answers is."""
        return await self._http.call("GET", "/admin/stats", Stats)

    async def behind(self, limit: int = 10) -> list[DeviceBehind]:
        """The devices furthest behind their logs."""
        return (await self._http.call("GET", "/admin/stats/behind", DevicesBehind, query={"limit": limit})).devices

    async def create_key(self, name: str, scopes: Sequence[str], *, expire_time: int | None = None) -> MadeKey:
        """Makes a key, good until `expire_time` (milliseconds) or until it is revoked. It is told this once."""
        body = {"name": name, "scopes": scopes, "expireTime": expire_time}
        return await self._http.call("POST", "/admin/keys", MadeKey, body=body)

    async def keys(self) -> list[ApiKey]:
        """All keys, also those that are over."""
        return (await self._http.call("GET", "/admin/keys", ApiKeys)).keys

    async def revoke_key(self, key: str) -> ApiKey:
        """Ends a key, by its prefix or name, at once."""
        return await self._http.call("DELETE", f"/admin/keys/{quote(key, safe='')}", ApiKey)


def _user(user_id: str, what: str = "") -> str:
    return f"/admin/users/{quote(user_id, safe='')}{what and '/'}{what}"


def _group(group_id: str, what: str = "") -> str:
    return f"/admin/groups/{quote(group_id.removeprefix('g:'), safe='')}{what and '/'}{what}"


def _waits(
    method: Callable[Concatenate[AdminClient, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[BlockingAdminClient, P], T]:
    """The same, returning when it is done."""

    @wraps(method)
    def call(self: BlockingAdminClient, /, *arguments: P.args, **options: P.kwargs) -> T:
        return self.wait(method(self.client, *arguments, **options))

    return call


def _walks(
    method: Callable[Concatenate[AdminClient, P], AsyncIterator[T]],
) -> Callable[Concatenate[BlockingAdminClient, P], Iterator[T]]:
    """The same, one after the other."""

    @wraps(method)
    def walk(self: BlockingAdminClient, /, *arguments: P.args, **options: P.kwargs) -> Iterator[T]:
        source = method(self.client, *arguments, **options)
        while True:
            try:
                yield self.wait(_next(source))
            except StopAsyncIteration:
                return

    return walk


async def _next(source: AsyncIterator[T]) -> T:
    return await anext(source)


class BlockingAdminClient:
    """An `AdminClient` for plain functions; takes what that takes. For one thread, without a running event loop."""

    def __init__(self, url: str, *, key: str) -> None:
        self._runner = asyncio.Runner()
        self.client = AdminClient(url, key=key)

    def __enter__(self) -> Self:
        """Nothing is asked yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends its connections."""
        self.close()

    def close(self) -> None:
        """Ends its connections."""
        self.wait(self.client.close())
        self._runner.close()

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Waits for a coroutine of `client`."""
        return self._runner.run(work)

    create_user = _waits(AdminClient.create_user)
    user = _waits(AdminClient.user)
    users = _walks(AdminClient.users)
    update_user = _waits(AdminClient.update_user)
    deactivate = _waits(AdminClient.deactivate)
    reactivate = _waits(AdminClient.reactivate)
    set_password = _waits(AdminClient.set_password)
    devices = _waits(AdminClient.devices)
    create_token = _waits(AdminClient.create_token)
    revoke_tokens = _waits(AdminClient.revoke_tokens)
    export = _walks(AdminClient.export)
    erase = _waits(AdminClient.erase)
    erasure = _waits(AdminClient.erasure)
    create_group = _waits(AdminClient.create_group)
    group = _waits(AdminClient.group)
    update_group = _waits(AdminClient.update_group)
    dissolve_group = _waits(AdminClient.dissolve_group)
    transfer_group = _waits(AdminClient.transfer_group)
    members = _walks(AdminClient.members)
    add_members = _waits(AdminClient.add_members)
    remove_members = _waits(AdminClient.remove_members)
    set_member = _waits(AdminClient.set_member)
    send = _waits(AdminClient.send)
    recall = _waits(AdminClient.recall)
    put_stickers = _waits(AdminClient.put_stickers)
    remove_stickers = _waits(AdminClient.remove_stickers)
    stats = _waits(AdminClient.stats)
    behind = _waits(AdminClient.behind)
    create_key = _waits(AdminClient.create_key)
    keys = _waits(AdminClient.keys)
    revoke_key = _waits(AdminClient.revoke_key)
