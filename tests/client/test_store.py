"""The local store by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from roost.client import StoreBelongsToAnother, StoredMessage, StoreInUse, StoreTooNew
from roost.client.store import sending
from roost.client.store.entries import Entries
from roost.client.store.store import Store
from roost.model.message import Change, Message
from roost.protocol.frames import Sent

ME, BOB = "ann", "bob"
PAIR = "p:ann:bob"


def message(seq: int, content: str = "hi", *, sender: str = BOB, server_id: int = 0, **more: Any) -> Message:
    server_id = server_id or seq
    fields: dict[str, Any] = {
        "message_id": f"{sender}-{server_id}",
        "server_msg_id": str(server_id),
        "seq": seq,
        "conversation_id": PAIR,
        "conversation_seq": server_id,
        "sender_id": sender,
        "message_type": 1,
        "content": content,
        "create_time": 1,
        "server_time": 2,
        "version": 1,
    }
    return Message(**fields | more)


def outgoing(message_id: str, content: str = "out", to: str = PAIR) -> StoredMessage:
    return StoredMessage(
        message_id=message_id,
        server_msg_id="",
        conversation_id=to,
        conversation_seq=0,
        sender_id=ME,
        message_type=1,
        content=content,
        create_time=5,
        server_time=0,
        version=0,
        state="pending",
    )


def receipt(message_id: str, seq: int) -> Sent:
    return Sent(
        message_id=message_id,
        server_msg_id=str(seq),
        conversation_id=PAIR,
        conversation_seq=seq,
        seq=seq,
        server_time=9,
    )


async def page(store: Store, *what: Message | Change, through: int) -> Any:
    return await store.apply(
        Entries(
            messages=[one for one in what if isinstance(one, Message)],
            changes=[one for one in what if isinstance(one, Change)],
            through=through,
        )
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ann.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    store = Store(path)
    await store.open()
    await store.claim(ME, "one")
    yield store
    await store.close()


async def contents(store: Store) -> list[str]:
    return [one.content for one in await store.history(PAIR, None, 100)]


async def test_a_page_and_the_position_are_one_transaction(store: Store) -> None:
    await page(store, message(1), through=1)
    broken = message(3)
    broken.server_msg_id = "no number"
    with pytest.raises(ValueError, match="no number"):
        await page(store, message(2), broken, through=3)
    assert await store.get_last_sync_seq() == 1
    assert await contents(store) == ["hi"]
    await page(store, message(2), message(3), through=3)
    assert (await store.get_last_sync_seq(), await store.get_max_seq()) == (3, 3)


async def test_a_message_that_comes_again_is_updated_in_place(store: Store) -> None:
    await page(store, message(1, "first"), through=1)
    await page(store, message(4, "edited", server_id=1, version=2, edit_time=7), through=4)
    (one,) = await store.history(PAIR, None, 10)
    assert (one.content, one.version, one.edit_time, one.seq) == ("edited", 2, 7, 4)
    assert await store.get_max_seq() == 4


async def test_an_older_version_does_not_overwrite_a_newer_one(store: Store) -> None:
    await store.save_messages([message(0, "new", server_id=1, version=3)])
    await page(store, message(1, "old", version=1), through=1)
    (one,) = await store.history(PAIR, None, 10)
    assert (one.content, one.version, one.seq) == ("new", 3, 1)


async def test_the_same_message_id_of_two_senders_is_two_messages(store: Store) -> None:
    await page(
        store,
        message(1, "bob's", message_id="1"),
        message(2, "mine", sender=ME, message_id="1"),
        through=2,
    )
    assert await contents(store) == ["bob's", "mine"]


async def test_the_position_never_goes_back_by_applying(store: Store) -> None:
    await page(store, message(1), message(2), through=2)
    await page(store, message(1), through=1)
    assert await store.get_last_sync_seq() == 2


async def test_what_was_stored_is_there_after_a_restart(store: Store, path: Path) -> None:
    await page(store, message(1, "kept"), through=1)
    await store.put(outgoing("m1", "waits"))
    await store.set_syncing(syncing=True)
    await store.close()
    again = Store(path)
    config = await again.open()
    assert (config.user_id, config.last_sync_seq, config.epoch, config.is_syncing) == (ME, 1, "one", False)
    assert config.last_sync_time > 0
    assert await contents(again) == ["kept", "waits"]
    await again.close()


async def test_a_second_client_is_refused(store: Store, path: Path) -> None:
    second = Store(path)
    with pytest.raises(StoreInUse, match=r"ann\.db"):
        await second.open()
    await store.close()
    await second.open()
    await second.close()


async def test_the_store_of_another_user_is_refused(store: Store) -> None:
    with pytest.raises(StoreBelongsToAnother, match="ann"):
        await store.claim("bob")


async def test_the_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreTooNew, match="99"):
        await Store(path).open()


async def test_a_file_that_is_no_store_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Bob, " * 1000)
    with pytest.raises(sqlite3.DatabaseError):
        await Store(path).open()


# --- search ---


async def test_search_finds_words_and_beginnings_of_words(store: Store) -> None:
    await page(store, message(1, "The quick brown Fox"), message(2, "a brown dog"), message(3, "Füchse"), through=3)
    found = [one.content for one in await store.search("bro", None, 10)]
    assert found == ["a brown dog", "The quick brown Fox"]
    assert [one.content for one in await store.search("fox quick", None, 10)] == ["The quick brown Fox"]
    assert [one.content for one in await store.search("fuchse", None, 10)] == ["Füchse"]
    assert await store.search("brown", "g:other", 10) == []
    assert await store.search('"; DROP', None, 10) == []
    assert await store.search("  ", None, 10) == []


async def test_search_knows_scripts_without_spaces(store: Store) -> None:
    await page(store, message(1, "消息增量同步技术方案"), message(2, "100%"), through=2)
    assert [one.seq for one in await store.search("增量", None, 10)] == [1]


async def test_search_follows_edits_and_recalls(store: Store) -> None:
    await page(store, message(1, "apples"), message(2, "pears"), through=2)
    await page(store, message(3, "oranges", server_id=1, version=2), through=3)
    await page(store, message(4, "", server_id=2, version=2, recall_time=9), through=4)
    assert await store.search("apples", None, 10) == []
    assert await store.search("pears", None, 10) == []
    assert [one.content for one in await store.search("oranges", None, 10)] == ["oranges"]
    await store.read(lambda book: book.execute("INSERT INTO search (search) VALUES ('integrity-check')"))


# --- conversations, unread, changes ---


def read_mark(seq: int, up_to: int) -> Change:
    return Change(seq=seq, kind="read", conversation_id=PAIR, conversation_seq=up_to, user_id=ME, time=3)


def group(seq: int, action: str, user: str | None = None, **more: Any) -> Change:
    return Change(
        seq=seq,
        kind="group" if user is None else "member",
        conversation_id="g:tea",
        action=action,
        user_id=user,
        actor_id=BOB,
        time=3,
        **more,
    )


async def test_unread_is_what_others_wrote_after_the_read_mark(store: Store) -> None:
    await page(store, *[message(n) for n in range(1, 6)], message(6, sender=ME), through=6)
    assert await store.unread() == {PAIR: 5}
    await page(store, read_mark(7, 3), through=7)
    assert await store.unread() == {PAIR: 2}
    await page(store, message(8, "", server_id=5, version=2, recall_time=1), through=8)
    assert await store.unread() == {PAIR: 1}
    await page(store, read_mark(9, 6), through=9)
    assert await store.unread() == {}


async def test_read_marks_never_go_back_and_do_not_pile_up(store: Store) -> None:
    await page(store, *[message(n) for n in range(1, 4)], read_mark(4, 3), read_mark(5, 1), through=5)
    (conversation,) = await store.conversations(limit=10, offset=0)
    assert (conversation.read_seq, conversation.last_seq, conversation.unread) == (3, 3, 0)
    assert await store.read(lambda book: book.execute("SELECT count(*) FROM changes").fetchone()[0]) == 1


async def test_own_read_marks_are_merged_until_the_server_knows_them(store: Store) -> None:
    await page(store, *[message(n) for n in range(1, 6)], through=5)
    assert await store.write(sending.mark_read, PAIR, 2) == 2
    assert await store.write(sending.mark_read, PAIR, 4) == 4
    assert await store.write(sending.mark_read, PAIR, 3) is None
    assert await store.read(sending.read_marks) == [(PAIR, 4)]
    await store.write(sending.mark_known, sending.ReadMark(PAIR, 2))
    assert await store.read(sending.read_marks) == [(PAIR, 4)]
    await page(store, read_mark(6, 4), through=6)  # told by the log
    assert await store.read(sending.read_marks) == []


async def test_membership_follows_the_log(store: Store) -> None:
    await page(store, group(1, "created", name="Tea"), group(2, "joined", "cat", role="member"), through=2)
    (tea,) = await store.conversations(limit=10, offset=0)
    assert (tea.name, tea.gone, tea.members) == ("Tea", False, None)  # who else is there was not told
    await page(store, group(3, "renamed", name="Coffee"), group(4, "removed", ME), through=4)
    (tea,) = await store.conversations(limit=10, offset=0)
    assert (tea.name, tea.gone) == ("Coffee", True)
    await page(store, group(5, "joined", ME, role="admin"), through=5)
    (tea,) = await store.conversations(limit=10, offset=0)
    assert (tea.gone, tea.role) == (False, "admin")
    await page(store, group(4, "removed", ME), through=5)  # comes once more, late
    (tea,) = await store.conversations(limit=10, offset=0)
    assert not tea.gone


async def test_the_members_of_a_private_conversation_are_its_two_users(store: Store) -> None:
    await page(store, message(1), through=1)
    (conversation,) = await store.conversations(limit=10, offset=0)
    assert conversation.members is not None
    assert {member.user_id for member in conversation.members} == {ME, BOB}
    assert conversation.last_message is not None
    assert conversation.last_message.content == "hi"


# --- outbox rows ---


async def test_a_receipt_moves_a_message_from_the_outbox_to_its_place(store: Store) -> None:
    await store.put(outgoing("m1"))
    assert [one.state for one in await store.history(PAIR, None, 10)] == ["pending"]
    applied = await store.apply(Entries(receipts=[receipt("m1", 1)], through=1))
    (one,) = await store.history(PAIR, None, 10)
    assert (one.state, one.server_msg_id, one.conversation_seq, one.server_time) == ("sent", "1", 1, 9)
    assert (applied.settled, applied.position) == (["m1"], 1)
    assert await store.read(sending.unsent) == []


async def test_the_log_settles_a_message_whose_receipt_was_lost(store: Store) -> None:
    await store.put(outgoing("m1", "mine"))
    applied = await page(store, message(1, "mine", sender=ME, message_id="m1"), through=1)
    assert [one.message_id for one in applied.sent] == ["m1"]
    assert await contents(store) == ["mine"]
    again = await store.apply(Entries(receipts=[receipt("m1", 1)]))  # the answer to sending it again
    assert again.settled == ["m1"]
    assert await contents(store) == ["mine"]


async def test_a_receipt_for_a_message_that_is_nowhere_stops_the_position(store: Store) -> None:
    applied = await store.apply(Entries(receipts=[receipt("discarded", 1)], messages=[message(2)], through=2))
    assert applied.position == await store.get_last_sync_seq() == 0


async def test_the_same_message_id_goes_into_the_outbox_once(store: Store) -> None:
    await store.put(outgoing("m1", "first"))
    await store.put(outgoing("m1", "second"))
    assert [one.content for one in await store.read(sending.unsent)] == ["first"]


# --- what the application was not told yet ---


async def test_undelivered_is_in_the_order_of_the_log(store: Store) -> None:
    await page(store, message(1), read_mark(2, 1), message(3), message(5, "new", server_id=1, version=2), through=5)
    found = await store.undelivered(0, 0, 100)
    assert [(one.seq, one.new) for one in found] == [(1, True), (2, True), (3, True), (5, False)]
    assert found[0].what.content == "new"  # type: ignore[union-attr]  # in its state of now
    assert [one.seq for one in await store.undelivered(2, 0, 100)] == [3, 5]


async def test_undelivered_pages_leave_nothing_out(store: Store) -> None:
    entries = [message(n) if n % 3 else read_mark(n, n - 1) for n in range(1, 40)]
    for entry in entries:  # read marks one by one: the last of a conversation replaces those before
        await page(store, entry, through=entry.seq)
    place, seen = (0, 0), []
    while found := await store.undelivered(*place, 4):
        seen += [one.seq for one in found]
        place = (found[-1].seq, found[-1].server_id)
    assert seen == sorted(seen)
    assert set(seen) >= {n for n in range(1, 40) if n % 3}
    assert len(seen) == len(set(seen))


async def test_what_this_store_sent_is_not_delivered_to_it(store: Store) -> None:
    await store.put(outgoing("m1"))
    await store.apply(Entries(receipts=[receipt("m1", 1)], through=1))
    await page(store, message(2, sender=ME, message_id="other device"), through=2)
    assert [one.seq for one in await store.undelivered(0, 0, 10)] == [2]


async def test_a_message_known_from_history_is_delivered_when_the_log_brings_it(store: Store) -> None:
    await store.save_messages([message(0, server_id=7)])
    assert await store.undelivered(0, 0, 10) == []
    await page(store, message(1, server_id=7), through=1)
    assert [one.seq for one in await store.undelivered(0, 0, 10)] == [1]


async def bring(store: Store, way: str) -> None:
    """One's own message comes by one of the ways it may come, at place 3 of the log."""
    mine = message(3, "out", sender=ME, message_id="m1")
    if way == "receipt":
        await store.apply(Entries(receipts=[receipt("m1", 3)]))
    elif way == "log":
        await page(store, mine, through=3)
    elif way == "history":
        mine.seq = 0
        await store.save_messages([mine])
    else:
        await store.clear()


@pytest.mark.parametrize(
    "ways",
    [
        ("log", "receipt"),
        ("receipt", "log"),
        ("history", "log", "receipt"),
        ("history", "receipt", "log"),
        ("receipt", "clear", "log"),
        ("history", "clear", "log"),
        ("history", "receipt", "clear", "log"),
    ],
    ids=" ".join,
)
async def test_an_own_message_is_merged_with_the_outbox_whatever_brings_it_first(
    store: Store, ways: tuple[str, ...]
) -> None:
    await page(store, message(1), message(2), through=2)
    await store.delivered(2, 2)
    await store.put(outgoing("m1"))
    for way in ways:
        await bring(store, way)
        if way != "clear":
            mine = [one for one in await store.history(PAIR, None, 10) if one.sender_id == ME]
            assert [(one.message_id, one.server_msg_id, one.state) for one in mine] == [("m1", "3", "sent")]
            assert await store.read(sending.unsent) == []
        assert await store.undelivered(2, 2, 10) == []
    assert [one.seq for one in await store.history(PAIR, None, 10) if one.sender_id == ME] == [3]


async def test_an_own_message_that_changed_is_told_as_changed_after_a_reset(store: Store) -> None:
    await store.put(outgoing("m1"))
    await store.apply(Entries(receipts=[receipt("m1", 1)], through=1))
    edited = message(2, "edited", sender=ME, message_id="m1", server_id=1, version=2)
    await page(store, edited, through=2)
    await store.clear()
    await page(store, edited, through=2)
    assert [(one.seq, one.new) for one in await store.undelivered(0, 0, 10)] == [(2, False)]


async def test_the_row_keeps_every_field_of_a_message(store: Store) -> None:
    first = message(1, edit_time=3, recall_time=4, version=5, message_type=2)
    await page(store, first, through=1)
    (one,) = await store.history(PAIR, None, 10)
    found = {name: getattr(one, name) for name in Message.__struct_fields__}
    assert found == msgspec.structs.asdict(first)
