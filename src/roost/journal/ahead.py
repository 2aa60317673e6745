"""Heads that were read together with the conversations of a batch, in the same journey to the database server.

A journey takes longer than what is done at its end, and a batch waits for the one before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class Ahead:
    """Last numbers by conversation or log, locked and read in this transaction.

    They are taken once: what is stored next makes others of them.
    """

    def __init__(self) -> None:
        self._heads: dict[int, int] = {}

    def put(self, heads: Iterable[tuple[int, int]]) -> None:
        """These were read just now."""
        self._heads = dict(heads)

    def take(self, keys: Sequence[int]) -> dict[int, int] | None:
        """The heads of these keys, if all were read."""
        heads, self._heads = self._heads, {}
        return {key: heads[key] for key in keys} if all(key in heads for key in keys) else None
