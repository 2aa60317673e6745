"""Invitations: who has the link comes into the group."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response

from roost.edge.api.attachments import SMALL, small
from roost.edge.api.groups import GroupName, view
from roost.edge.api.operations import Call, GroupIDInPath, operation, raw_operation
from roost.flow.groups.invitations import LIFE, MAX_LIFE, MAX_USES, MIN_LIFE
from roost.model import ids
from roost.model.names import Wire
from roost.protocol.answers import Group, Invitation, Invitations, InvitedTo
from roost.roster import invitations as roster


class NewInvitation(Wire, kw_only=True):
    """An invitation to be made: good for `expiresIn` seconds, and `maxUses` times (0: any number)."""

    group_id: GroupIDInPath
    expires_in: Annotated[int, msgspec.Meta(ge=MIN_LIFE, le=MAX_LIFE)] = LIFE
    max_uses: Annotated[int, msgspec.Meta(ge=0, le=MAX_USES)] = 0


class InvitationName(Wire, kw_only=True):
    """An invitation to a group."""

    group_id: GroupIDInPath
    invitation_id: str


class Token(Wire, kw_only=True):
    """The token of an invitation."""

    token: str


def _view(invitation: roster.Invitation, token: str | None = None) -> Invitation:
    return Invitation(
        invitation_id=invitation.invitation_id,
        made_by=invitation.made_by,
        create_time=invitation.made_at,
        expire_time=invitation.expires_at,
        uses=invitation.uses,
        max_uses=invitation.max_uses,
        token=token,
    )


async def invite(call: Call, asked: NewInvitation) -> Invitation:
    """Make an invitation to a group, for whoever has its token.

    For the owner and admins, or for all members where they bring in others.
    """
    group = ids.group_id(asked.group_id)
    return _view(*await call.roads.invitations.make(call.author, group, asked.expires_in, asked.max_uses))


async def list_invitations(call: Call, asked: GroupName) -> Invitations:
    """List the invitations to a group: all of them, for its owner and admins; else one's own."""
    found = await call.roads.invitations.listed(call.author, ids.group_id(asked.group_id))
    return Invitations(invitations=[_view(one) for one in found])


async def revoke_invitation(call: Call, asked: InvitationName) -> None:
    """Revoke an invitation. For the owner and admins, and for who made it."""
    await call.roads.invitations.revoke(call.author, ids.group_id(asked.group_id), asked.invitation_id)


async def look_at_invitation(call: Call, asked: Token) -> InvitedTo:
    """Look at the group that an invitation leads to, before joining."""
    found = await call.roads.invitations.look(call.author, asked.token)
    return InvitedTo(
        **msgspec.structs.asdict(found.settings),
        group_id=found.conversation.conversation_id.removeprefix("g:"),
        name=found.conversation.name,
        member_count=found.members,
        made_by=found.invitation.made_by,
        expire_time=found.invitation.expires_at,
        member=found.member,
    )


async def picture(call: Call, request: Request[Any, Any, Any]) -> Response[Any]:
    """Read the picture of the group that an invitation leads to, before joining: its thumbnail (WebP)."""
    found = await call.roads.invitations.picture(call.author, request.path_params["token"])
    return await small(call, request, found)


async def join(call: Call, asked: Token) -> Group:
    """Come into the group that an invitation leads to."""
    return view(await call.roads.invitations.join(call.author, asked.token))


OPERATIONS = (
    operation("POST", "/groups/{group_id}/invitations", invite),
    operation("GET", "/groups/{group_id}/invitations", list_invitations),
    operation("DELETE", "/groups/{group_id}/invitations/{invitation_id}", revoke_invitation),
    operation("GET", "/invitations/{token}", look_at_invitation),
    raw_operation("GET", "/invitations/{token}/avatar", picture, content=SMALL),
    operation("POST", "/invitations/{token}/join", join),
)
