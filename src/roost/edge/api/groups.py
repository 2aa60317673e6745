"""Groups: making them, who belongs to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from roost.edge.api.operations import Call, GroupID, GroupIDInPath, UserID, UserIDInPath, operation
from roost.flow.groups import MAX_NAME, GroupState
from roost.model import ids
from roost.model.names import Wire
from roost.protocol.answers import Group, Member
from roost.roster import conversations as roster
from roost.roster.conversations import ADMIN, MEMBER

Name = Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": MAX_NAME})]
Role = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [ADMIN, MEMBER]})]


class NewGroup(Wire, kw_only=True):
    """A group to be made. Without `groupID` the server makes one; the author becomes the owner."""

    group_id: GroupID | None = None
    name: Name | None = None
    members: list[UserID] = msgspec.field(default_factory=list)
    member_ids: Annotated[list[UserID], msgspec.Meta(description="Another spelling of `members`.")] = msgspec.field(
        default_factory=list
    )


class GroupName(Wire, kw_only=True):
    """A group."""

    group_id: GroupIDInPath


class Renaming(Wire, kw_only=True):
    """A group and its new name."""

    group_id: GroupIDInPath
    name: Name


class Membership(Wire, kw_only=True):
    """A user in a group; `role` is admin or member."""

    group_id: GroupIDInPath
    user_id: UserIDInPath
    role: Role | None = None


class Departure(Wire, kw_only=True):
    """A user who is to leave a group."""

    group_id: GroupIDInPath
    user_id: UserIDInPath


def _view(state: GroupState) -> Group:
    conversation = state.conversation
    return Group(
        group_id=conversation.conversation_id.removeprefix("g:"),
        conversation_id=conversation.conversation_id,
        name=conversation.name,
        create_time=conversation.created_at,
        members=shown_members(state.members),
    )


def shown_members(members: Sequence[roster.Member]) -> list[Member]:
    """Members as they are shown."""
    return [Member(user_id=one.user_id, role=one.role, join_time=one.joined_at) for one in members]


async def create(call: Call, asked: NewGroup) -> Group:
    """Make a group, with its first members."""
    members = [*asked.members, *asked.member_ids]
    return _view(await call.roads.groups.create(call.author, asked.group_id, asked.name, members))


async def show(call: Call, asked: GroupName) -> Group:
    """Show a group to one of its members."""
    return _view(await call.roads.groups.state(call.author, ids.group_id(asked.group_id)))


async def rename(call: Call, asked: Renaming) -> Group:
    """Give a group another name. For its owner and admins."""
    return _view(await call.roads.groups.rename(call.author, ids.group_id(asked.group_id), asked.name))


async def dissolve(call: Call, asked: GroupName) -> None:
    """End a group. For its owner."""
    await call.roads.groups.dissolve(call.author, ids.group_id(asked.group_id))


async def add(call: Call, asked: Membership) -> Group:
    """Add a member, or give one another role. For the owner and admins; only the owner names admins."""
    user = ids.user_id(asked.user_id)
    return _view(await call.roads.groups.add(call.author, ids.group_id(asked.group_id), user, asked.role))


async def remove(call: Call, asked: Departure) -> None:
    """Remove a member. For the owner and admins; only the owner removes admins."""
    await call.roads.groups.remove(call.author, ids.group_id(asked.group_id), ids.user_id(asked.user_id))


async def leave(call: Call, asked: GroupName) -> None:
    """Leave a group. Its owner can't; the group is dissolved instead."""
    await call.roads.groups.remove(call.author, ids.group_id(asked.group_id), call.author.user_id)


OPERATIONS = (
    operation("POST", "/groups", create),
    operation("GET", "/groups/{group_id}", show),
    operation("PATCH", "/groups/{group_id}", rename),
    operation("DELETE", "/groups/{group_id}", dissolve),
    operation("PUT", "/groups/{group_id}/members/{user_id}", add),
    operation("DELETE", "/groups/{group_id}/members/{user_id}", remove),
    operation("POST", "/groups/{group_id}/leave", leave),
)
