"""Messages that expire, in the store: gone by its own clock, offline too, and the same as the server leaves them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from roost.client import Client, StoredMessage
from roost.client.store import store as module
from roost.client.store.entries import Entries
from roost.client.store.store import Store
from roost.model.sticker import Sticker
from tests.client.conftest import Open
from tests.client.people import Cast
from tests.client.test_store import PAIR, message, outgoing, receipt


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What the store takes for now, in milliseconds."""
    now = [2]
    monkeypatch.setattr(module, "_now", lambda: now[0])
    return now


TEA = Sticker(pack_id="p", sticker_id="tea", emoji="🍵", url="https://example.org/tea.webp")


async def contents(store: Store) -> list[tuple[str, int]]:
    return [(one.content, one.recall_time) for one in await store.history(PAIR, None, 10)]


async def test_it_is_gone_from_the_file_though_nobody_told_the_device(tmp_path: Path, clock: list[int]) -> None:
    store = Store(tmp_path / "store.db")
    await store.open()
    await store.claim("ann")
    await store.apply(
        Entries(messages=[message(1, "umbrella", ttl=10, mentions=["ann"], sticker=TEA), message(2)], through=2)
    )
    clock[0] = 10_001
    assert await contents(store) == [("umbrella", 0), ("hi", 0)]
    assert len(await store.search("umbrella", None, 5)) == 1
    await store.close()
    clock[0] = 10_002
    await store.open()
    assert await store.search("umbrella", None, 5) == []
    assert await contents(store) == [("", 10_002), ("hi", 0)]
    assert await store.unread() == {PAIR: 1}
    rows = await store.read(lambda book: book.execute("SELECT content, more FROM messages").fetchall())
    assert rows == [("", '{"ttl":10}'), ("hi", None)]
    await store.close()


async def test_ones_own_expires_from_when_the_server_stored_it(tmp_path: Path, clock: list[int]) -> None:
    store = Store(tmp_path / "store.db")
    await store.open()
    await store.claim("ann")
    mine = outgoing("m-1")
    mine.ttl = 10
    await store.put(mine)
    await store.apply(Entries(receipts=[receipt("m-1", 1)], through=1))
    clock[0] = 10_008
    assert await contents(store) == [("out", 0)]
    clock[0] = 10_009
    assert await contents(store) == [("", 10_009)]
    await store.close()


async def test_an_edit_that_comes_late_is_gone_as_well(tmp_path: Path, clock: list[int]) -> None:
    store = Store(tmp_path / "store.db")
    await store.open()
    await store.claim("ann")
    clock[0] = 20_000
    await store.apply(Entries(messages=[message(1, "one", ttl=10)], through=1))
    assert await contents(store) == [("", 10_002)]
    await store.apply(Entries(messages=[message(2, "two", server_id=1, ttl=10, version=2)], through=2))
    assert await contents(store) == [("", 10_002)]
    await store.close()


async def test_devices_that_were_there_away_and_new_end_with_the_same(client: Open, cast: Cast) -> None:
    async def device(name: str, device: str) -> Client:
        return await client(cast, name, token=cast.token(name, device), store=device)

    ann, bob, away = await device("ann", "a"), await device("bob", "b"), await device("bob", "c")
    await away.disconnect()
    await ann.send(bob.user_id, "umbrella", ttl=1)
    await ann.send(bob.user_id, "for ever")
    await ann.flush(10)
    devices = [ann, bob, await device("bob", "d"), away]
    await away.connect()
    expected: list[StoredMessage] = []
    async with asyncio.timeout(30):
        while not expected:
            found = [await last(one, ann if one is not ann else bob) for one in devices]
            if all([one.version for one in some] == [2, 1] for some in found):
                expected = found[0]
            await asyncio.sleep(0.05)
    for some in found:
        assert [(one.content, one.recall_time) for one in some] == [
            ("", some[0].server_time + 1000),
            ("for ever", 0),
        ]


async def last(client: Client, other: Client) -> list[StoredMessage]:
    return await client.store.history(client.conversation_id(other.user_id), None, 10)
