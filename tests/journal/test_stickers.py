"""Packs of stickers, and messages with one, on every database (D9)."""

from __future__ import annotations

import pytest

from roost.errors import LimitReached, UnknownSticker
from roost.journal import stickers
from roost.journal.contract import Author
from roost.model.message import Extra, MessageType
from roost.model.sticker import MAX_PACKS, Sticker, StickerPack
from tests.rooms import Rooms, private


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
