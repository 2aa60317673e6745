"""Accounts: register, log in, refresh, log out."""

from __future__ import annotations

from typing import Annotated

import msgspec

from roost.edge.api.operations import Call, DeviceID, UserID, Visit, operation
from roost.edge.auth.accounts import MAX_DISPLAY_NAME
from roost.edge.auth.passwords import LONGEST, SHORTEST
from roost.model.names import Wire
from roost.protocol.answers import Session


class Registration(Wire, kw_only=True):
    """A new account. `password` has 8-200 characters; without `deviceID` the device gets a fresh one."""

    user_id: UserID
    password: Annotated[str, msgspec.Meta(extra_json_schema={"minLength": SHORTEST, "maxLength": LONGEST})]
    display_name: (
        Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": MAX_DISPLAY_NAME})] | None
    ) = None
    device_id: DeviceID | None = None


class Login(Wire, kw_only=True):
    """The credentials of an account. Without `deviceID` the device gets a fresh one, without a position."""

    user_id: UserID
    password: str
    device_id: DeviceID | None = None


class Refresh(Wire, kw_only=True):
    """A refresh token, which is good once."""

    refresh_token: str


async def register(visit: Visit, asked: Registration) -> Session:
    """Make an account and log in."""
    accounts = visit.roads.accounts
    return await accounts.register(
        asked.user_id, asked.password, asked.display_name, asked.device_id, address=visit.address
    )


async def login(visit: Visit, asked: Login) -> Session:
    """Log in. Attempts are limited for each user and each network address."""
    accounts = visit.roads.accounts
    return await accounts.login(asked.user_id, asked.password, asked.device_id, address=visit.address)


async def refresh(visit: Visit, asked: Refresh) -> Session:
    """Exchange the refresh token for a new session. The old refresh token is used up."""
    return await visit.roads.accounts.refresh(asked.refresh_token)


async def logout(call: Call) -> None:
    """Log this device out. Its tokens are refused from now on, its sockets close with 4502, and push to it ends."""
    await call.roads.push.remove(call.author.uid, call.author.did, None)
    await call.roads.accounts.logout(call.author, call.claims)


OPERATIONS = (
    operation("POST", "/auth/register", register, status=201),
    operation("POST", "/auth/login", login),
    operation("POST", "/auth/refresh", refresh),
    operation("POST", "/auth/logout", logout),
)
