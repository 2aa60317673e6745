"""Users: their profiles, and one's own."""

from __future__ import annotations

from typing import Annotated

import msgspec

from roost.edge.api.operations import Call, UserIDInPath, operation
from roost.errors import InvalidInput
from roost.flow.people.profiles import MAX_AVATAR, MAX_NAME, MAX_STATUS, Wish
from roost.model import ids
from roost.model.names import Wire
from roost.protocol.answers import OwnProfile, Profile, ProfileList
from roost.roster import profiles

MAX_USERS = 500
"""Users in one query of profiles."""


class UserName(Wire, kw_only=True):
    """A user."""

    user_id: UserIDInPath


class UserNames(Wire, kw_only=True):
    """User ids with commas between them, at most 500."""

    user_ids: Annotated[str, msgspec.Meta(examples=["ann,bob"])]


def _text(longest: int) -> msgspec.Meta:
    return msgspec.Meta(extra_json_schema={"maxLength": longest})


class ProfileChange(Wire, kw_only=True):
    """What is to be another in one's profile; "" takes it away. `presence`: who sees whether one is online."""

    display_name: Annotated[str, _text(MAX_NAME)] | None = None
    avatar: Annotated[str, _text(MAX_AVATAR)] | None = None
    status: Annotated[str, _text(MAX_STATUS)] | None = None
    presence: Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(profiles.AUDIENCES)})] | None = None


def _shown(found: profiles.Profile) -> Profile:
    return Profile(
        user_id=found.user_id,
        display_name=found.display_name,
        avatar=found.avatar,
        status=found.status,
        version=found.version,
        bot=bool(found.bot),
    )


def _own(found: profiles.Profile) -> OwnProfile:
    return OwnProfile(**msgspec.structs.asdict(_shown(found)), presence=found.presence)


async def read_profile(call: Call, asked: UserName) -> Profile:
    """Read the profile of a user."""
    return _shown(await call.roads.profiles.one(ids.user_id(asked.user_id)))


async def read_profiles(call: Call, asked: UserNames) -> ProfileList:
    """Read the profiles of many users at once. Who does not exist is left out."""
    names = [ids.user_id(name.strip(), "userIDs") for name in asked.user_ids.split(",") if name.strip()]
    if not 1 <= len(names) <= MAX_USERS:
        raise InvalidInput(f"userIDs must name 1-{MAX_USERS} users.")
    found = await call.roads.profiles.several(names)
    return ProfileList(users=[_shown(found[name]) for name in dict.fromkeys(names) if name in found])


async def own_profile(call: Call) -> OwnProfile:
    """Read one's own profile."""
    return _own(await call.roads.profiles.one(call.author.user_id))


async def change_profile(call: Call, asked: ProfileChange) -> OwnProfile:
    """Change one's own profile, and who sees whether one is online."""
    wish = Wish(asked.display_name, asked.avatar, asked.status, asked.presence)
    return _own(await call.roads.profiles.change(call.author, wish, address=call.address))


OPERATIONS = (
    operation("GET", "/users", read_profiles),
    operation("GET", "/users/{user_id}", read_profile),
    operation("GET", "/users/me", own_profile),
    operation("PATCH", "/users/me", change_profile),
)
