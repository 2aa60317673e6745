"""What the application is told of a change: one event for each kind."""

from __future__ import annotations

from collections.abc import Callable

from roost.client.events import (
    BlockChanged,
    ConversationMuted,
    DraftChanged,
    Event,
    GroupChanged,
    InvitationsChanged,
    MemberMuted,
    MemberRead,
    MembershipChanged,
    ReadMarkMoved,
    ScheduledFailed,
)
from roost.model.message import Change


def event_of(change: Change, user_id: str | None) -> Event | None:
    """The event of a change, for this user; None for a kind that this version does not know."""
    if change.kind == "read" and change.user_id != user_id:
        return _read_by_another(change)
    event = EVENTS.get(change.kind)
    return None if event is None else event(change)


def _read(change: Change) -> Event:
    return ReadMarkMoved(
        seq=change.seq, conversation_id=change.conversation_id, conversation_seq=change.conversation_seq
    )


def _read_by_another(change: Change) -> Event:
    return MemberRead(
        seq=change.seq,
        conversation_id=change.conversation_id,
        user_id=change.user_id or "",
        conversation_seq=change.conversation_seq,
    )


def _group(change: Change) -> Event:
    return GroupChanged(
        seq=change.seq,
        conversation_id=change.conversation_id,
        action=change.action or "",
        name=change.name,
        actor_id=change.actor_id,
        settings=change.settings,
    )


def _member(change: Change) -> Event:
    return MembershipChanged(
        seq=change.seq,
        conversation_id=change.conversation_id,
        user_id=next(iter(change.users), ""),
        user_ids=tuple(change.users),
        action="unbanned" if change.kind == "ban" else change.action or "",
        role=change.role,
        actor_id=change.actor_id,
    )


def _draft(change: Change) -> Event:
    return DraftChanged(seq=change.seq, conversation_id=change.conversation_id, content=change.content or "")


def _scheduled(change: Change) -> Event:
    return ScheduledFailed(
        seq=change.seq,
        conversation_id=change.conversation_id,
        message_id=change.message_id or "",
        error=change.error or "",
    )


def _mute(change: Change) -> Event:
    return MemberMuted(
        seq=change.seq,
        conversation_id=change.conversation_id,
        user_id=change.user_id or "",
        until=change.until,
        actor_id=change.actor_id,
    )


def _invitation(change: Change) -> Event:
    return InvitationsChanged(
        seq=change.seq,
        conversation_id=change.conversation_id,
        action=change.action or "",
        actor_id=change.actor_id,
    )


def _block(change: Change) -> Event:
    return BlockChanged(seq=change.seq, user_id=change.user_id or "", blocked=change.action == "blocked")


def _conversation(change: Change) -> Event:
    return ConversationMuted(seq=change.seq, conversation_id=change.conversation_id, muted=change.action == "muted")


EVENTS: dict[str, Callable[[Change], Event]] = {
    "draft": _draft,
    "scheduled": _scheduled,
    "read": _read,
    "group": _group,
    "member": _member,
    "ban": _member,
    "mute": _mute,
    "invitation": _invitation,
    "block": _block,
    "conversation": _conversation,
}
