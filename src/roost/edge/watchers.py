"""Which connections of this node want to know whether whom is online."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roost.edge.session import Session


class Watchers:
    """Sessions by the users whose presence they subscribed to."""

    def __init__(self) -> None:
        self._sessions: dict[str, set[Session]] = {}

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
