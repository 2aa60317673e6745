"""A log that does not reach back to the client's position, or is another: a snapshot is the way on."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3

import pytest

from roost.client import Client, StoreReset, following
from roost.client.http import Http
from roost.client.sync import load_snapshot
from roost.protocol.answers import Snapshot
from roost.testing import LocalServer
from tests.client.conftest import Open
from tests.client.people import Cast, received, stored, take


def raise_floor(server: LocalServer, user_id: str) -> None:
    """Removes a user's whole log, as retention would that keeps nothing. The server is stopped meanwhile."""
    server.stop()
    database = sqlite3.connect(server.data / "roost.db")
    with database:
        (uid,) = database.execute("SELECT uid FROM users WHERE user_id = ?", (user_id,)).fetchone()
        (head,) = database.execute("SELECT max(seq) FROM log WHERE uid = ?", (uid,)).fetchone()
        database.execute("DELETE FROM log WHERE uid = ?", (uid,))
        database.execute("INSERT OR REPLACE INTO logs (uid, floor) VALUES (?, ?)", (uid, head))
    database.close()
    server.start()


@pytest.fixture
def away(own_server: LocalServer) -> Cast:
    return Cast(own_server)


async def watch_resets(client: Client) -> list[StoreReset]:
    seen: list[StoreReset] = []
    client.on(StoreReset)(seen.append)
    return seen


@pytest.mark.parametrize("by", ["socket", "sync"])
async def test_what_retention_took_away_is_made_up_for_and_told_once(client: Open, away: Cast, by: str) -> None:
    """More was missed in two conversations than a snapshot holds; one of them is new to the store."""
    await away.make("ann", "bob")
    first = await away.send_many("bob", "ann", 10)
    ann = await client(away, "ann")
    assert await received(ann, 10) == first
    await ann.disconnect()
    await ann.send(away["bob"], "unsent")
    missed = await away.send_many("bob", "ann", 250, first=10)
    new = await away.send_many("cat", "ann", 130)
    await asyncio.to_thread(raise_floor, away.server, away["ann"])
    resets = await watch_resets(ann)
    if by == "socket":
        await ann.connect()
        await ann.connected(20)
        await ann.flush(10)
    else:
        await ann.sync.start_sync()
    assert await ann.store.get_last_sync_seq() >= 390
    assert await received(ann, 380) == missed + new
    await asyncio.sleep(0)
    assert [reset.foreign_epoch for reset in resets] == [False]
    assert await stored(ann, away.conversation("ann", "bob")) == [*first, *missed, "unsent"]
    assert await stored(ann, away.conversation("ann", "cat")) == new
    counted = await away.call("ann", "GET", "/messages/unread_count")
    assert sum((await ann.unread()).values()) == counted["total"] == 390


async def test_a_store_that_is_new_begins_with_the_snapshot(client: Open, away: Cast) -> None:
    await away.make("ann")
    sent = await away.send_many("bob", "ann", 100)
    await asyncio.to_thread(raise_floor, away.server, away["ann"])
    ann = await client(away, "ann")
    assert await stored(ann, away.conversation("ann", "bob")) == sent[-20:]
    assert await received(ann, 20) == sent[-20:]
    assert await ann.unread() == {away.conversation("ann", "bob"): 100}
    await ann.mark_read(away["bob"], 50)
    assert await ann.unread() == {away.conversation("ann", "bob"): 50}
    assert [one.content for one in await ann.history(away["bob"], limit=100)] == sent
    assert await ann.unread() == {away.conversation("ann", "bob"): 50}
    sent += await away.send_many("bob", "ann", 5, first=100)
    assert await received(ann, 5) == sent[-5:]


async def test_a_restored_backup_is_another_log(client: Open, away: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids and places were given a second time; what the server lost is gone, what is unsent is sent.

    It is sent in the new log alone: a snapshot that takes its time does not find it there.
    """
    server = away.server
    await away.make("ann", "bob")
    kept = await away.send_many("bob", "ann", 30)
    await asyncio.to_thread(server.stop)
    backup = server.data.parent / "backup"
    shutil.copytree(server.data, backup)
    await asyncio.to_thread(server.start)
    ann = await client(away, "ann")
    lost = await away.send_many("bob", "ann", 10, first=30)
    assert await received(ann, 40) == kept + lost
    await ann.disconnect()
    await ann.send(away["bob"], "unsent")

    await asyncio.to_thread(server.stop)
    shutil.rmtree(server.data)
    shutil.copytree(backup, server.data)
    database = sqlite3.connect(server.data / "roost.db")
    with database:  # what restoring a backup does
        database.execute("UPDATE deployment SET value = 'another' WHERE name = 'epoch'")
    database.close()
    await asyncio.to_thread(server.start)
    fresh = await away.send_many("bob", "ann", 15, first=100)

    sent_early: list[bool] = []

    async def load_late(http: Http) -> Snapshot:
        with contextlib.suppress(TimeoutError):
            await ann.flush(0.3)
        sent_early.append(not await ann.unsent())
        return await load_snapshot(http)

    monkeypatch.setattr(following, "load_snapshot", load_late)
    resets = await watch_resets(ann)
    await ann.connect()
    await ann.connected(20)
    await ann.flush(10)
    assert sent_early == [False]
    assert (await ann.store.config()).epoch == "another"
    assert await received(ann, 15) == fresh
    with pytest.raises(TimeoutError):
        await take(ann.messages(), 1, timeout=0.1)
    assert [reset.foreign_epoch for reset in resets] == [True]
    await ann.history(away["bob"], limit=100)
    assert await stored(ann, away.conversation("ann", "bob")) == [*kept, *fresh, "unsent"]


async def test_a_position_ahead_of_the_log_is_reset(client: Open, away: Cast) -> None:
    await away.make("ann")
    sent = await away.send_many("bob", "ann", 10)
    ann = await client(away, "ann")
    assert await received(ann, 10) == sent
    await ann.disconnect()
    await ann.store.save_last_sync_seq(1000)
    ann._following.intake.position = ann._following.intake.reach = 1000
    await ann.connect()
    await ann.connected(20)
    sent += await away.send_many("bob", "ann", 3, first=10)
    assert await received(ann, 3) == sent[10:]
    assert await ann.store.get_last_sync_seq() == 13


async def test_groups_left_meanwhile_are_gone_after_a_reset(client: Open, away: Cast) -> None:
    await away.make("ann", "bob")
    bob = await client(away, "bob")
    group = await bob.create_group("Tea", [away["ann"]])
    ann = await client(away, "ann")
    await bob.send(group.conversation_id, "hi")
    await received(ann, 1)
    await ann.disconnect()
    await bob.remove_member(group.group_id, away["ann"])
    await asyncio.to_thread(raise_floor, away.server, away["ann"])
    await ann.connect()
    await ann.connected(20)
    found = await ann.conversation(group.conversation_id)
    assert found is not None
    assert found.gone
    assert await stored(ann, group.conversation_id) == ["hi"]
