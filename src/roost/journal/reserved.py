"""Server message ids in blocks (hi-lo): one small write for many messages; a restart leaves out the rest."""

from __future__ import annotations

from collections.abc import Callable

MID_BLOCK = 4096
"""Server ids reserved at once."""


class ReservedIds:
    """The ids that this node has reserved and not given yet."""

    def __init__(self) -> None:
        self._mids = range(0)

    def take_ids(self, count: int, reserve: Callable[[int], int]) -> int:
        """The first of `count` ids that follow each other; `reserve(n)` reserves n more and returns the first."""
        if len(self._mids) < count:
            block = max(count, MID_BLOCK)
            first = reserve(block)
            self._mids = range(first, first + block)
        first, self._mids = self._mids[0], self._mids[count:]
        return first

    def forget_ids(self) -> None:
        """The transaction that reserved them may have been taken back."""
        self._mids = range(0)
