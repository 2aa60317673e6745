"""A desk to search at: rooms with an index, which goes on when told to."""

from __future__ import annotations

from roost.admit.ratelimit import RateLimit
from roost.flow.search.indexing import Indexing
from roost.flow.search.searching import Search, Searching
from roost.journal import rewriting
from roost.journal.contract import Author, Committed
from roost.model.message import Message
from roost.protocol.answers import SearchPage
from tests.rooms import Rooms


class Desk:
    """Rooms with search in them."""

    def __init__(self, rooms: Rooms) -> None:
        self.rooms = rooms
        self.begin()

    def begin(self) -> None:
        """As after a start: the indexing remembers nothing."""
        index = self.rooms.backend.index()
        self.indexing = Indexing(self.rooms.database, index)
        self.searching = Searching(self.rooms.database, index, RateLimit(0, lambda: 0.0, "searches"))

    async def catch_up(self) -> None:
        """Until nothing is left to be indexed."""
        while await self.indexing.step() is not None:
            pass

    async def ask(
        self,
        author: Author,
        q: str,
        *,
        where: str | None = None,
        sender: str | None = None,
        before: str | None = None,
        limit: int = 20,
    ) -> SearchPage:
        return await self.searching.search(author, Search(q, where, sender, before, limit))

    async def find(self, author: Author, q: str, where: str | None = None, sender: str | None = None) -> list[str]:
        """The contents of what is found, once all is indexed."""
        await self.catch_up()
        return [hit.message.content for hit in (await self.ask(author, q, where=where, sender=sender)).hits]

    async def change(self, sent: Committed, content: str, *, recalled: bool = False) -> None:
        """Edits or recalls a message."""
        self.rooms.clock.pass_(seconds=1)
        now = self.rooms.clock()

        def rewrite(tx: object) -> None:
            message: Message = rewriting.read(tx, int(sent.message.server_msg_id))
            message.content = content
            message.version += 1
            message.recall_time, message.edit_time = (now, 0) if recalled else (0, now)
            rewriting.rewrite(tx, message)

        await self.rooms.write(rewrite)
