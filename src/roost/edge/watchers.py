"""Which connections of this node want to know whether whom is online, and telling them.

A subscription stands whatever becomes of the right to see; who may see is asked when something is told. So it is when
users show themselves to others than before, by their setting or a block, or share other conversations: then those are
told, and no others, for whom something is another. `Session.unseen` has whom a connection watches and does not see:
it was told that they are offline, and is told nothing more of them.

It is done by one task, one thing after the other: whoever comes and goes quickly is shown as it was last, and however
many users move at once, the database answers one question at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import structlog

from roost.protocol.frames import Online, PresenceNotice

if TYPE_CHECKING:
    from roost.edge.roads import Roads
    from roost.edge.session import Session

UNSEEN = Online(online=False)
"""How users look to those to whom they do not show themselves."""

logger = structlog.get_logger()


class Watchers:
    """Sessions by the users whose presence they subscribed to."""

    def __init__(self, roads: Roads) -> None:
        self._roads = roads
        self._sessions: dict[str, set[Session]] = {}
        self._news: dict[str, Online | None] = {}
        self._looking: set[Session] = set()
        self._looks = 0
        self._due = asyncio.Event()

    def watch(self, session: Session, user_ids: frozenset[str]) -> list[str]:
        """The session watches these and no others. Returns the users whom nobody here watches any more."""
        before, session.watched, session.unseen = session.watched, user_ids, user_ids
        for user_id in user_ids - before:
            self._sessions.setdefault(user_id, set()).add(session)
        left = []
        for user_id in before - user_ids:
            sessions = self._sessions[user_id]
            sessions.discard(session)
            if not sessions:
                del self._sessions[user_id]
                left.append(user_id)
        return left

    async def answer(self, session: Session, uid: int) -> None:
        """Tells a session of user `uid` what is with those whom it has begun to watch."""
        watched, looks = session.watched, self._looks
        hidden = await self._roads.hidden_from(uid, watched)
        states = await self._roads.sightings(watched - hidden)
        if session.closing:
            return
        session.unseen = hidden
        session.send(PresenceNotice(users=states | dict.fromkeys(hidden, UNSEEN)))
        if looks != self._looks:  # what was found may be older than a change that this session was not told of
            self.look((), [session])

    def tell(self, user_id: str, state: Online) -> None:
        """A user has come or gone: told soon to those who may see it."""
        if user_id in self._sessions:
            self._news[user_id] = state
            self._due.set()

    def look(self, user_ids: Iterable[str], sessions: Iterable[Session]) -> None:
        """Others than before may see these users, and these sessions others: it is told soon what is another."""
        self._looks += 1
        for user_id in user_ids:
            if user_id in self._sessions:
                self._news.setdefault(user_id, None)
        self._looking.update(session for session in sessions if session.watched)
        self._due.set()

    def look_at_all(self) -> None:
        """Any session may see others than before."""
        self._looks += 1
        self._looking.update(*self._sessions.values())
        self._due.set()

    async def run(self) -> None:
        """Tells what there is, until cancelled. A fault is logged."""
        while True:
            await self._due.wait()
            try:
                if self._news:
                    user_id = next(iter(self._news))
                    await self._tell(user_id, self._news.pop(user_id))
                elif self._looking:
                    await self._look(self._looking.pop())
                else:
                    self._due.clear()
            except Exception:
                logger.exception("somebody was not told of a user's presence")

    async def _tell(self, user_id: str, state: Online | None) -> None:
        """Tells of a user: `state` to all who see it; None: what it is to those who did not see it before."""
        sessions = {one: one.author.uid for one in self._sessions.get(user_id, ()) if one.author is not None}
        blind = await self._roads.blind(user_id, set(sessions.values()))
        told = []
        for session, uid in sessions.items():
            if uid in blind:
                self._hide(session, frozenset({user_id}))
            elif state is not None or user_id in session.unseen:
                told.append(session)
        if told:
            now = state or (await self._roads.sightings([user_id]))[user_id]
            for session in told:
                self._show(session, {user_id: now})

    async def _look(self, session: Session) -> None:
        """Tells a session of whom it sees no more, and whom it did not see before."""
        watched = session.watched
        if session.author is None or not watched:
            return
        hidden = await self._roads.hidden_from(session.author.uid, watched)
        shown = session.unseen - hidden
        states = await self._roads.sightings(shown) if shown else {}
        if session.watched is watched:  # else it has asked anew meanwhile, and has its answer
            self._hide(session, hidden)
            self._show(session, states)

    def _hide(self, session: Session, user_ids: frozenset[str]) -> None:
        gone = (user_ids & session.watched) - session.unseen
        if gone:
            session.unseen |= gone
            session.send(PresenceNotice(users=dict.fromkeys(gone, UNSEEN)))

    def _show(self, session: Session, states: Mapping[str, Online]) -> None:
        users = {user_id: state for user_id, state in states.items() if user_id in session.watched}
        if users and session.writable:  # else it is told with the next news
            session.unseen = session.unseen.difference(users)
            session.send(PresenceNotice(users=users))
