"""What `roost.journal.large` guarantees, on every backend: written once, pulled once, in order, the members of then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Connection, select

from roost.db.schema import conversation_log, cursors
from roost.errors import NotAMember
from roost.journal import large, reading, rewriting
from roost.journal.contract import Author
from roost.journal.pulling import PIECE, SHOWN, Pulled
from roost.model.audience import Large
from roost.model.message import Change, Message
from roost.roster import conversations as roster
from roost.roster.large import page
from tests.backends import Backend
from tests.rooms import Clock, Rooms, private, to_group


async def said(rooms: Rooms, who: Author) -> list[str]:
    """What is in a log, in order: texts of messages, actions of changes."""
    return [
        entry.what.content if isinstance(entry.what, Message) else entry.what.action or ""
        for entry in await rooms.log(who)
    ]


@pytest.fixture
async def town(rooms: Rooms, ann: Author, bob: Author, cat: Author) -> int:
    """A large group of three."""
    await rooms.group("town", ann, bob, cat)
    return await rooms.grow("town")


class TestWriting:
    async def test_a_message_is_in_its_own_log_and_its_authors_alone(
        self, rooms: Rooms, ann: Author, bob: Author, town: int
    ) -> None:
        sent = await rooms.send(to_group(ann, "town", "hello"))
        assert (sent.large, sent.places, sent.author_seq) == (town, [(ann.uid, 1)], 1)
        assert await said(rooms, ann) == ["hello"]
        assert await said(rooms, bob) == []
        assert await rooms.read(large.head, town) == 1

    async def test_an_author_gets_what_lies_before_first(
        self, rooms: Rooms, ann: Author, bob: Author, town: int
    ) -> None:
        """In one batch or in several."""
        await rooms.send(to_group(ann, "town", "1"))
        drafts = [to_group(bob, "town", "2"), to_group(ann, "town", "3"), to_group(bob, "town", "4")]
        outcomes = await rooms.batch(*drafts)
        assert [outcome.author_seq for outcome in outcomes] == [2, 3, 4]
        assert [outcome.message.conversation_seq for outcome in outcomes] == [2, 3, 4]
        assert await said(rooms, bob) == ["1", "2", "3", "4"]
        assert await said(rooms, ann) == ["1", "2", "3"]

    async def test_who_is_no_member_is_refused(self, rooms: Rooms, ann: Author, town: int) -> None:
        dan = await rooms.author("dan")
        outcomes = await rooms.batch(to_group(dan, "town"), to_group(ann, "town"))
        assert isinstance(outcomes[0], NotAMember)
        assert outcomes[1].author_seq == 1

    async def test_a_message_sent_twice_is_entered_once(
        self, rooms: Rooms, ann: Author, bob: Author, town: int
    ) -> None:
        draft = to_group(ann, "town", "once", "id")
        first, again = await rooms.batch(draft, draft)
        later = await rooms.send(draft)
        assert (first.duplicate, again.duplicate, later.duplicate) == (False, True, True)
        await rooms.pull(bob)
        assert await said(rooms, bob) == ["once"]

    async def test_a_batch_that_fails_leaves_nothing(self, rooms: Rooms, ann: Author, bob: Author, town: int) -> None:
        await rooms.send(to_group(bob, "town", "1"))
        async with rooms.failing("conversation_log"):
            [outcome] = await rooms.batch(to_group(ann, "town", "lost"))
        assert isinstance(outcome, Exception)
        sent = await rooms.send(to_group(ann, "town", "2"))
        assert (sent.author_seq, sent.message.conversation_seq) == (2, 2)
        assert await said(rooms, ann) == ["1", "2"]


class TestPulling:
    async def test_all_that_is_missing_comes_once_and_in_order(
        self, rooms: Rooms, ann: Author, bob: Author, cat: Author, town: int
    ) -> None:
        await rooms.batch(*(to_group(ann, "town", str(n)) for n in range(5)))
        await rooms.send(private(ann, "bob", "aside"))
        await rooms.send(to_group(cat, "town", "5"))
        assert not (await rooms.pull(bob, cat)).more
        await rooms.pull(bob, cat)
        assert await said(rooms, bob) == ["aside", *"012345"]
        assert await said(rooms, cat) == list("012345")
        assert not await rooms.read(large.is_pending, bob.uid)

    async def test_what_was_pulled_is_told_with_its_places(
        self, rooms: Rooms, ann: Author, bob: Author, cat: Author, town: int
    ) -> None:
        await rooms.send(private(ann, "bob"))
        await rooms.batch(to_group(ann, "town", "1"), to_group(ann, "town", "2"))
        pulled = await rooms.pull(bob, cat, cid=town)
        assert [told.what.content for told in pulled.told if isinstance(told.what, Message)] == ["1", "2"]
        assert [told.places for told in pulled.told] == [[(bob.uid, 2), (cat.uid, 1)], [(bob.uid, 3), (cat.uid, 2)]]

    async def test_of_very_much_only_the_last_is_told(self, rooms: Rooms, ann: Author, bob: Author, town: int) -> None:
        await rooms.batch(*(to_group(ann, "town", str(n)) for n in range(SHOWN + 1)))
        [told] = (await rooms.pull(bob)).told
        assert told.places == [(bob.uid, SHOWN + 1)]

    async def test_much_is_pulled_in_pieces(
        self, rooms: Rooms, ann: Author, bob: Author, cat: Author, town: int
    ) -> None:
        for _ in range(2):
            await rooms.batch(*(to_group(ann, "town") for _ in range(PIECE)))
        heads = []
        while (await rooms.pull(bob, cat)).more:
            heads.append([(await rooms.state(who)).head for who in (bob, cat)])
        assert heads == [[PIECE // 2 * n] * 2 for n in range(1, 5)]
        assert [(await rooms.state(who)).head for who in (bob, cat)] == [2 * PIECE] * 2

    async def test_the_entry_of_a_changed_message_says_how_it_is_now(
        self, rooms: Rooms, ann: Author, bob: Author, town: int
    ) -> None:
        sent = await rooms.send(to_group(ann, "town", "old"))
        await rooms.pull(bob)

        def edit(tx: Connection) -> None:
            message = rewriting.read(tx, int(sent.message.server_msg_id))
            message.content, message.version = "new", 2
            rewriting.rewrite(tx, message)
            rooms.journal.record(tx, message, Large(town), ann)

        await rooms.write(edit)
        await rooms.pull(ann, bob)
        assert await said(rooms, bob) == ["new", "new"]
        assert await said(rooms, ann) == ["new", "new"]

    async def test_unread_is_counted_whether_pulled_or_not(
        self, rooms: Rooms, ann: Author, bob: Author, town: int
    ) -> None:
        await rooms.batch(to_group(ann, "town"), to_group(ann, "town"))
        assert await rooms.read(roster.unread_counts, bob.uid) == {"g:town": 2}
        await rooms.pull(bob)
        assert await rooms.read(roster.unread_counts, bob.uid) == {"g:town": 2}


class TestMembership:
    async def test_what_was_said_before_a_group_grew_is_not_told_again(
        self, rooms: Rooms, ann: Author, bob: Author
    ) -> None:
        await rooms.group("town", ann, bob)
        await rooms.send(to_group(ann, "town", "small"))
        await rooms.grow("town")
        await rooms.send(to_group(ann, "town", "large"))
        await rooms.pull(ann, bob)
        assert await said(rooms, bob) == await said(rooms, ann) == ["small", "large"]

    async def test_who_joins_begins_at_the_end(self, rooms: Rooms, ann: Author, town: int) -> None:
        dan = await rooms.author("dan")
        await rooms.send(to_group(ann, "town", "before"))
        await rooms.join("town", dan)
        await rooms.send(to_group(ann, "town", "after"))
        await rooms.pull(dan)
        assert await said(rooms, dan) == ["after"]

    async def test_who_leaves_gets_all_up_to_that(self, rooms: Rooms, ann: Author, bob: Author, town: int) -> None:
        await rooms.send(to_group(ann, "town", "before"))
        await rooms.leave("town", bob)
        await rooms.send(to_group(ann, "town", "after"))
        await rooms.pull(bob)
        assert await said(rooms, bob) == ["before"]
        await rooms.join("town", bob)
        await rooms.send(to_group(ann, "town", "again"))
        await rooms.pull(bob)
        assert await said(rooms, bob) == ["before", "again"]

    async def test_a_dissolved_group_is_read_to_its_end(
        self, rooms: Rooms, ann: Author, bob: Author, town: int
    ) -> None:
        await rooms.send(to_group(ann, "town", "last"))

        def dissolve(tx: Connection) -> None:
            roster.dissolve(tx, town, 1)
            ended = Change(kind="group", conversation_id="g:town", action="dissolved")
            rooms.journal.record(tx, ended, Large(town), ann)

        await rooms.write(dissolve)
        await rooms.pull(bob)
        assert await said(rooms, bob) == ["last", "dissolved"]
        left = await rooms.read(lambda tx: set(tx.execute(select(cursors.c.uid)).scalars()))
        assert bob.uid not in left
        assert ann.uid in left

    async def test_members_come_in_pages(self, rooms: Rooms, ann: Author, bob: Author, cat: Author, town: int) -> None:
        first = await rooms.read(page, town, 0, 2)
        rest = await rooms.read(page, town, first[-1].uid, 2)
        assert [one.user_id for one in first + rest] == ["ann", "bob", "cat"]


class TestTwoNodes:
    @pytest.fixture
    async def nodes(self, shared_backend: Backend, clock: Clock) -> AsyncIterator[tuple[Rooms, Rooms]]:
        one, other = await Rooms.open(shared_backend, clock), await Rooms.open(shared_backend, clock)
        yield one, other
        await other.close()
        await one.close()

    async def test_whoever_pulls_and_writes_at_once_every_log_has_all_in_order(
        self, nodes: tuple[Rooms, Rooms]
    ) -> None:
        rooms = nodes[0]
        authors = await rooms.authors("ann", "bob", "cat", "dan")
        await rooms.group("town", *authors)
        town = await rooms.grow("town")

        async def talk(node: Rooms, who: Author) -> None:
            for turn in range(15):
                await node.send(to_group(who, "town", f"{who.user_id} {turn}"))

        async def pull(node: Rooms) -> None:
            for _ in range(20):
                await node.pull(*authors)

        await asyncio.gather(talk(nodes[0], authors[0]), talk(nodes[1], authors[1]), pull(nodes[0]), pull(nodes[1]))
        pulled: Pulled = await rooms.pull(*authors)
        assert not pulled.more
        history = await rooms.read(reading.history, town, 1000, 1000)
        for who in authors:
            entries = await rooms.log(who)
            assert [entry.seq for entry in entries] == list(range(1, 31))
            assert await said(rooms, who) == [message.content for message in history]
        places = await rooms.read(lambda tx: list(tx.execute(select(conversation_log.c.place)).scalars()))
        assert sorted(places) == list(range(1, 31))
