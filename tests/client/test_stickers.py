"""Stickers through the SDK: listed, sent, and kept as everybody has them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from roost.client import AdminClient, BlockingAdminClient
from roost.client.blocking import BlockingClient
from roost.errors import UnknownSticker
from roost.model.sticker import Sticker, StickerName
from tests.client.conftest import Open
from tests.client.people import Cast


def wave(url: str) -> dict[str, str]:
    return {"stickerID": "wave", "emoji": "👋", "url": f"https://example.org/{url}"}


async def test_both_ends_store_the_sticker_that_the_server_took(client: Open, cast: Cast) -> None:
    name = cast["pack"]
    ann, bob = await client(cast, "ann"), await client(cast, "bob")
    async with AdminClient(cast.server.url, key=cast.server.key("stickers")) as admin:
        await admin.put_stickers(name, "Cats", [wave("old.webp")])
        (sticker,) = [one for pack in await ann.stickers() if pack.pack_id == name for one in pack.stickers]
        await admin.put_stickers(name, "Cats", [wave("new.webp")])
        waiting = await ann.send_sticker(cast["bob"], sticker, message_id="s-1")
        assert (waiting.message_type, waiting.content, waiting.sticker) == (4, "👋", sticker)
        await ann.flush()
        now = Sticker(pack_id=name, sticker_id="wave", emoji="👋", url="https://example.org/new.webp")
        conversation = cast.conversation("ann", "bob")
        for one in (ann, bob):
            async with asyncio.timeout(10):
                while not (found := await one.history(conversation)):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert [(each.content, each.sticker) for each in found] == [("👋", now)]
        group = (await ann.create_group()).group_id
        await ann.send_sticker(f"g:{group}", sticker)
        await ann.flush()
        assert [each.sticker for each in await ann.history(f"g:{group}")] == [now]
        await admin.remove_stickers(name)
        await ann.send_sticker(cast["bob"], sticker)
        await ann.flush()
        (failed,) = await ann.unsent()
        assert (failed.state, failed.error_code) == ("failed", UnknownSticker.code)


def test_a_script_sends_a_sticker(cast: Cast, tmp_path: Path) -> None:
    name = cast["pack"]
    with BlockingAdminClient(cast.server.url, key=cast.server.key("stickers")) as admin:
        admin.put_stickers(name, "Cats", [wave("a.webp")])
        with BlockingClient(cast.server.url, token=cast.token("ann"), store=tmp_path / "ann.db") as ann:
            ann.connected(10)
            (sticker,) = [one for pack in ann.stickers() if pack.pack_id == name for one in pack.stickers]
            ann.send_sticker(cast["ann"], sticker)
            ann.flush(10)
            assert [one.sticker for one in ann.history(cast["ann"])] == [sticker]
        admin.remove_stickers(name)


async def test_a_back_end_sends_one_in_the_name_of_a_user(cast: Cast) -> None:
    name = cast["pack"]
    for user in ("ann", "bob"):
        await cast.make(user)
    async with AdminClient(cast.server.url, key=cast.server.key()) as admin:
        made = await admin.put_stickers(name, "Cats", [wave("a.webp")])
        (sticker,) = made.stickers
        sent = await admin.send(cast["bob"], sender=cast["ann"], sticker=StickerName(pack_id=name, sticker_id="wave"))
        assert (sent.content, sent.sticker) == ("👋", sticker)
