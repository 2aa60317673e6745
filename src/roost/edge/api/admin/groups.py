"""Groups: the same as their owners do, without belonging to them."""

from __future__ import annotations

from roost.edge.api.groups import (
    Change,
    GroupName,
    Heir,
    MemberList,
    Membership,
    NewGroup,
    NewMembers,
    shown_members,
    view,
)
from roost.edge.api.operations import BackEndCall, UserID, operation
from roost.errors import Conflict, UnknownConversation
from roost.flow.groups.groups import GroupState
from roost.model import ids
from roost.protocol.answers import Added, Group, MemberPage, Removed
from roost.roster.conversations import OWNER


class OwnedGroup(NewGroup, kw_only=True):
    """A group to be made, and who is to own it."""

    owner_id: UserID


async def create_group(call: BackEndCall, asked: OwnedGroup) -> Group:
    """Make a group with any owner, and its first members. The same again gives the same group."""
    owner = await call.roads.credentials.as_user(ids.user_id(asked.owner_id, "ownerID"))
    members = [*asked.members, *asked.member_ids]
    try:
        return view(await call.roads.groups.create(owner, asked.group_id, asked.wish, members))
    except Conflict:
        there = await _there(call, asked)
        if there is None or there.conversation.name != asked.name or not _owns(there, owner.user_id):
            raise
        return view(there)


async def _there(call: BackEndCall, asked: OwnedGroup) -> GroupState | None:
    if asked.group_id is None:
        return None
    try:
        return await call.roads.groups.state(call.author, ids.group_id(asked.group_id))
    except UnknownConversation:  # dissolved
        return None


def _owns(there: GroupState, user_id: str) -> bool:
    return any(member.role == OWNER and member.user_id == user_id for member in there.members)


async def show_group(call: BackEndCall, asked: GroupName) -> Group:
    """Look at a group. Of a large one the members are in pages of their own."""
    return view(await call.roads.groups.state(call.author, ids.group_id(asked.group_id)))


async def change_group(call: BackEndCall, asked: Change) -> Group:
    """Give a group another name or other settings."""
    return view(await call.roads.groups.change(call.author, ids.group_id(asked.group_id), asked.wish))


async def dissolve_group(call: BackEndCall, asked: GroupName) -> None:
    """End a group."""
    await call.roads.groups.dissolve(call.author, ids.group_id(asked.group_id))


async def transfer_group(call: BackEndCall, asked: Heir) -> Group:
    """Give a group to one of its members. Who owned it is an admin then."""
    group, user = ids.group_id(asked.group_id), ids.user_id(asked.user_id)
    return view(await call.roads.membership.transfer(call.author, group, user))


async def list_group_members(call: BackEndCall, asked: MemberList) -> MemberPage:
    """List the members of a group, page by page."""
    after = None if asked.after is None else ids.user_id(asked.after, "after")
    found = await call.roads.membership.members(call.author, ids.group_id(asked.group_id), after, asked.limit + 1)
    shown = shown_members(found[: asked.limit])
    return MemberPage(members=shown, next_after=shown[-1].user_id if len(found) > asked.limit else None)


async def add_group_members(call: BackEndCall, asked: NewMembers) -> Added:
    """Add members to a group, at most 2,000 at once. Who is there already stays."""
    group = ids.group_id(asked.group_id)
    return Added(added=await call.roads.membership.add_many(call.author, group, asked.members))


async def remove_group_members(call: BackEndCall, asked: NewMembers) -> Removed:
    """Remove members from a group, at most 2,000 at once. Who is none is passed over; the owner can't be removed."""
    group = ids.group_id(asked.group_id)
    return Removed(removed=await call.roads.membership.remove_many(call.author, group, asked.members))


async def set_group_member(call: BackEndCall, asked: Membership) -> Group:
    """Add a member to a group, or give one another role."""
    group, user = ids.group_id(asked.group_id), ids.user_id(asked.user_id)
    return view(await call.roads.membership.add(call.author, group, user, asked.role))


OPERATIONS = (
    operation("POST", "/admin/groups", create_group, status=201, scope="groups:write"),
    operation("GET", "/admin/groups/{group_id}", show_group, scope="groups:read"),
    operation("PATCH", "/admin/groups/{group_id}", change_group, scope="groups:write"),
    operation("DELETE", "/admin/groups/{group_id}", dissolve_group, scope="groups:write"),
    operation("POST", "/admin/groups/{group_id}/transfer", transfer_group, scope="groups:write"),
    operation("GET", "/admin/groups/{group_id}/members", list_group_members, scope="groups:read"),
    operation("POST", "/admin/groups/{group_id}/members", add_group_members, scope="groups:write"),
    operation("POST", "/admin/groups/{group_id}/members/remove", remove_group_members, scope="groups:write"),
    operation("PUT", "/admin/groups/{group_id}/members/{user_id}", set_group_member, scope="groups:write"),
)
