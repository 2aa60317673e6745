"""The test cases of document C (C14), by name, against a real server."""

from __future__ import annotations

import asyncio
import sqlite3

import httpx2
import pytest

from roost.client import Client, ConversationChanged, Network, SyncEnded, SyncProgress, SyncState
from roost.client.events import Event
from roost.testing import LocalServer
from tests.client.conftest import Open
from tests.client.people import Cast, count_messages, received, stored, take, until


@pytest.fixture
async def ann(client: Open, cast: Cast) -> Client:
    """A client that is open and does not connect: what comes, comes by sync."""
    await cast.make("ann")
    return await client(cast, "ann", connect=False, network=Network.WIFI)


async def test_first_sync_pulls_all(ann: Client, cast: Cast) -> None:
    sent = await cast.send_many("bob", "ann", 120)
    assert await ann.store.get_last_sync_seq() == 0
    metrics = await ann.sync.start_sync()
    assert await stored(ann, cast.conversation("ann", "bob")) == sent
    assert await ann.store.get_last_sync_seq() == await ann.store.get_max_seq() == 120
    assert (metrics.messages, metrics.batches, ann.sync.state) == (120, 1, SyncState.COMPLETED)


async def test_incremental_sync_pulls_only_what_is_new(ann: Client, cast: Cast) -> None:
    await cast.send_many("bob", "ann", 1000)
    await ann.sync.start_sync()
    assert await ann.store.get_last_sync_seq() == 1000
    await cast.send_many("bob", "ann", 500, first=1000)
    metrics = await ann.sync.start_sync()
    assert (metrics.messages, metrics.batches) == (500, 1)
    assert await ann.store.get_last_sync_seq() == 1500
    assert await count_messages(ann) == 1500


async def test_10_000_messages_come_in_20_batches(ann: Client, cast: Cast) -> None:
    await cast.send_many("bob", "ann", 10_000)
    progress: list[SyncProgress] = []
    ann.on(SyncProgress)(progress.append)
    metrics = await ann.sync.start_sync()
    assert (metrics.messages, metrics.batches) == (10_000, 20)
    await until(lambda: len(progress) == 20)
    assert [one.done for one in progress] == list(range(500, 10_001, 500))
    assert {one.total for one in progress} == {10_000}
    assert progress[-1].fraction == 1.0
    assert metrics.throughput == pytest.approx(10_000 / metrics.duration)
    assert metrics.mean_batch_time > 0


async def test_the_same_message_by_push_sync_and_refresh_is_one_row(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann")
    conversation = cast.conversation("ann", "bob")
    bob = await client(cast, "bob")
    await bob.send(cast["ann"], "once")
    assert await received(ann, 1) == ["once"]  # by push
    await ann.store.save_last_sync_seq(0)
    ann._following.intake.reach = ann._following.intake.position = 0
    await ann.refresh()  # by sync
    page = await cast.call("ann", "GET", f"/messages/user/{cast['bob']}")
    assert len(page["messages"]) == 1
    await ann.store.read(lambda book: book.execute("UPDATE conversations SET last_seq = 2"))  # a hole at the end
    await ann.history(conversation)  # by refresh
    assert await stored(ann, conversation) == ["once"]
    assert await count_messages(ann) == 1
    with pytest.raises(TimeoutError):
        await take(ann.messages(), 1, timeout=0.2)  # and the application is told once


async def test_five_concurrent_starts_run_one_sync(ann: Client, cast: Cast) -> None:
    await cast.send_many("bob", "ann", 2000)
    batches: list[SyncProgress] = []
    ann.on(SyncProgress)(batches.append)
    done = await asyncio.gather(*[ann.sync.start_sync() for _ in range(5)])
    assert ann.sync.runs == 1
    assert len(set(map(id, done))) == 1
    await until(lambda: len(batches) == 4)
    assert await count_messages(ann) == 2000


async def test_nothing_new_completes_at_once(ann: Client, cast: Cast) -> None:
    await cast.send_many("bob", "ann", 10)
    await ann.sync.start_sync()
    metrics = await ann.sync.start_sync()
    assert (metrics.messages, ann.sync.state) == (0, SyncState.COMPLETED)
    assert await ann.store.get_last_sync_seq() == 10


async def test_a_sync_cut_in_the_middle_keeps_what_it_has_and_resumes(
    client: Open, own_server: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    cast = Cast(own_server)
    await cast.make("ann")
    sent = await cast.send_many("bob", "ann", 5000)
    ann = await client(cast, "ann", connect=False, network=Network.UNKNOWN)
    kept: list[int] = []

    @ann.on(SyncProgress)
    def _(progress: SyncProgress) -> None:
        if progress.batch == 10:
            own_server.kill()

    ended: list[SyncEnded] = []
    ann.on(SyncEnded)(ended.append)
    sync = ann.sync.start_sync()
    await until(lambda: ann.sync.state is SyncState.FAILED or sync.done())
    kept.append(await ann.store.get_last_sync_seq())
    assert 1000 <= kept[0] < 5000
    assert await count_messages(ann) == kept[0]
    own_server.start()
    with_retry = await asyncio.wait([sync], timeout=10)
    assert with_retry[0]
    if sync.exception() is not None:  # the server took longer than three tries
        assert ann.sync.state is SyncState.FAILED
        await ann.sync.start_sync()
    assert ann.sync.state is SyncState.COMPLETED
    assert await stored(ann, cast.conversation("ann", "bob")) == sent
    assert any("interrupted" in record.message for record in caplog.records)


async def test_seq_near_the_largest_integer(client: Open, own_server: LocalServer) -> None:
    """The log goes on from 2^63 - 200; sync, push, receipts and the store keep every digit."""
    cast = Cast(own_server)
    await cast.make("ann", "bob")
    beginning = 2**63 - 200
    own_server.stop()
    database = sqlite3.connect(own_server.data / "roost.db")
    with database:
        database.execute("INSERT OR REPLACE INTO logs (uid, floor) SELECT uid, ? FROM users", (beginning,))
    database.close()
    own_server.start()
    ann = await client(cast, "ann", connect=False, network=Network.WIFI)
    sent = await cast.send_many("bob", "ann", 50)
    await ann.sync.start_sync()  # the log does not reach back to 0: a snapshot, and what is behind it
    assert await ann.store.get_last_sync_seq() == beginning + 50
    sent += await cast.send_many("bob", "ann", 20, first=50)
    await ann.sync.start_sync()
    assert await ann.store.get_last_sync_seq() == await ann.store.get_max_seq() == beginning + 70
    await ann.connect()
    await ann.connected(10)
    sent += await cast.send_many("bob", "ann", 29, first=70)
    await ann.send(cast["bob"], "mine")
    await ann.flush(10)
    assert await ann.store.get_last_sync_seq() == beginning + 100 == 2**63 - 100
    await ann.history(cast["bob"], limit=200)
    assert await stored(ann, cast.conversation("ann", "bob")) == [*sent, "mine"]


# --- what the document asks beside its test cases ---


async def test_listeners_are_told_only_of_the_conversations_that_changed(ann: Client, cast: Cast) -> None:
    """C8."""
    await cast.send_many("bob", "ann", 10)
    await cast.send_many("cat", "ann", 10)
    await ann.sync.start_sync()
    changed: list[str] = []
    ann.on(ConversationChanged)(lambda event: changed.append(event.conversation_id))
    await cast.send_many("cat", "ann", 10, first=10)
    await ann.sync.start_sync()
    await until(lambda: changed)
    assert changed == [cast.conversation("ann", "cat")]


async def test_bodies_are_packed_both_ways(ann: Client, cast: Cast) -> None:
    """C11."""
    packed: list[tuple[str, str | None, str | None]] = []

    async def look(answer: httpx2.Response) -> None:
        headers = answer.request.headers, answer.headers
        packed.append((answer.request.url.path.rpartition("/")[2], *(one.get("Content-Encoding") for one in headers)))

    ann._following.http._client.event_hooks["response"].append(look)
    await cast.send_many("bob", "ann", 100)
    await ann.sync.start_sync()
    friends = [f"friend-{number}-" for number in range(100)]
    await cast.make(*friends)
    await ann.create_group("All of them", [cast[friend] for friend in friends])
    assert packed == [("sync", None, "gzip"), ("groups", "gzip", "gzip")]


async def test_any_number_of_users_is_asked_about_500_at_a_time(ann: Client, cast: Cast) -> None:
    """D8."""
    asked: list[int] = []

    async def look(answer: httpx2.Response) -> None:
        asked.append(len(answer.request.url.params["user_ids"].split(",")))

    ann._following.http._client.event_hooks["response"].append(look)
    users = [f"nobody-{number}" for number in range(1200)]
    assert set(await ann.online(users)) == set(users)
    assert asked == [500, 500, 200]


async def test_reset_pulls_everything_again_and_tells_nothing_twice(ann: Client, cast: Cast) -> None:
    """C5: what is unsent stays."""
    sent = await cast.send_many("bob", "ann", 30)
    await ann.sync.start_sync()
    assert await received(ann, 30) == sent
    await ann.send(cast["bob"], "unsent")
    await (await ann.sync.reset_sync())
    assert await stored(ann, cast.conversation("ann", "bob")) == [*sent, "unsent"]
    with pytest.raises(TimeoutError):
        await take(ann.messages(), 1, timeout=0.1)


async def test_stop_keeps_what_was_pulled(ann: Client, cast: Cast) -> None:
    """C5."""
    await cast.send_many("bob", "ann", 5000)
    ann.sync.network = Network.UNKNOWN
    events: list[Event] = []
    ann.on(Event)(events.append)
    ann.sync.start_sync()
    await until(lambda: any(isinstance(event, SyncProgress) for event in events))
    await ann.sync.stop_sync()
    assert ann.sync.state is SyncState.IDLE
    kept = await ann.store.get_last_sync_seq()
    assert 0 < kept < 5000
    assert kept == await count_messages(ann)
    assert not (await ann.store.config()).is_syncing
    metrics = await ann.sync.start_sync()
    assert metrics.messages == 5000 - kept
