"""Packs of stickers, and messages with one, on every database (D9)."""

from __future__ import annotations

import asyncio
import threading

import pytest
from sqlalchemy import Connection

from roost.errors import LimitReached, UnknownSticker
from roost.journal import stickers
from roost.journal.contract import Author
from roost.model.message import Extra, MessageType
from roost.model.sticker import MAX_PACKS, Sticker, StickerPack
from tests.places import ServerBackend
from tests.rooms import Clock, Rooms, private


def pack(name: str, *emojis: str) -> StickerPack:
    listed = [
        Sticker(pack_id=name, sticker_id=f"s{place}", emoji=emoji, url=f"https://example.org/{emoji}")
        for place, emoji in enumerate(emojis)
    ]
    return StickerPack(pack_id=name, name=f"Pack {name}", stickers=listed)


async def test_a_pack_is_replaced_as_a_whole(rooms: Rooms) -> None:
    await rooms.write(stickers.put, pack("b", "🍵", "👋", "🎉"), 1)
    await rooms.write(stickers.put, pack("a", "🎉"), 2)
    await rooms.write(stickers.put, pack("b", "👋", "🍵"), 3)
    assert await rooms.read(stickers.listed) == [pack("a", "🎉"), pack("b", "👋", "🍵")]
    await rooms.write(stickers.remove, "b")
    assert await rooms.read(stickers.listed) == [pack("a", "🎉")]
    with pytest.raises(UnknownSticker):
        await rooms.write(stickers.remove, "b")


async def test_there_are_so_many_packs(rooms: Rooms) -> None:
    for number in range(MAX_PACKS):
        await rooms.write(stickers.put, pack(str(number), "🍵"), 1)
    await rooms.write(stickers.put, pack("7", "👋"), 2)
    with pytest.raises(LimitReached):
        await rooms.write(stickers.put, pack("more", "🍵"), 3)


async def test_a_message_is_stored_with_the_sticker_of_now(rooms: Rooms, ann: Author, bob: Author) -> None:
    await rooms.write(stickers.put, pack("p", "🍵"), 1)
    draft = private(ann, bob.user_id, "")
    draft.message_type = MessageType.EMOJI
    draft.extra = Extra(sticker=Sticker(pack_id="p", sticker_id="s0"))
    await rooms.send(draft)
    await rooms.write(stickers.put, pack("p", "👋"), 2)
    (entry,) = await rooms.log(bob)
    message = entry.what
    (carried,) = pack("p", "🍵").stickers
    assert (message.content, message.sticker) == ("🍵", carried)  # type: ignore[union-attr]
    missing = private(ann, bob.user_id, "")
    missing.extra = Extra(sticker=Sticker(pack_id="p", sticker_id="s1"))
    (outcome,) = await rooms.batch(missing)
    assert isinstance(outcome, UnknownSticker)


async def test_two_nodes_make_a_pack_at_once_and_it_is_one_of_the_two(
    shared_backend: ServerBackend, clock: Clock
) -> None:
    """Whoever comes second finds it made meanwhile, and replaces it: nobody is refused."""
    here, there = [await Rooms.open(shared_backend, clock) for _ in range(2)]
    begun, gate = threading.Event(), threading.Event()

    def slowly(tx: Connection) -> None:
        stickers.put(tx, pack("p", "🍵"), 1)
        begun.set()
        assert gate.wait(10)

    first = asyncio.ensure_future(here.database.write(slowly))
    await asyncio.to_thread(begun.wait, 10)
    second = asyncio.ensure_future(there.write(stickers.put, pack("p", "👋"), 2))
    await asyncio.sleep(0.05)
    assert not second.done(), "it waits for the first"
    gate.set()
    await asyncio.gather(first, second)
    assert await here.read(stickers.listed) == [pack("p", "👋")]
    await here.close()
    await there.close()
