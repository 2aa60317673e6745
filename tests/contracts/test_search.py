"""What search finds, on every backend: what is said in one's own conversations, as it is now, and nothing else."""

from __future__ import annotations

import asyncio

import pytest

from roost.admit.ratelimit import RateLimit
from roost.errors import InvalidInput, NotAMember, RateLimited, SwitchedOff, UnknownConversation
from roost.flow.indexing import Indexing
from roost.flow.searching import Search, Searching
from roost.journal import rewriting
from roost.journal.contract import Author, Committed
from roost.model.message import Message
from roost.protocol.answers import SearchPage
from roost.search import indexing as pieces
from tests.rooms import Rooms, private, to_group


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


@pytest.fixture
async def desk(rooms: Rooms) -> Desk:
    return Desk(rooms)


async def test_messages_are_found_in_chinese_and_english(desk: Desk, ann: Author, bob: Author) -> None:
    for content in ("Lunch at the Café?", "明天一起吃午饭吗", "the", "to 12 and 2", "ЗАВТРА обед", "C++ or C#"):
        await desk.rooms.send(private(ann, "bob", content))
    for q, found in (
        ("lunch", ["Lunch at the Café?"]),
        ("cafe lun", ["Lunch at the Café?"]),
        ("午饭", ["明天一起吃午饭吗"]),
        ("明", ["明天一起吃午饭吗"]),
        ("吗", ["明天一起吃午饭吗"]),
        ("一起 午饭", ["明天一起吃午饭吗"]),
        ("the", ["the", "Lunch at the Café?"]),
        ("2", ["to 12 and 2"]),
        ("завт", ["ЗАВТРА обед"]),
        ("c", ["C++ or C#"]),
        ("dinner", []),
        ("一饭", []),
    ):
        assert await desk.find(bob, q) == found, q


async def test_only_what_is_said_in_ones_own_conversations_is_found(
    desk: Desk, ann: Author, bob: Author, cat: Author
) -> None:
    await desk.rooms.group("team", ann, bob)
    await desk.rooms.send(private(ann, "bob", "secret one"))
    await desk.rooms.send(to_group(ann, "team", "secret two"))
    assert await desk.find(bob, "secret") == ["secret two", "secret one"]
    assert await desk.find(cat, "secret") == []
    await desk.rooms.join("team", cat)
    assert await desk.find(cat, "secret") == ["secret two"]
    await desk.rooms.leave("team", bob)
    assert await desk.find(bob, "secret") == ["secret one"]


async def test_one_conversation_or_one_sender_can_be_asked_for(desk: Desk, ann: Author, bob: Author) -> None:
    await desk.rooms.group("team", ann, bob)
    await desk.rooms.send(private(ann, "bob", "plan a"))
    await desk.rooms.send(to_group(ann, "team", "plan b"))
    await desk.rooms.send(to_group(bob, "team", "plan c"))
    assert await desk.find(ann, "plan", where="g:team") == ["plan c", "plan b"]
    assert await desk.find(ann, "plan", sender="ann") == ["plan b", "plan a"]
    assert await desk.find(ann, "plan", sender="nobody") == []


async def test_other_peoples_conversations_can_not_be_asked_for(desk: Desk, ann: Author, cat: Author) -> None:
    await desk.rooms.group("team", ann)
    with pytest.raises(NotAMember):
        await desk.ask(cat, "plan", where="g:team")
    with pytest.raises(UnknownConversation):
        await desk.ask(cat, "plan", where="g:none")
    with pytest.raises(InvalidInput):
        await desk.ask(cat, "plan", before="x")


async def test_an_edited_message_is_found_by_what_it_says_now(desk: Desk, ann: Author, bob: Author) -> None:
    sent = await desk.rooms.send(private(ann, "bob", "monday"))
    assert await desk.find(bob, "monday") == ["monday"]
    await desk.change(sent, "tuesday")
    assert (await desk.ask(bob, "monday")).hits == []
    assert await desk.find(bob, "tuesday") == ["tuesday"]
    assert await desk.find(bob, "monday") == []


async def test_a_recalled_message_is_found_no_more_at_once(desk: Desk, ann: Author, bob: Author) -> None:
    sent = await desk.rooms.send(private(ann, "bob", "monday"))
    assert await desk.find(bob, "monday") == ["monday"]
    await desk.change(sent, "", recalled=True)
    assert (await desk.ask(bob, "monday")).hits == []
    assert await desk.find(bob, "monday") == []


async def test_what_changed_before_it_was_indexed_is_found_by_what_it_says_now(
    desk: Desk, ann: Author, bob: Author
) -> None:
    sent = await desk.rooms.send(private(ann, "bob", "monday"))
    await desk.change(sent, "tuesday")
    assert await desk.find(bob, "tuesday") == ["tuesday"]
    assert await desk.find(bob, "monday") == []


async def test_what_changes_while_it_is_indexed_is_found_by_what_it_says_now(
    desk: Desk, ann: Author, bob: Author
) -> None:
    first = await desk.rooms.send(private(ann, "bob", "monday"))
    await desk.rooms.send(private(ann, "bob", "wednesday"))
    texts = await desk.rooms.read(pieces.collect, ["p:ann:bob"])
    await desk.change(first, "tuesday")
    assert await desk.rooms.write(pieces.store, desk.rooms.backend.index(), texts) == 0
    assert await desk.find(bob, "tuesday") == ["tuesday"]
    assert await desk.find(bob, "monday") == []
    assert await desk.find(bob, "wednesday") == ["wednesday"]


async def test_two_nodes_may_index_the_same(desk: Desk, ann: Author, bob: Author) -> None:
    await desk.rooms.batch(*(private(ann, "bob", f"word {number}") for number in range(3)))
    texts = await desk.rooms.read(pieces.collect, ["p:ann:bob"])
    assert await desk.rooms.write(pieces.store, desk.rooms.backend.index(), texts) == 3
    assert await desk.rooms.write(pieces.store, desk.rooms.backend.index(), texts) == 0
    assert await desk.find(bob, "word") == ["word 2", "word 1", "word 0"]


async def test_a_long_result_is_read_page_by_page(desk: Desk, ann: Author, bob: Author) -> None:
    await desk.rooms.batch(*(private(ann, "bob", f"word {number}") for number in range(7)))
    await desk.catch_up()
    pages: list[list[str]] = []
    before = None
    while not pages or before is not None:
        page = await desk.ask(bob, "word", before=before, limit=3)
        pages.append([hit.message.content for hit in page.hits])
        before = page.next_before
    assert pages == [["word 6", "word 5", "word 4"], ["word 3", "word 2", "word 1"], ["word 0"]]


async def test_an_answer_that_looked_at_much_for_little_tells_where_to_go_on(
    desk: Desk, ann: Author, bob: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roost.flow.searching.LOOKED_AT", 4)
    await desk.rooms.send(private(ann, "bob", "天地人和"))
    await desk.rooms.batch(
        *(private(ann, "bob", "天地人，地人和") for _ in range(9))
    )  # the index can't tell these apart
    await desk.catch_up()
    page = await desk.ask(bob, "天地人和", limit=1)
    assert page.hits == []
    while page.next_before is not None and not page.hits:
        page = await desk.ask(bob, "天地人和", before=page.next_before, limit=1)
    assert [hit.message.content for hit in page.hits] == ["天地人和"]


async def test_nothing_is_lost_where_the_server_is_killed(desk: Desk, ann: Author, bob: Author) -> None:
    await desk.rooms.batch(*(private(ann, "bob", f"word {number}") for number in range(pieces.AT_ONCE + 10)))
    desk.indexing.said("p:ann:bob")
    await desk.indexing.step()
    sent = await desk.rooms.send(private(ann, "bob", "word of old"))
    await desk.change(sent, "word of now")
    await desk.rooms.die()
    desk.begin()
    await desk.catch_up()
    found = [hit.message.content for hit in (await desk.ask(bob, "word", limit=100)).hits]
    assert found == ["word of now", *(f"word {number}" for number in reversed(range(pieces.AT_ONCE + 10)))]


async def test_it_is_known_how_far_the_index_is_behind(desk: Desk, ann: Author, bob: Author) -> None:
    await desk.catch_up()
    for number in range(3):
        await desk.rooms.send(private(ann, "bob", f"word {number}"))
        desk.indexing.said("p:ann:bob")
    assert desk.indexing.behind == 3
    await desk.catch_up()
    assert desk.indexing.behind == 0


async def test_many_conversations_are_looked_through(desk: Desk, ann: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roost.flow.searching.CONVERSATIONS", 2)
    others = [f"user{number}" for number in range(5)]
    await desk.rooms.authors(*others)
    await desk.rooms.batch(*(private(ann, other, f"word for {other}") for other in others))
    assert await desk.find(ann, "word") == [f"word for {other}" for other in reversed(others)]


async def test_who_searches_too_fast_waits(desk: Desk, ann: Author) -> None:
    desk.searching = Searching(desk.rooms.database, desk.rooms.backend.index(), RateLimit(1, lambda: 0.0, "searches"))
    await desk.ask(ann, "word")
    with pytest.raises(RateLimited):
        await desk.ask(ann, "word")


async def test_search_that_is_switched_off_says_so(desk: Desk, ann: Author) -> None:
    desk.searching = Searching(desk.rooms.database, None, RateLimit(0, lambda: 0.0, "searches"))
    with pytest.raises(SwitchedOff):
        await desk.ask(ann, "word")


async def test_what_is_said_is_indexed_soon(desk: Desk, ann: Author, bob: Author) -> None:
    running = asyncio.ensure_future(desk.indexing.run())
    try:
        await desk.rooms.send(private(ann, "bob", "word"))
        desk.indexing.said("p:ann:bob")
        async with asyncio.timeout(20):
            while not (await desk.ask(bob, "word")).hits:  # noqa: ASYNC110 - the index tells nobody
                await asyncio.sleep(0.02)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
