"""Changing messages with the SDK (D9): the store has what the server answers, the application is told once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from roost.client import Client, MessageChanged, StoredMessage
from roost.client.blocking import BlockingClient
from roost.client.errors import NetworkError
from roost.client.store import schema, sending
from roost.client.store.store import Store
from roost.errors import Forbidden, InvalidID, InvalidInput, MessageRecalled
from roost.model.message import Origin
from tests.client.conftest import Open
from tests.client.people import Cast, received, take


@pytest.fixture
async def ann(client: Open, cast: Cast) -> Client:
    return await client(cast, "ann")


@pytest.fixture
async def bob(client: Open, cast: Cast) -> Client:
    return await client(cast, "bob")


async def sent(client: Client, to: Client, content: str) -> StoredMessage:
    message = await client.send(to.user_id, content)
    await client.flush(10)
    return (await client.store.history(message.conversation_id, None, 1))[-1]


async def test_an_edit_is_in_the_store_when_the_call_returns_and_told_to_both(ann: Client, bob: Client) -> None:
    message = await sent(ann, bob, "helo")
    assert await received(bob, 1) == ["helo"]
    there, here = bob.events(MessageChanged), ann.events(MessageChanged)
    changed = await ann.edit(message, "hello")
    assert (changed.content, changed.version) == ("hello", 2)
    stored = await ann.message(message.server_msg_id)
    assert stored is not None
    assert (stored.content, stored.version) == ("hello", 2)
    assert stored.state in {"sent", "delivered"}  # as soon as bob's ack is known
    for events in (there, here):
        (event,) = await take(events, 1)
        assert (event.message.content, event.seq) == ("hello", 2)


async def test_a_recalled_text_is_found_no_more(ann: Client, bob: Client) -> None:
    message = await sent(ann, bob, "umbrella")
    assert await received(bob, 1) == ["umbrella"]
    for one in (ann, bob):
        assert len(await one.search("umbrella")) == 1
    await ann.recall(message)
    (event,) = await take(bob.events(MessageChanged), 1)
    assert (event.message.content, event.message.recall_time > 0) == ("", True)
    for one in (ann, bob):
        assert await one.search("umbrella") == []
        rows = await one.store.read(lambda book: book.execute("SELECT content FROM messages").fetchall())
        assert rows == [("",)]
    assert await bob.unread() == {}


async def test_a_device_that_was_away_is_told_of_the_message_as_it_is_now(
    client: Open, cast: Cast, ann: Client, bob: Client
) -> None:
    await bob.disconnect()
    message = await sent(ann, bob, "first")
    await ann.edit(message, "second")
    await bob.connect()
    await bob.connected(10)
    assert await received(bob, 1) == ["second"]
    new = await client(cast, "bob", store="bob2", token=cast.token("bob", "laptop"))
    assert await received(new, 1) == ["second"]


async def test_the_refusals_of_the_server_are_raised(ann: Client, bob: Client) -> None:
    message = await sent(ann, bob, "hi")
    with pytest.raises(Forbidden):
        await bob.edit(message.server_msg_id, "x")
    await ann.recall(int(message.server_msg_id))
    with pytest.raises(MessageRecalled):
        await ann.edit(message, "x")


async def test_what_is_not_sent_can_t_be_changed(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann", connect=False)
    await cast.make("ann")
    await ann.store.claim(cast["ann"])
    with pytest.raises(InvalidID):
        await ann.edit("", "x")


async def test_offline_a_change_fails_and_nothing_is_kept(ann: Client, bob: Client) -> None:
    message = await sent(ann, bob, "hi")
    await ann.disconnect()
    ann._following.http._client.base_url = "http://127.0.0.1:1/api/v1"
    with pytest.raises(NetworkError):
        await ann.edit(message, "x")
    stored = await ann.message(message.server_msg_id)
    assert stored is not None
    assert stored.content == "hi"


async def test_the_blocking_client_changes_messages(cast: Cast) -> None:
    await cast.make("bob")

    def work() -> tuple[str, str]:
        with BlockingClient(cast.server.url, token=cast.token("ann"), store=":memory:", patience=0.05) as client:
            client.connected(10)
            message = client.send(cast["bob"], "helo")
            client.flush(10)
            (stored,) = client.history(message.conversation_id)
            edited = client.edit(stored, "hello").content
            return edited, client.recall(stored).content

    assert await asyncio.to_thread(work) == ("hello", "")


async def test_reactions_and_pins_are_in_the_stores_of_all(ann: Client, bob: Client) -> None:
    message = await sent(ann, bob, "hi")
    assert await received(bob, 1) == ["hi"]
    await ann.react(message, "❤️")
    await ann.pin(message)
    events = await take(bob.events(MessageChanged), 1)
    while not events[-1].message.pinned:  # one event may tell of both
        events = await take(bob.events(MessageChanged), 1)
    for one in (ann, bob):
        stored = await one.message(message.server_msg_id)
        assert stored is not None
        assert (stored.reactions, stored.pinned) == ({"❤️": [ann.user_id]}, True)
    assert [one.content for one in await bob.pins(ann.user_id)] == ["hi"]
    await ann.unreact(message, "❤️")
    await ann.unpin(message)
    stored = await ann.message(message.server_msg_id)
    assert stored is not None
    assert (stored.reactions, stored.pinned) == (None, False)


async def test_a_reply_that_was_written_offline_is_sent_as_one(ann: Client, bob: Client) -> None:
    first = await sent(ann, bob, "hi")
    assert await received(bob, 1) == ["hi"]
    await bob.disconnect()
    pending = await bob.send(ann.user_id, "yes", reply_to=first, mentions=[ann.user_id])
    (waiting,) = await bob.unsent()
    for one in (pending, waiting):
        assert (one.reply_to, one.mentions) == (first.server_msg_id, [ann.user_id])
    await bob.connect()
    await bob.flush(10)
    for client in (bob, ann):
        if client is ann:
            await received(ann, 1)
        message = (await client.store.history(first.conversation_id, None, 1))[-1]
        assert (message.content, message.reply_to, message.mentions) == ("yes", first.server_msg_id, [ann.user_id])


async def test_a_message_is_forwarded(client: Open, cast: Cast, ann: Client, bob: Client) -> None:
    cat = await client(cast, "cat")
    message = await sent(ann, bob, "news")
    assert await received(bob, 1) == ["news"]
    (receipt,) = await bob.forward(message, cat.user_id)
    (copy,) = await take(cat.messages(), 1)
    assert copy.server_msg_id == receipt.server_msg_id
    assert copy.forwarded_from == Origin(
        conversation_id=message.conversation_id, server_msg_id=message.server_msg_id, sender_id=ann.user_id
    )
    assert (await cat.store.history(copy.conversation_id, None, 1))[-1].forwarded_from == copy.forwarded_from


async def test_a_store_of_the_first_version_keeps_what_is_in_its_outbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(schema, "STEPS", {})
        before.setattr(schema, "VERSION", 1)
        connection = schema.open_file(tmp_path / "old.db", "phone")
    connection.execute(
        "INSERT INTO outbox (message_id, conversation_id, message_type, content, create_time, state)"
        " VALUES ('m', 'p:ann:bob', 1, 'hi', 1, 'pending')"
    )
    connection.close()
    store = Store(tmp_path / "old.db")
    await store.open()
    (waiting,) = await store.read(sending.unsent)
    assert (waiting.content, waiting.reply_to) == ("hi", None)
    await store.close()


async def test_a_message_is_reported_once(ann: Client, bob: Client) -> None:
    message = await sent(ann, bob, "buy this")
    first = await bob.report(message, "spam", "again and again")
    again = await bob.report(message.server_msg_id, "other")
    assert (again.report_id, first.duplicate, again.duplicate) == (first.report_id, False, True)
    with pytest.raises(InvalidInput):
        await bob.report(message, "boring")
