"""The road of a search: in the conversations that one belongs to now, by the index, then in the texts themselves."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection

from roost.admit.ratelimit import RateLimit
from roost.db.database import Database
from roost.errors import InvalidInput, SwitchedOff
from roost.journal.contract import Author
from roost.journal.reading import NO_LIMIT, messages_by_mid
from roost.model import ids
from roost.protocol.answers import Hit, SearchPage
from roost.roster import conversations as roster
from roost.roster.users import uids_of
from roost.search import text
from roost.search.contract import CONVERSATIONS, Asked, Index

LOOKED_AT = 1000
"""Messages of the index's choice that one request looks at. Where few are hits, the answer tells where to go on."""


class Search(NamedTuple):
    """What somebody looks for: newest first, below the server id `before`; at most `limit` messages."""

    q: str
    conversation_id: str | None
    sender_id: str | None
    before: str | int | None
    limit: int


class Searching:
    """Finds messages."""

    def __init__(self, database: Database, index: Index | None, limit: RateLimit) -> None:
        """`index` None: search is switched off. `limit` is that of a user."""
        self._database = database
        self._index = index
        self._limit = limit

    async def search(self, author: Author, search: Search) -> SearchPage:
        """A page of what is found.

        Raises `InvalidInput`, `UnknownConversation`, `NotAMember`, `RateLimited`, or `SwitchedOff`.
        """
        index = self._index
        if index is None:
            raise SwitchedOff("This server has search switched off.")
        query = text.parse(search.q)
        before = NO_LIMIT if search.before is None else ids.server_id(search.before)
        if before is None:
            raise InvalidInput("before must be a serverMsgID.")
        self._limit.take(author.user_id)
        return await self._database.read(lambda connection: _find(connection, index, author, search, query, before))


def _find(
    connection: Connection, index: Index, author: Author, search: Search, query: text.Query, before: int
) -> SearchPage:
    cids = _places(connection, author, search)
    sender = None
    if search.sender_id is not None:
        sender = uids_of(connection, [search.sender_id]).get(search.sender_id)
        if sender is None:
            return SearchPage(hits=[], next_before=None)
    hits: list[Hit] = []
    asks = search.limit + 1
    for _ in range(0, LOOKED_AT, asks):
        mids = _newest(connection, index, Asked(query.terms, cids, before, sender, asks))
        found = messages_by_mid(connection, mids)
        for mid in mids:
            if len(hits) == search.limit:
                return SearchPage(hits=hits, next_before=str(before))
            before = mid
            message = found[mid]
            seen = text.find(query, message.content)
            if seen is not None:
                hits.append(Hit(message=message, snippet=seen.text, matches=seen.matches))
        if len(mids) < asks:
            return SearchPage(hits=hits, next_before=None)
    return SearchPage(hits=hits, next_before=str(before))


def _places(connection: Connection, author: Author, search: Search) -> list[int]:
    """The conversations to look in."""
    if search.conversation_id is None:
        return roster.cids_of(connection, author.uid)
    conversation = roster.find(connection, search.conversation_id)
    roster.membership(connection, conversation.cid, author.uid)
    return [conversation.cid]


def _newest(connection: Connection, index: Index, asked: Asked) -> list[int]:
    """What the index finds in however many conversations."""
    found: list[int] = []
    for first in range(0, len(asked.cids), CONVERSATIONS):
        found += index.find(connection, asked._replace(cids=asked.cids[first : first + CONVERSATIONS]))
    return sorted(found, reverse=True)[: asked.most]
