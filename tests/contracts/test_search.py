"""What search finds, on every backend: what is said in one's own conversations, as it is now, and nothing else."""

from __future__ import annotations

import pytest

from roost.errors import InvalidInput, NotAMember, UnknownConversation
from roost.journal.contract import Author
from roost.search import indexing as pieces
from tests.rooms import Rooms, private, to_group
from tests.search.desk import Desk


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
    monkeypatch.setattr("roost.flow.search.searching.LOOKED_AT", 4)
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
