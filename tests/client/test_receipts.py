"""One's own messages are sent, delivered, read; the store knows, also of what happened while it was away."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from roost.client import Client, MarksMoved, MemberRead
from roost.client.blocking import BlockingClient
from roost.client.store import marks
from roost.client.store.entries import Entries
from roost.client.store.store import Store
from roost.errors import UnknownMessage
from roost.model.message import Change, Message, Present
from roost.protocol.answers import Group, Member
from roost.protocol.frames import Mark
from tests.client.conftest import Open
from tests.client.people import Cast, received, take


async def state(client: Client, conversation: str) -> list[str]:
    return [one.state for one in await client.store.history(conversation, None, 100)]


async def until(client: Client, conversation: str, states: list[str]) -> None:
    async with asyncio.timeout(10):
        while await state(client, conversation) != states:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_message_becomes_delivered_and_read(client: Open, cast: Cast) -> None:
    await cast.make("bob")
    ann = await client(cast, "ann")
    pair = cast.conversation("ann", "bob")
    for text in ("one", "two"):
        await ann.send(cast["bob"], text)
    await ann.flush()
    assert await state(ann, pair) == ["sent", "sent"]
    bob = await client(cast, "bob")
    assert await received(bob, 2) == ["one", "two"]
    await until(ann, pair, ["delivered", "delivered"])
    await bob.mark_read(cast["ann"], 1)
    await until(ann, pair, ["read", "delivered"])
    (event,) = await take(ann.events(MemberRead), 1)
    assert (event.user_id, event.conversation_id, event.conversation_seq) == (cast["bob"], pair, 1)
    known = await ann.conversation(cast["bob"])
    assert known is not None
    assert known.marks == [Mark(user_id=cast["bob"], read_seq=1, delivered_seq=2)]
    assert known.read_seq == 0
    mine = await bob.conversation(cast["ann"])
    assert mine is not None
    assert mine.read_seq == 1
    assert mine.marks == []


async def test_who_was_away_learns_what_was_delivered_and_read(client: Open, cast: Cast) -> None:
    await cast.make("bob", "cat")
    ann = await client(cast, "ann")
    for name in ("bob", "cat"):
        await ann.send(cast[name], "one")
    await ann.flush()
    await ann.disconnect()
    bob, cat = await client(cast, "bob"), await client(cast, "cat")
    await received(bob, 1)
    await received(cat, 1)
    await cat.mark_read(cast["ann"])
    listening = asyncio.ensure_future(take(ann.events(MarksMoved), 1))
    for name in ("bob", "cat"):
        async with asyncio.timeout(10):
            while not any(one["position"] for one in (await cast.call(name, "GET", "/devices"))["devices"]):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    await ann.connect()
    await until(ann, cast.conversation("ann", "bob"), ["delivered"])
    await until(ann, cast.conversation("ann", "cat"), ["read"])
    (moved,) = await listening
    assert moved.conversation_id in {cast.conversation("ann", name) for name in ("bob", "cat")}


async def test_everybody_else_must_have_read_it(client: Open, cast: Cast) -> None:
    await cast.make("bob", "cat")
    ann = await client(cast, "ann")
    group = (await ann.create_group(members=[cast["bob"], cast["cat"]])).conversation_id
    await ann.send(group, "one")
    await ann.flush()
    for name, states in (("bob", "sent"), ("cat", "read")):
        await cast.call(name, "POST", f"/conversations/{group}/read", {"conversationSeq": 1})
        seq = len((await cast.call("ann", "POST", "/messages/sync", {"lastSeq": 0}))["changes"]) + 1
        async with asyncio.timeout(10):
            while (await ann.store.config()).last_sync_seq < seq:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert await state(ann, group) == [states]


async def test_receipts_are_asked_for(client: Open, cast: Cast) -> None:
    await cast.make("bob")
    ann = await client(cast, "ann")
    await ann.send(cast["bob"], "one")
    await ann.flush()
    (message,) = await ann.history(cast["bob"])
    page = await ann.receipts(message)
    assert (page.receivers, page.read, page.next_after) == (1, 0, None)
    assert [(one.user_id, one.delivered, one.read) for one in page.receipts] == [(cast["bob"], False, False)]
    with pytest.raises(UnknownMessage):
        await ann.receipts("123456789")


def test_a_script_asks_for_receipts(cast: Cast, tmp_path: Path) -> None:
    asyncio.run(cast.make("bob"))
    with BlockingClient(cast.server.url, token=cast.token("ann"), store=tmp_path / "ann.db") as ann:
        ann.send(cast["bob"], "one")
        ann.flush()
        (message,) = ann.history(cast["bob"])
        assert [one.read for one in ann.receipts(message).receipts] == [False]


def message(number: int, sender: str) -> Message:
    return Message(
        message_id=f"m{number}",
        server_msg_id=str(number),
        seq=number,
        conversation_id="g:team",
        conversation_seq=number,
        sender_id=sender,
        message_type=1,
        content="hi",
        create_time=1,
        server_time=1,
        version=1,
    )


def member(seq: int, user: str, action: str = "joined", head: int = 0) -> Change:
    return Change(
        seq=seq, kind="member", conversation_id="g:team", action=action, user_id=user, conversation_seq=head, time=1
    )


def present(*read: tuple[str, int]) -> list[Present]:
    return [Present(user_id=name, role="member", join_time=1, read_seq=place) for name, place in read]


def came(seq: int, user: str, *read: tuple[str, int], head: int = 0) -> Change:
    """Somebody came into a small group; so far everybody in it has read."""
    return msgspec.structs.replace(member(seq, user, "joined", head), members=present(*read))


def made(seq: int, *names: str, read: int = 0, action: str | None = None) -> Change:
    """An entry that says who is in the group: it was made; or ann came in."""
    there = present(*((name, read) for name in names))
    if action is None:
        return Change(seq=seq, kind="group", conversation_id="g:team", action="created", members=there, time=1)
    return msgspec.structs.replace(member(seq, "ann", action, read), members=there)


async def test_an_entry_that_says_who_is_in_a_group_is_enough(tmp_path: Path) -> None:
    """From the making of a group, and from one's coming in again, the log alone tells what became of a message."""
    store = Store(tmp_path / "ann.db")
    await store.open()
    await store.claim("ann")

    async def states() -> list[str]:
        return [one.state for one in await store.history("g:team", None, 10)]

    await store.apply(Entries(changes=[made(1, "ann", "bob")], messages=[message(1, "ann")], through=1))
    assert await states() == ["sent"]
    read = Change(seq=2, kind="read", conversation_id="g:team", user_id="bob", conversation_seq=1)
    await store.apply(Entries(changes=[read], through=2))
    assert await states() == ["read"]
    await store.apply(Entries(changes=[member(3, "bob", "left")], messages=[message(2, "ann")], through=3))
    assert await states() == ["read", "read"]  # nobody is waited for
    await store.apply(
        Entries(changes=[came(4, "cat", ("ann", 2), ("cat", 2), head=2)], messages=[message(3, "ann")], through=4)
    )
    assert await states() == ["read", "read", "sent"]
    await store.apply(Entries(changes=[member(5, "ann", "left")], through=5))
    assert await states() == ["read", "read", "sent"]
    await store.apply(Entries(changes=[made(6, "ann", "cat", "dan", read=3, action="joined")], through=6))
    assert await states() == ["read", "read", "read"]
    await store.close()


async def test_an_answer_that_is_ahead_of_the_log_changes_nothing_in_the_end(tmp_path: Path) -> None:
    store = Store(tmp_path / "ann.db")
    await store.open()
    await store.claim("ann")
    await store.apply(Entries(changes=[made(1, "ann", "bob")], messages=[message(1, "ann")], through=1))
    names = ("ann", "bob", "cat")
    answered = [Member(user_id=name, role="member", join_time=1) for name in names]
    await store.save_group(Group(group_id="team", conversation_id="g:team", create_time=1, members=answered))
    read = Change(seq=2, kind="read", conversation_id="g:team", user_id="bob", conversation_seq=1)
    await store.apply(Entries(changes=[read], through=2))
    came_in = came(3, "cat", ("ann", 1), ("bob", 1), ("cat", 1), head=1)
    await store.apply(Entries(changes=[came_in], through=3))
    assert [one.state for one in await store.history("g:team", None, 10)] == ["read"]
    await store.close()


async def test_the_state_in_a_group_goes_by_who_is_in_it_and_never_back(tmp_path: Path) -> None:
    store = Store(tmp_path / "ann.db")
    await store.open()
    await store.claim("ann")
    await store.apply(Entries(messages=[message(1, "ann"), message(2, "ann")], through=2))

    async def states() -> list[str]:
        return [one.state for one in await store.history("g:team", None, 10)]

    assert not await store.write(marks.store_marks, "g:nowhere", [Mark(user_id="bob", read_seq=1)])
    assert await store.write(marks.store_marks, "g:team", [Mark(user_id="bob", delivered_seq=2)])
    assert await states() == ["sent", "sent"]  # who else is there is not known
    await store.apply(Entries(changes=[came(3, "cat", ("ann", 0), ("bob", 0), ("cat", 0))], through=4))
    assert await store.write(marks.store_marks, "g:team", [Mark(user_id="bob", delivered_seq=2)])
    assert not await store.write(marks.store_marks, "g:team", [Mark(user_id="bob", delivered_seq=1)])
    await store.write(marks.store_marks, "g:team", [Mark(user_id="cat", read_seq=1)])
    assert await states() == ["delivered", "sent"]
    await store.apply(
        Entries(changes=[came(5, "dan", ("ann", 0), ("bob", 0), ("cat", 1), ("dan", 2), head=2)], through=5)
    )
    read = Change(seq=6, kind="read", conversation_id="g:team", user_id="bob", conversation_seq=2)
    await store.apply(Entries(changes=[read], through=6))
    assert await states() == ["read", "sent"]
    await store.apply(Entries(changes=[member(7, "cat", "left")], through=7))
    assert await states() == ["read", "read"]
    small = [came(8, "eve", ("ann", 0), ("bob", 2), ("dan", 2), ("eve", 2), head=2)]
    await store.apply(Entries(changes=small, through=8))
    assert await states() == ["read", "read"]
    await store.apply(Entries(changes=[member(9, "fay", head=2)], through=9))  # larger than that
    assert await states() == ["sent", "sent"]
    fewer = msgspec.structs.replace(member(10, "eve", "left"), members=present(("ann", 0), ("bob", 2), ("fay", 1)))
    await store.apply(Entries(changes=[fewer], through=10))
    assert await states() == ["read", "sent"]
    await store.close()


async def test_a_store_of_before_keeps_the_marks_of_small_groups_alone(tmp_path: Path) -> None:
    """Schema 7 kept those of larger groups as well, as far as it had heard of them."""
    store = Store(tmp_path / "ann.db")
    await store.open()
    await store.claim("ann")
    names = [f"user{number}" for number in range(20)]
    changes = [made(1, "ann", "bob"), msgspec.structs.replace(made(2, "ann", *names), conversation_id="g:town")]
    await store.apply(Entries(changes=changes, through=2))
    for group in ("g:team", "g:town"):
        assert await store.write(marks.store_marks, group, [Mark(user_id="bob", read_seq=1)])
    await store.close()
    with closing(sqlite3.connect(tmp_path / "ann.db", isolation_level=None)) as file:
        for column in ("marks_told", "stale_through"):
            file.execute(f"ALTER TABLE conversations DROP COLUMN {column}")
        file.execute("PRAGMA user_version = 7")
    await store.open()
    kept = {one.conversation_id: len(one.marks) for one in await store.conversations(limit=10, offset=0)}
    assert kept == {"g:team": 1, "g:town": 0}
    await store.close()
