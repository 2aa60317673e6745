"""Sending: optimistic, in order, across restarts, with the server's refusals."""

from __future__ import annotations

import asyncio

import pytest

from roost.client import Client, MessageSent, NetworkError, SendFailed, State
from roost.client.store import sending
from roost.errors import InvalidID, UnknownReceiver
from roost.testing import LocalServer
from tests.client.conftest import Open
from tests.client.people import Cast, received, stored, take, until


async def test_a_message_is_pending_first_and_sent_after_the_receipt(client: Open, cast: Cast) -> None:
    await cast.make("bob")
    ann = await client(cast, "ann")
    sent = asyncio.ensure_future(take(ann.events(MessageSent), 1))
    await asyncio.sleep(0)
    message = await ann.send(cast["bob"], "hi")
    assert (message.state, message.server_msg_id) == ("pending", "")
    ((event),) = await sent
    assert event.message.message_id == message.message_id
    assert (event.message.state, event.message.conversation_seq, event.message.seq) == ("sent", 1, 1)
    (one,) = await ann.history(cast["bob"])
    assert (one.state, one.server_msg_id) == ("sent", event.message.server_msg_id)


async def test_what_is_sent_offline_waits_and_survives_a_restart(client: Open, cast: Cast) -> None:
    await cast.make("bob")
    ann = await client(cast, "ann", connect=False)
    messages = [await ann.send(cast["bob"], f"offline {n}") for n in range(5)]
    await ann.close()
    again = await client(cast, "ann", connect=False)
    assert [one.message_id for one in await again.unsent()] == [one.message_id for one in messages]
    await again.connect()
    await again.flush(10)
    bob = await client(cast, "bob")
    assert await received(bob, 5) == [f"offline {n}" for n in range(5)]
    found = [one.message_id for one in await bob.history(cast["ann"])]
    assert found == [one.message_id for one in messages]


async def test_a_message_sent_again_after_a_lost_receipt_is_there_once(client: Open, cast: Cast) -> None:
    """The client dies between the server's commit and the receipt; the next life sends it again."""
    await cast.make("bob")
    ann = await client(cast, "ann", connect=False)
    message = await ann.send(cast["bob"], "once")
    body = {"receiver_id": cast["bob"], "content": "once", "message_id": message.message_id}
    await cast.call("ann", "POST", "/messages/user", body)
    await ann.connect()
    await ann.flush(10)
    await ann.connected(10)
    (one,) = await ann.history(cast["bob"])
    assert (one.message_id, one.state) == (message.message_id, "sent")
    page = await cast.call("bob", "GET", f"/messages/user/{cast['ann']}")
    assert len(page["messages"]) == 1


async def test_a_final_refusal_is_told_and_kept(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann")
    failed = asyncio.ensure_future(take(ann.events(SendFailed), 1))
    await asyncio.sleep(0)
    message = await ann.send(cast["nobody"], "hello?")
    ((event),) = await failed
    assert (event.message_id, type(event.error)) == (message.message_id, UnknownReceiver)
    assert not event.error.retryable
    (one,) = await ann.history(cast["nobody"])
    assert (one.state, one.error_code) == ("failed", 40401)
    await cast.make("nobody")
    assert await ann.retry(message.message_id) == 1
    await ann.flush(10)
    assert [one.state for one in await ann.history(cast["nobody"])] == ["sent"]


@pytest.mark.parametrize("content", ["x" * 5001, "x" * 100_000, "", "\x00"])
async def test_a_message_that_the_server_would_not_take_fails_alone(
    client: Open, cast: Cast, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    await cast.make("bob")
    ann = await client(cast, "ann")
    for text in ("before", content, "behind"):
        await ann.send(cast["bob"], text)
    await ann.flush(10)
    assert [one.state for one in await ann.unsent()] in (["failed"], [])
    assert {"before", "behind"} <= set(await stored(ann, cast.conversation("ann", "bob")))
    assert ann.state is State.CONNECTED
    assert "connection broke" not in caplog.text


async def test_a_failed_message_can_be_discarded(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann")
    message = await ann.send(cast["nobody"], "hello?")
    await ann.flush(10)
    assert await ann.discard(message.message_id)
    assert not await ann.discard(message.message_id)
    assert await ann.unsent() == []


async def test_one_refused_message_does_not_hold_up_the_others(client: Open, cast: Cast) -> None:
    await cast.make("bob")
    ann = await client(cast, "ann")
    for to in ("bob", "nobody", "bob"):
        await ann.send(cast[to], to)
    await ann.flush(10)
    assert await stored(ann, cast.conversation("ann", "bob")) == ["bob", "bob"]
    assert [one.content for one in await ann.unsent()] == ["nobody"]


async def test_the_rate_limit_delays_and_keeps_the_order(client: Open) -> None:
    with LocalServer(settings={"LIMITS__MESSAGES_PER_MINUTE": "1200"}) as server:
        cast = Cast(server)
        await cast.make("bob")
        await cast.send_many("ann", "bob", 1190)  # ann's minute is nearly used up
        ann = await client(cast, "ann")
        wanted = [f"{n}" for n in range(40)]
        for text in wanted:
            await ann.send(cast["bob"], text)
        await ann.flush(20)
        assert await ann.unsent() == []
        page = await cast.call("bob", "GET", f"/messages/user/{cast['ann']}?limit=40")
        assert sorted(one["content"] for one in page["messages"]) == sorted(wanted)


async def test_an_id_outside_the_contract_is_refused_at_once(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann", connect=False)
    for to in ("", "a b", "p:b:a", "x:y"):
        with pytest.raises(InvalidID):
            await ann.send(to, "hi")
    assert await ann.unsent() == []


async def test_leaving_the_block_sends_what_is_pending(cast: Cast) -> None:
    await cast.make("bob")
    async with Client(cast.server.url, token=cast.token("ann"), store=":memory:") as ann:
        await ann.send(cast["bob"], "last words")
    page = await cast.call("bob", "GET", f"/messages/user/{cast['ann']}")
    assert [one["content"] for one in page["messages"]] == ["last words"]


async def test_groups_by_id_and_by_conversation(client: Open, cast: Cast) -> None:
    await cast.make("bob")
    ann = await client(cast, "ann")
    group = await ann.create_group("Tea", [cast["bob"]])
    await ann.send(f"g:{group.group_id}", "one")
    await ann.send(group.conversation_id, "two")
    await ann.flush(10)
    bob = await client(cast, "bob")
    assert await received(bob, 2) == ["one", "two"]
    assert {one.user_id for one in await bob.members(group.conversation_id)} == {cast["ann"], cast["bob"]}
    await ann.remove_member(group.group_id, cast["bob"])
    await until_gone(bob, group.conversation_id)
    await bob.send(group.conversation_id, "am I here?")
    await bob.flush(10)
    ((one),) = await bob.unsent()
    assert one.error_code == 40301


async def until_gone(client: Client, conversation_id: str) -> None:
    async with asyncio.timeout(10):
        while (found := await client.conversation(conversation_id)) is None or not found.gone:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


# --- read marks ---


async def test_read_marks_reach_the_server_and_the_other_devices(client: Open, cast: Cast) -> None:
    await cast.make("ann")
    await cast.send_many("bob", "ann", 10)
    phone = await client(cast, "ann", store="phone", token=cast.token("ann", "phone"))
    tablet = await client(cast, "ann", store="tablet", token=cast.token("ann", "tablet"))
    conversation = cast.conversation("ann", "bob")
    assert await phone.unread() == await tablet.unread() == {conversation: 10}
    await phone.mark_read(cast["bob"], 4)
    assert await phone.unread() == {conversation: 6}
    async with asyncio.timeout(10):
        while await tablet.unread() != {conversation: 6}:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    counted = await cast.call("ann", "GET", "/messages/unread_count")
    assert counted["total"] == 6


async def test_read_marks_made_offline_are_told_later_as_one(client: Open, cast: Cast) -> None:
    await cast.make("ann")
    await cast.send_many("bob", "ann", 10)
    ann = await client(cast, "ann")
    await ann.disconnect()
    for place in (2, 5, 9, 3):
        await ann.mark_read(cast["bob"], place)
    assert await ann.store.read(sending.read_marks) == [(cast.conversation("ann", "bob"), 9)]
    await ann.connect()
    async with asyncio.timeout(10):
        while await ann.store.read(sending.read_marks):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert (await cast.call("ann", "GET", "/messages/unread_count"))["total"] == 1


# --- the server away ---


async def test_messages_written_while_the_server_is_away_arrive_when_it_is_back(
    client: Open, own_server: LocalServer
) -> None:
    cast = Cast(own_server)
    await cast.make("bob")
    ann = await client(cast, "ann")
    own_server.kill()
    await until(lambda: ann.state is not State.CONNECTED)
    with pytest.raises(NetworkError):
        await ann.online([cast["bob"]])
    await ann.send(cast["bob"], "are you there?")
    own_server.start()
    await ann.flush(20)
    bob = await client(cast, "bob")
    assert await received(bob, 1) == ["are you there?"]
