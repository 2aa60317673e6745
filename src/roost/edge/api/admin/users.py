"""Users: making, changing, deactivating them; their devices and tokens."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from roost.edge.api.admin.paging import cursor
from roost.edge.api.devices import devices_of
from roost.edge.api.operations import (
    DEFAULT_PAGE_SIZE,
    BackEndCall,
    DeviceID,
    PageSize,
    UserID,
    UserIDInPath,
    operation,
)
from roost.edge.auth.accounts import MAX_DISPLAY_NAME
from roost.edge.auth.credentials import find_account
from roost.edge.auth.passwords import LONGEST, SHORTEST
from roost.model import ids
from roost.model.names import Wire
from roost.protocol.admin import UserPage, UserRecord, UserToken
from roost.protocol.answers import Devices
from roost.roster.users import Account, accounts_after, accounts_named

DAY = 86400
LONGEST_TTL = 3650 * DAY
"""Seconds for which a token may be valid: ten years, for bots."""

Password = Annotated[str, msgspec.Meta(extra_json_schema={"minLength": SHORTEST, "maxLength": LONGEST})]
DisplayName = Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": MAX_DISPLAY_NAME})]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=LONGEST_TTL)]


class NewUser(Wire, kw_only=True):
    """A user to be made. Without `password` only tokens let them in. `bot`: it is a program."""

    user_id: UserID
    display_name: DisplayName | None = None
    password: Password | None = None
    bot: bool = False


class UserName(Wire, kw_only=True):
    """A user."""

    user_id: UserIDInPath


class UserListing(Wire, kw_only=True):
    """Which page: at most `limit` users, from where `next` of the page before has pointed.

    With a `prefix` those whose ids begin with it, in the order of ids.
    """

    prefix: UserIDInPath | None = None
    after: str | None = None
    limit: PageSize = DEFAULT_PAGE_SIZE


class UserChange(Wire, kw_only=True):
    """What is to be another; what is left out stays. `displayName` null takes the name away."""

    user_id: UserIDInPath
    display_name: DisplayName | UnsetType | None = UNSET
    bot: bool | UnsetType = UNSET


class NewPassword(Wire, kw_only=True):
    """The password to log in with; null: none."""

    user_id: UserIDInPath
    password: Password | None


class NewToken(Wire, kw_only=True):
    """A token to be signed, for one device or any, valid for `ttl` seconds (30 days)."""

    user_id: UserIDInPath
    device_id: DeviceID | None = None
    ttl: Seconds = 30 * DAY


async def create_user(call: BackEndCall, asked: NewUser) -> UserRecord:
    """Make a user. The same again gives the same user."""
    user = ids.user_id(asked.user_id)
    return record(
        await call.roads.credentials.create(call.author, user, asked.display_name, asked.password, bot=asked.bot)
    )


async def list_users(call: BackEndCall, asked: UserListing) -> UserPage:
    """List all users, page by page, in the order of coming; or those whose ids begin with a `prefix`, by their ids."""
    if asked.prefix is not None:
        return await _list_named(call, ids.user_id(asked.prefix, "prefix"), asked)
    after = cursor(asked.after)
    found = await call.roads.database.read(lambda tx: accounts_after(tx, after, asked.limit + 1))
    page = found[: asked.limit]
    return UserPage(users=[record(each) for each in page], next=str(page[-1].uid) if len(found) > len(page) else None)


async def _list_named(call: BackEndCall, prefix: str, asked: UserListing) -> UserPage:
    after = "" if asked.after is None else ids.user_id(asked.after, "after")
    found = await call.roads.database.read(lambda tx: accounts_named(tx, prefix, after, asked.limit + 1))
    page = found[: asked.limit]
    return UserPage(users=[record(each) for each in page], next=page[-1].user_id if len(found) > len(page) else None)


async def get_user(call: BackEndCall, asked: UserName) -> UserRecord:
    """Look at a user."""
    user = ids.user_id(asked.user_id)
    return record(await call.roads.database.read(lambda tx: find_account(tx, user)))


async def update_user(call: BackEndCall, asked: UserChange) -> UserRecord:
    """Change a user's display name, or whether they are a bot."""
    named = {"display_name": asked.display_name, "bot": asked.bot}
    changes = {name: value for name, value in named.items() if not isinstance(value, UnsetType)}
    return record(await call.roads.credentials.update(call.author, ids.user_id(asked.user_id), changes))


async def deactivate_user(call: BackEndCall, asked: UserName) -> UserRecord:
    """Deactivate a user: tokens and password count no more, sockets close with 4502. Nothing of theirs is removed."""
    return record(await call.roads.credentials.deactivate(call.author, ids.user_id(asked.user_id)))


async def reactivate_user(call: BackEndCall, asked: UserName) -> UserRecord:
    """Reactivate a user. The password counts again; tokens of before don't."""
    return record(await call.roads.credentials.reactivate(call.author, ids.user_id(asked.user_id)))


async def set_password(call: BackEndCall, asked: NewPassword) -> UserRecord:
    """Set a user's password, or take it away. All tokens of the user are revoked."""
    return record(await call.roads.credentials.set_password(call.author, ids.user_id(asked.user_id), asked.password))


async def list_user_devices(call: BackEndCall, asked: UserName) -> Devices:
    """List a user's devices with their positions, lag and push addresses."""
    user = ids.user_id(asked.user_id)
    found = await call.roads.database.read(lambda tx: find_account(tx, user))
    return await devices_of(call.roads, found.uid, 0)


async def create_token(call: BackEndCall, asked: NewToken) -> UserToken:
    """Sign a token of a user."""
    user = ids.user_id(asked.user_id)
    device = None if asked.device_id is None else ids.device_id(asked.device_id)
    signed = await call.roads.credentials.sign(call.author, user, device, asked.ttl)
    return UserToken(token=signed.token, expire_time=signed.expires_at, user_id=user, device_id=device)


async def revoke_tokens(call: BackEndCall, asked: UserName) -> UserRecord:
    """Revoke all tokens of a user that were issued before now. Their sockets close with 4502."""
    return record(await call.roads.credentials.revoke_tokens(call.author, ids.user_id(asked.user_id)))


def record(found: Account) -> UserRecord:
    """A user as back ends see them."""
    return UserRecord(
        user_id=found.user_id,
        display_name=found.display_name,
        bot=bool(found.bot),
        has_password=found.password_hash is not None,
        create_time=found.created_at,
        deactivate_time=found.deactivated_at or 0,
        erase_time=found.erased_at or 0,
    )


OPERATIONS = (
    operation("POST", "/admin/users", create_user, status=201, scope="users:write"),
    operation("GET", "/admin/users", list_users, scope="users:read"),
    operation("GET", "/admin/users/{user_id}", get_user, scope="users:read"),
    operation("PATCH", "/admin/users/{user_id}", update_user, scope="users:write"),
    operation("POST", "/admin/users/{user_id}/deactivate", deactivate_user, scope="users:write"),
    operation("POST", "/admin/users/{user_id}/reactivate", reactivate_user, scope="users:write"),
    operation("PUT", "/admin/users/{user_id}/password", set_password, scope="users:write"),
    operation("GET", "/admin/users/{user_id}/devices", list_user_devices, scope="users:read"),
    operation("POST", "/admin/users/{user_id}/tokens", create_token, status=201, scope="tokens"),
    operation("DELETE", "/admin/users/{user_id}/tokens", revoke_tokens, scope="tokens"),
)
