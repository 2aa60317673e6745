"""What a page of the audit log is, and how pages hang together.

Every process that writes has a **chain** of its own, so that nodes need not wait for each other. Its pages are numbered
1, 2, 3 ... (`position`); the digest of each is SHA-256 over the digest of the one before it and over all of its own:
whoever changes, removes or moves a page has to make all that follow anew. The first page of a chain (`OPENED`) names
the ends that other chains had then, so the end of a chain that is written no more can't be cut off either, once another
has begun. What is taken off the end of the newest chain only somebody finds who has noted its last digest elsewhere.

What is removed because it is old (`audit.keep_days`) is the beginning of chains; the page `PRUNED` that is written
first says up to where.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

OPENED, ACT, SENDS, PRUNED = "opened", "act", "sends", "pruned"
"""Kinds of pages: a chain begins, an act, the messages of a batch, what is old is removed."""

PIECE = 2047
"""Bytes hashed at a time: for more, hashlib gives the GIL away, and getting it back takes longer than the hashing."""

BEGINNING = ""
"""What stands for the digest before a chain's first page."""


class End(NamedTuple):
    """The last page of a chain. `digest` is hexadecimal."""

    chain: str
    position: int
    digest: str


class Page(NamedTuple):
    """A row of `audit`, in the order of its columns, but for its key. `written_at` is in milliseconds."""

    chain: str
    position: int
    kind: str
    written_at: int
    body: str
    digest: str

    @property
    def end(self) -> End:
        """The chain as it ends with this page."""
        return End(self.chain, self.position, self.digest)


def page_after(end: End, kind: str, written_at: int, body: str) -> Page:
    """The next page of a chain."""
    position = end.position + 1
    digest = digest_of(end.digest, end.chain, position, kind, written_at, body)
    return Page(end.chain, position, kind, written_at, body, digest)


def digest_of(before: str, chain: str, position: int, kind: str, written_at: int, body: str) -> str:
    """The digest of a page that follows one with the digest `before`."""
    content = f"{before}\n{chain}\n{position}\n{kind}\n{written_at}\n{body}".encode()
    digest = hashlib.sha256()
    for start in range(0, len(content), PIECE):
        digest.update(content[start : start + PIECE])
    return digest.hexdigest()
