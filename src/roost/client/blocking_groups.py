"""Groups for scripts without asyncio: each call is that of `roost.client.groups` of the same name."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from roost.client.groups import Groups
from roost.protocol.answers import Ban, Group, Invitation, InvitedTo, Member

T = TypeVar("T")


class BlockingGroups:
    """What a `BlockingClient` does with groups."""

    @property
    def client(self) -> Groups:
        """The client inside."""
        raise NotImplementedError

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        raise NotImplementedError

    def create_group(self, name: str | None = None, members: Sequence[str] = (), **options: Any) -> Group:
        """Makes a group."""
        return self._run(self.client.create_group(name, members, **options))

    def group(self, group_id: str) -> Group:
        """A group and its members, as the server has it now."""
        return self._run(self.client.group(group_id))

    def members(self, conversation: str) -> list[Member]:
        """Who is in a conversation."""
        return self._run(self.client.members(conversation))

    def change_group(self, group_id: str, **wanted: Any) -> Group:
        """Changes a group's name or settings."""
        return self._run(self.client.change_group(group_id, **wanted))

    def dissolve_group(self, group_id: str) -> None:
        """Ends a group."""
        self._run(self.client.dissolve_group(group_id))

    def add_member(self, group_id: str, user_id: str, *, role: str | None = None) -> Group:
        """Adds a member, or changes a role."""
        return self._run(self.client.add_member(group_id, user_id, role=role))

    def remove_member(self, group_id: str, user_id: str) -> None:
        """Removes a member."""
        self._run(self.client.remove_member(group_id, user_id))

    def leave_group(self, group_id: str) -> None:
        """Leaves a group."""
        self._run(self.client.leave_group(group_id))

    def transfer_group(self, group_id: str, user_id: str) -> Group:
        """Makes another member the owner."""
        return self._run(self.client.transfer_group(group_id, user_id))

    def mute_member(self, group_id: str, user_id: str, seconds: int) -> Group:
        """Does not let a member write for some seconds."""
        return self._run(self.client.mute_member(group_id, user_id, seconds))

    def unmute_member(self, group_id: str, user_id: str) -> Group:
        """Lets a member write again."""
        return self._run(self.client.unmute_member(group_id, user_id))

    def ban_member(self, group_id: str, user_id: str) -> None:
        """Removes a user, who can't come back."""
        self._run(self.client.ban_member(group_id, user_id))

    def unban_member(self, group_id: str, user_id: str) -> None:
        """Lets a user come back."""
        self._run(self.client.unban_member(group_id, user_id))

    def invite(self, group_id: str, *, expires_in: int | None = None, max_uses: int = 0) -> Invitation:
        """Makes an invitation."""
        return self._run(self.client.invite(group_id, expires_in=expires_in, max_uses=max_uses))

    def invitations(self, group_id: str) -> list[Invitation]:
        """The invitations to a group."""
        return self._run(self.client.invitations(group_id))

    def revoke_invitation(self, group_id: str, invitation_id: str) -> None:
        """Nobody comes in by it any more."""
        self._run(self.client.revoke_invitation(group_id, invitation_id))

    def look_at_invitation(self, token: str) -> InvitedTo:
        """The group it leads to."""
        return self._run(self.client.look_at_invitation(token))

    def join_group(self, token: str) -> Group:
        """Comes in by an invitation."""
        return self._run(self.client.join_group(token))

    def bans(self, group_id: str) -> list[Ban]:
        """Who can't come into a group."""
        return self._run(self.client.bans(group_id))
