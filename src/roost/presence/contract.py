"""What a kind of presence guarantees: a lease that is not renewed is over after its time, whatever failed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from roost.protocol.frames import Online


class Presence(Protocol):
    """The online state of users. Losing it loses no message: it decides between live delivery and push only.

    A user is online while any node has renewed within the last lease and was not left since. Nothing here raises or
    waits for long: where what the nodes share is away, a node answers by what it knows itself.
    """

    async def renew(self, *user_ids: str) -> None:
        """These users are here: online for another lease."""

    async def leave(self, user_id: str) -> bool:
        """The user's last connection of this node is gone.

        Returns whether the user is at no other. Of nodes that are left at the same time one alone is told so, the last.
        """

    async def query(self, user_ids: Iterable[str]) -> dict[str, Online]:
        """The state of many users at once, O(users asked for)."""
