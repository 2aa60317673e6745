"""Which connections of this node want to know whether whom is online, and telling them.

Users choose who sees that. They are asked when it is told, one news after the other, so that whoever comes and goes
quickly is shown as it was last, and nobody learns what is not shown to them any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import TYPE_CHECKING

import structlog

from roost.protocol.frames import Online, PresenceNotice

if TYPE_CHECKING:
    from roost.edge.session import Session

Blind = Callable[[str, Collection[int]], Awaitable[Collection[int]]]
"""Those of the viewers (uids) to whom a user does not show whether it is online."""

logger = structlog.get_logger()


class Watchers:
    """Sessions by the users whose presence they subscribed to."""

    def __init__(self) -> None:
        self._sessions: dict[str, set[Session]] = {}
        self._news: dict[str, Online] = {}
        self._due = asyncio.Event()

    def of(self, user_id: str) -> Iterable[Session]:
        """The sessions that watch a user."""
        return tuple(self._sessions.get(user_id, ()))

    def watch(self, session: Session, user_ids: frozenset[str]) -> list[str]:
        """The session watches these and no others. Returns the users whom nobody here watches any more."""
        before, session.watched = session.watched, user_ids
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

    def tell(self, user_id: str, state: Online) -> None:
        """A user has come or gone: told soon to those who may see it."""
        if user_id in self._sessions:
            self._news[user_id] = state
            self._due.set()

    async def run(self, blind: Blind, hide: Callable[[str, int], None]) -> None:
        """Tells what there is, until cancelled; `hide(user_id, uid)` ends a subscription. A fault is logged."""
        while True:
            await self._due.wait()
            self._due.clear()
            news, self._news = self._news, {}
            for user_id, state in news.items():
                try:
                    await self._tell(user_id, state, blind, hide)
                except Exception:
                    logger.exception("nobody was told of a user's presence", user=user_id)

    async def _tell(self, user_id: str, state: Online, blind: Blind, hide: Callable[[str, int], None]) -> None:
        viewers = {session.author.uid for session in self.of(user_id) if session.author is not None}
        for uid in await blind(user_id, viewers):
            hide(user_id, uid)
            viewers.discard(uid)
        for session in self.of(user_id):
            if session.author is not None and session.author.uid in viewers and session.writable:
                session.send(PresenceNotice(users={user_id: state}))
