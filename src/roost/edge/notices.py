"""What is told to those who are here and never logged: who types, who is online, who has got what, new profiles.

Each is shown to the sessions of this node and told to the other nodes, which show it to theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence

from roost.deliver.bus import Notice, Reshown, watched
from roost.deliver.hub import Hub
from roost.edge.roads import Roads
from roost.edge.session import Session
from roost.edge.watchers import Watchers
from roost.errors import InvalidInput, NotAMember
from roost.journal.contract import Author
from roost.model import ids
from roost.protocol import frames

MAX_WATCHED = 500
"""Users whose presence one connection may subscribe to."""


def sessions_of(hub: Hub, uids: Iterable[int]) -> list[Session]:
    """The connections of these users to this node."""
    return [reader.sink for uid in uids for reader in hub.readers(uid) if isinstance(reader.sink, Session)]


class Notices:
    """Shows and tells them."""

    def __init__(self, roads: Roads) -> None:
        self._roads = roads
        self._watchers = Watchers(roads)

    async def run(self) -> None:
        """Tells what is collected for a moment, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._roads.hints.run(self._tell_receipts))
            group.create_task(self._watchers.run())

    def hear(self, notice: Notice, uids: Sequence[int]) -> None:
        """What another node tells; `uids` are the users here whom it concerns."""
        match notice:
            case frames.PresenceNotice():
                for user_id, state in notice.users.items():
                    self._watchers.tell(user_id, state)
            case frames.TypingNotice() | frames.ReceiptsNotice() | frames.ProfileNotice():
                self._show(notice, uids, None)
            case Reshown(user_ids=user_ids):
                self._reshow(user_ids, uids)

    def forget(self, session: Session) -> None:
        """The connection is gone: it watches nobody any more."""
        self._unwatch(self._watchers.watch(session, frozenset()))

    async def typing(self, session: Session, author: Author, conversation_id: str) -> None:
        """Tells the members of a conversation who are here that the author is typing."""
        members = await self._roads.conversations.member_uids(author, conversation_id)
        if author.uid not in members:
            raise NotAMember
        if await self._roads.blocks.apart(conversation_id):
            return
        notice = frames.TypingNotice(conversation_id=conversation_id, user_id=author.user_id)
        self._show(notice, members, session)
        self._roads.bus.tell(notice, members)

    def _tell_receipts(self, notice: frames.ReceiptsNotice, uid: int) -> None:
        """Tells a user who has got or read what."""
        self._show(notice, [uid], None)
        self._roads.bus.tell(notice, [uid])

    def _show(self, notice: frames.Passing, uids: Iterable[int], but: Session | None) -> None:
        for session in sessions_of(self._roads.hub, uids):
            if session is not but and session.hears(notice):
                session.send(notice)

    async def watch(self, session: Session, author: Author, user_ids: Sequence[str | int]) -> None:
        """Subscribes a connection to the presence of these users, instead of those before."""
        if len(user_ids) > MAX_WATCHED:
            raise InvalidInput(f"userIDs must be at most {MAX_WATCHED}.")
        names = frozenset(ids.user_id(value, "userIDs") for value in user_ids)
        if session.closing:
            return
        self._unwatch(self._watchers.watch(session, names))
        if names:
            await self._roads.bus.join(*map(watched, names))
        await self._watchers.answer(session, author.uid)

    def reshow(self, users: Sequence[tuple[str, int]] | None) -> None:
        """These users (id, uid) show themselves to others than before, or share other conversations; None: anybody."""
        names = None if users is None else [name for name, _ in users]
        uids = [uid for _, uid in users or ()]
        self._reshow(names, uids)
        self._roads.bus.tell(Reshown(names), None if names is None else [*map(watched, names), *uids])

    def _reshow(self, names: Sequence[str] | None, uids: Sequence[int]) -> None:
        if names is None:
            self._watchers.look_at_all()
        else:
            self._watchers.look(names, sessions_of(self._roads.hub, uids))

    def _unwatch(self, user_ids: Iterable[str]) -> None:
        self._roads.bus.leave(*map(watched, user_ids))

    def tell_presence(self, user_id: str, state: frames.Online) -> None:
        """A user has come or gone."""
        self._watchers.tell(user_id, state)
        self._roads.bus.tell(frames.PresenceNotice(users={user_id: state}), [watched(user_id)])

    def tell_profile(self, notice: frames.ProfileNotice, uids: Collection[int]) -> None:
        """A profile has changed, and these users may want to know."""
        self._show(notice, uids, None)
        self._roads.bus.tell(notice, uids)
