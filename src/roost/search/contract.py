"""What search needs of a database. `roost.search.sqlite`, `postgresql` and `mysql` do it.

Every term in the index carries its conversation (`spelled`). So what a search costs goes by what there is in the
conversations of who asks, whatever others have written, and no search reads what it may not show.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from sqlalchemy import Connection

from roost.search.text import Term

CONVERSATIONS = 500
"""Conversations in one question to the index."""


class Asked(NamedTuple):
    """What is asked of the index: the newest `most` messages with all of these terms, below the server id `before`.

    `cids` are the conversations, at most `CONVERSATIONS`; `sender` (uid) None is anybody.
    """

    terms: Sequence[Term]
    cids: Sequence[int]
    before: int
    sender: int | None
    most: int


class Index(Protocol):
    """The full-text index of a kind of database."""

    def find(self, connection: Connection, asked: Asked) -> list[int]:
        """The server ids (mid), newest first. Recalled messages are never among them."""

    def store(self, connection: Connection, rows: Sequence[tuple[int, str]]) -> None:
        """Adds messages that are not in it: `(mid, terms)`."""

    def move(self, connection: Connection, marks: Sequence[tuple[int, int]]) -> None:
        """Sets how far conversations are indexed, each once: `(cid, seq)`."""


def spelled(cid: int, terms: Iterable[str]) -> str:
    """The terms of a message as they are stored."""
    return " ".join(f"{cid}{term}" for term in terms)
