"""Groups: making them, setting them, who belongs to them, who may write there and who can't come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from roost.edge.api.operations import Call, GroupID, GroupIDInPath, UserID, UserIDInPath, operation
from roost.flow.groups.groups import AT_ONCE, MAX_NAME, MAX_TEXT, GroupState, Wish
from roost.flow.groups.membership import MAX_MUTE
from roost.model import ids
from roost.model.names import Wire
from roost.protocol.answers import Added, Ban, Bans, Group, Member, MemberPage
from roost.roster import conversations as roster
from roost.roster.conversations import ADMIN, MEMBER
from roost.roster.large import PageMember

DEFAULT_MEMBERS_SHOWN, MAX_MEMBERS_SHOWN = 100, 1000
"""Members in a page."""

Name = Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": MAX_NAME})]
Text = Annotated[str, msgspec.Meta(extra_json_schema={"maxLength": MAX_TEXT})]
Role = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [ADMIN, MEMBER]})]


class Settings(Wire, kw_only=True):
    """What can be set of a group. `membersInvite`: every member brings in others. An empty text takes it away."""

    name: Name | None = None
    description: Text | None = None
    avatar: Text | None = None
    announcement_only: bool | None = None
    members_invite: bool | None = None

    @property
    def wish(self) -> Wish:
        """For the road."""
        return Wish(self.name, self.description, self.avatar, self.announcement_only, self.members_invite)


class NewGroup(Settings, kw_only=True):
    """A group to be made. Without `groupID` the server makes one; the author becomes the owner."""

    group_id: GroupID | None = None
    members: list[UserID] = msgspec.field(default_factory=list)
    member_ids: Annotated[list[UserID], msgspec.Meta(description="Another spelling of `members`.")] = msgspec.field(
        default_factory=list
    )


class GroupName(Wire, kw_only=True):
    """A group."""

    group_id: GroupIDInPath


class Change(Settings, kw_only=True):
    """A group and what is to be another; what is not named stays."""

    group_id: GroupIDInPath


class Membership(Wire, kw_only=True):
    """A user in a group; `role` is admin or member."""

    group_id: GroupIDInPath
    user_id: UserIDInPath
    role: Role | None = None


class Person(Wire, kw_only=True):
    """A user, and a group that it is in, or not."""

    group_id: GroupIDInPath
    user_id: UserIDInPath


class Mute(Wire, kw_only=True):
    """A member who may not write for `seconds`."""

    group_id: GroupIDInPath
    user_id: UserIDInPath
    seconds: Annotated[int, msgspec.Meta(ge=1, le=MAX_MUTE)]


class Heir(Wire, kw_only=True):
    """A group and the member who is to own it."""

    group_id: GroupIDInPath
    user_id: UserID


class MemberList(Wire, kw_only=True):
    """A page of a group's members: those behind the user `after`."""

    group_id: GroupIDInPath
    after: UserID | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_MEMBERS_SHOWN)] = DEFAULT_MEMBERS_SHOWN


class NewMembers(Wire, kw_only=True):
    """A group, and users who are to be members of it."""

    group_id: GroupIDInPath
    members: Annotated[list[UserID], msgspec.Meta(max_length=AT_ONCE)]


def view(state: GroupState) -> Group:
    """A group as it is shown."""
    conversation = state.conversation
    return Group(
        **msgspec.structs.asdict(state.settings),
        group_id=conversation.conversation_id.removeprefix("g:"),
        conversation_id=conversation.conversation_id,
        name=conversation.name,
        create_time=conversation.created_at,
        members=shown_members(state.members),
        member_count=state.member_count,
        large=conversation.large,
    )


def shown_members(members: Sequence[roster.Member | PageMember]) -> list[Member]:
    """Members as they are shown."""
    return [
        Member(
            user_id=one.user_id,
            role=one.role,
            join_time=one.joined_at,
            muted_until=one.muted_until,
            bot=bool(one.bot),
        )
        for one in members
    ]


async def create(call: Call, asked: NewGroup) -> Group:
    """Make a group, with its first members."""
    members = [*asked.members, *asked.member_ids]
    return view(await call.roads.groups.create(call.author, asked.group_id, asked.wish, members))


async def show(call: Call, asked: GroupName) -> Group:
    """Show a group to one of its members."""
    return view(await call.roads.groups.state(call.author, ids.group_id(asked.group_id)))


async def change(call: Call, asked: Change) -> Group:
    """Give a group another name or other settings. For its owner and admins."""
    return view(await call.roads.groups.change(call.author, ids.group_id(asked.group_id), asked.wish))


async def dissolve(call: Call, asked: GroupName) -> None:
    """End a group. For its owner."""
    await call.roads.groups.dissolve(call.author, ids.group_id(asked.group_id))


async def transfer(call: Call, asked: Heir) -> Group:
    """Give a group to another member. For its owner, who becomes an admin."""
    return view(await call.roads.membership.transfer(call.author, *_names(asked)))


async def add(call: Call, asked: Membership) -> Group:
    """Add a member, or give one another role.

    For the owner and admins, or for all members where they bring in others; only the owner names admins.
    """
    return view(await call.roads.membership.add(call.author, *_names(asked), asked.role))


async def show_members(call: Call, asked: MemberList) -> MemberPage:
    """List the members of a group, large or not, to one of them. The order is no particular one, and stays."""
    after = None if asked.after is None else ids.user_id(asked.after, "after")
    group = ids.group_id(asked.group_id)
    found = await call.roads.membership.members(call.author, group, after, asked.limit + 1)
    shown = shown_members(found[: asked.limit])
    return MemberPage(members=shown, next_after=shown[-1].user_id if len(found) > asked.limit else None)


async def add_many(call: Call, asked: NewMembers) -> Added:
    """Add members, at most 2,000 at once. For the owner and admins, or for all members where they bring in others."""
    group = ids.group_id(asked.group_id)
    return Added(added=await call.roads.membership.add_many(call.author, group, asked.members))


async def remove(call: Call, asked: Person) -> None:
    """Remove a member. For the owner and admins; only the owner removes admins."""
    await call.roads.membership.remove(call.author, *_names(asked))


async def leave(call: Call, asked: GroupName) -> None:
    """Leave a group. An owner's place is taken by another; the last one to leave ends the group."""
    await call.roads.membership.leave(call.author, ids.group_id(asked.group_id))


async def mute_member(call: Call, asked: Mute) -> Group:
    """Do not let a member write for some seconds. For the owner and admins; only the owner does it to admins."""
    return view(await call.roads.membership.mute(call.author, *_names(asked), asked.seconds))


async def unmute_member(call: Call, asked: Person) -> Group:
    """Let a member write again."""
    return view(await call.roads.membership.mute(call.author, *_names(asked), 0))


async def ban(call: Call, asked: Person) -> None:
    """Keep a user out of a group; a member is removed. For the owner and admins; only the owner bans admins."""
    await call.roads.membership.ban(call.author, *_names(asked))


async def unban(call: Call, asked: Person) -> None:
    """Let a user come into a group again. For the owner and admins."""
    await call.roads.membership.unban(call.author, *_names(asked))


async def bans(call: Call, asked: GroupName) -> Bans:
    """List who is kept out of a group. For the owner and admins."""
    found = await call.roads.membership.bans(call.author, ids.group_id(asked.group_id))
    return Bans(
        bans=[Ban(user_id=one.user_id, banned_by=one.banned_by, ban_time=one.banned_at) for one in found],
    )


def _names(asked: Membership | Person | Mute | Heir) -> tuple[str, str]:
    """The ids of the group and of the user. Raises `InvalidID`."""
    return ids.group_id(asked.group_id), ids.user_id(asked.user_id)


OPERATIONS = (
    operation("POST", "/groups", create),
    operation("GET", "/groups/{group_id}", show),
    operation("PATCH", "/groups/{group_id}", change),
    operation("DELETE", "/groups/{group_id}", dissolve),
    operation("GET", "/groups/{group_id}/members", show_members),
    operation("POST", "/groups/{group_id}/members", add_many),
    operation("PUT", "/groups/{group_id}/members/{user_id}", add),
    operation("DELETE", "/groups/{group_id}/members/{user_id}", remove),
    operation("POST", "/groups/{group_id}/leave", leave),
    operation("POST", "/groups/{group_id}/transfer", transfer),
    operation("PUT", "/groups/{group_id}/members/{user_id}/mute", mute_member),
    operation("DELETE", "/groups/{group_id}/members/{user_id}/mute", unmute_member),
    operation("GET", "/groups/{group_id}/bans", bans),
    operation("PUT", "/groups/{group_id}/bans/{user_id}", ban),
    operation("DELETE", "/groups/{group_id}/bans/{user_id}", unban),
)
