"""Who is told of something that everybody in a conversation is to know."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple


class Large(NamedTuple):
    """The members of a large conversation: its own log tells them, when they come."""

    cid: int


Audience = Collection[int] | Large
"""Users (uids), each told in his or her log; or everybody in a large conversation."""
