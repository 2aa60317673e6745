"""What chaos has found, each fact on its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from roost.client import Client, MessageReceived, NetworkError, StateChanged, Store
from roost.client.link import Link
from roost.client.outbox import Outbox
from roost.client.store.entries import Entries
from roost.protocol.frames import Sent
from roost.testing import LocalServer
from tests.chaos.devices import Town
from tests.chaos.endings import check, settle
from tests.chaos.plans import Scene
from tests.client.people import until
from tests.client.test_store import outgoing


@pytest.fixture
async def scene(serving: LocalServer, tmp_path: Path) -> AsyncIterator[Scene]:
    async with asyncio.timeout(30), Town(serving, tmp_path) as town:
        yield await Scene.set(town)


async def test_a_connection_that_is_closed_before_the_upgrade_has_failed_at_once(scene: Scene) -> None:
    proxy = scene.devices[0].proxy
    proxy.refuse()
    async with asyncio.timeout(2):
        with pytest.raises(NetworkError):
            await Link(print).open(proxy.url)


async def test_a_receipt_that_overtakes_older_messages_marks_none_of_them_as_read(tmp_path: Path) -> None:
    store = Store(tmp_path / "ann.db")
    await store.open()
    await store.claim("ann", "e1")
    receipt = Sent(
        message_id="m", server_msg_id="9", conversation_id="p:ann:bob", conversation_seq=4, seq=4, server_time=1
    )
    await store.put(outgoing("m"))
    await store.apply(Entries(receipts=[receipt]))
    conversation = await store.conversation("p:ann:bob")
    assert conversation is not None
    assert (conversation.last_seq, conversation.read_seq) == (4, 0)
    await store.close()


async def test_who_joins_a_group_has_read_what_was_said_before_and_a_new_role_reads_nothing(scene: Scene) -> None:
    phone = scene.devices[0]
    alice, group = phone.person, scene.conversation(phone, 1)
    carol = await scene.town.person("carol")
    hers = await scene.town.device(carol, "phone")
    await scene.play([("start", 0), ("start", 2), ("send", 0, 1, 3)])
    await settle(scene.town)
    await alice.call("PUT", f"/groups/{group[2:]}/members/{carol.user_id}")
    await scene.play([("send", 2, 1, 2)])
    await settle(scene.town)
    await alice.call("PUT", f"/groups/{group[2:]}/members/{carol.user_id}", {"role": "admin"})
    await scene.play([("send", 2, 1, 2)])
    await settle(scene.town)
    assert hers.client is not None
    assert await hers.client.unread() == {group: 4}
    counted = await carol.call("GET", "/messages/unread_count")
    assert counted["total"] == 4


async def test_a_read_mark_is_told_though_http_fails_where_the_socket_does_not(scene: Scene) -> None:
    await scene.play([("start", 0), ("start", 2), ("send", 2, 0, 3)])
    await settle(scene.town)
    proxy = scene.devices[0].proxy
    before = proxy.accepted
    await scene.play([("refuse", 0), ("read", 0, 0, 0)])
    await until(lambda: proxy.accepted > before)
    await check(scene.town)


async def test_a_reset_keeps_the_read_marks_that_the_server_does_not_know(scene: Scene) -> None:
    await scene.play([("start", 0), ("start", 2), ("send", 2, 0, 3)])
    await settle(scene.town)
    await scene.play([("offline", 0), ("read", 0, 0, 1), ("reset", 0), ("online", 0)])
    await check(scene.town)
    assert await scene.devices[0].person.call("GET", "/messages/unread_count") == {
        "total": 1,
        "conversations": [{"conversationID": scene.conversation(scene.devices[0], 0), "unread": 1}],
    }


async def test_after_a_reset_an_application_is_not_told_what_it_sent_itself(scene: Scene) -> None:
    phone = scene.devices[0]
    await scene.play([("start", 0), ("start", 2)])
    await settle(scene.town)
    busy, ready = asyncio.Event(), asyncio.Event()
    client = phone.client
    assert client is not None

    @client.on(MessageReceived)
    async def handle(event: MessageReceived) -> None:
        busy.set()
        await ready.wait()

    await scene.play([("send", 2, 0, 3)])
    await busy.wait()
    await scene.play([("send", 0, 0, 3)])
    await client.flush(10)
    await scene.play([("reset", 0)])
    ready.set()
    await check(scene.town)


async def test_a_group_that_one_was_removed_from_has_nothing_unread(scene: Scene) -> None:
    """No mark of it can be told any more: a count would stay for ever, and disagree with the server's."""
    await scene.play([("start", 0), ("start", 2), ("send", 0, 1, 3)])
    await settle(scene.town)
    bob = scene.devices[2].client
    assert bob is not None
    group = scene.conversation(scene.devices[0], 1)
    assert await bob.unread() == {group: 3}
    await scene.play([("membership", False)])
    await settle(scene.town)
    left = await bob.conversation(group)
    assert left is not None
    assert (left.gone, left.unread, await bob.unread()) == (True, 0, {})


# `asyncio.wait_for` may swallow a cancellation that comes in the same turn as what it waits for; then `close` waits for
# ever. It depends on the turn, so each of the first ones is tried.


@pytest.mark.parametrize("turns", range(5))
async def test_an_outbox_stops_though_it_was_woken_just_now(tmp_path: Path, turns: int) -> None:
    store = Store(tmp_path / "ann.db")
    await store.open()
    await store.claim("ann", "e1")
    await store.put(outgoing("m"))
    sent: list[object] = []
    outbox = Outbox(store, lambda frame: not sent.append(frame), print, print)
    outbox.start()
    await until(lambda: sent)
    await asyncio.sleep(0)  # it waits for the receipt now, with a timeout
    outbox.wake()
    for _ in range(turns):
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await outbox.stop()
    await store.close()


@pytest.mark.parametrize("turns", range(5))
async def test_a_client_goes_offline_though_it_was_to_hurry_just_now(tmp_path: Path, turns: int) -> None:
    states: list[float | None] = []
    client = Client("http://127.0.0.1:9", token="x", store=tmp_path / "ann.db", patience=1000)
    client.on(StateChanged)(lambda event: states.append(event.retry_in))
    await client.connect()
    await until(lambda: any(states))  # it waits for its next attempt
    client._following.connection.start()
    for _ in range(turns):
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await client.disconnect()
    await client.close()
