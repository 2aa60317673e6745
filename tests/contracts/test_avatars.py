"""Files that are the pictures of users and groups, on every kind of database: who sees which, what goes when (D9)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from roost.errors import FileTypeRefused, InvalidInput, UnknownAttachment
from roost.journal import avatars, reading
from roost.journal.avatars import Holder
from roost.journal.contract import Author
from roost.model.attachment import Attachment
from tests.contracts.test_attachments import refusal
from tests.files.pictures import picture
from tests.files.shelf import Shelf, open_shelf
from tests.rooms import Clock, Rooms

DAY = 86400


@pytest.fixture
async def shelf(rooms: Rooms, tmp_path: Path) -> AsyncIterator[Shelf]:
    async with open_shelf(rooms, tmp_path / "files", unused_ttl=DAY) as shelf:
        yield shelf


async def face(shelf: Shelf, author: Author) -> Attachment:
    return await shelf.upload(author, picture(), "p.png")


async def show(shelf: Shelf, author: Author, avatar: str | None, holder: Holder | None = None) -> None:
    """Makes it the author's avatar, or that of another holder."""
    holder = holder or Holder(uid=author.uid)
    await shelf.rooms.write(avatars.put, holder, avatar, author.uid, shelf.rooms.clock())


async def test_a_picture_is_kept_as_long_as_it_is_shown(shelf: Shelf, clock: Clock, ann: Author, bob: Author) -> None:
    first, second = await face(shelf, ann), await face(shelf, ann)
    assert await refusal(shelf.attachments.find_shown(bob, first.id)) is UnknownAttachment
    await show(shelf, ann, first.id)
    clock.pass_(seconds=DAY - 1)
    await show(shelf, ann, first.id)
    assert await shelf.attachments.find_shown(bob, first.id) == first
    await show(shelf, ann, second.id)
    assert await refusal(shelf.attachments.find_shown(bob, first.id)) is UnknownAttachment
    assert await refusal(shelf.attachments.find_shown(ann, first.id)) is UnknownAttachment
    clock.pass_(seconds=2)
    assert await shelf.attachments.sweep() == 1
    assert shelf.on_disk() == sorted([second.id, second.id + ".webp"])
    assert (await shelf.attachments.thumbnail(await shelf.attachments.find_shown(bob, second.id)))[8:12] == b"WEBP"
    await show(shelf, ann, "https://example.org/a.png")
    assert await shelf.attachments.sweep() == 1
    assert (shelf.on_disk(), await shelf.rows()) == ([], (0, 0))


async def test_a_file_stays_while_anything_uses_it(shelf: Shelf, ann: Author, bob: Author, cat: Author) -> None:
    """A message that carries it, a profile, a group."""
    await shelf.rooms.group("team", ann, bob)
    group = Holder(cid=await shelf.rooms.read(reading.cid_of, "g:team"))
    file = await face(shelf, ann)
    sent = await shelf.send(ann, "bob", file)
    await show(shelf, ann, file.id)
    await show(shelf, ann, file.id, group)
    await shelf.recall(sent)
    assert await shelf.attachments.sweep() == 0
    assert await refusal(shelf.attachments.find(bob, file.id)) is UnknownAttachment
    assert await shelf.attachments.find_shown(cat, file.id) == file
    await show(shelf, ann, None)
    assert await shelf.attachments.sweep() == 0
    assert await refusal(shelf.attachments.find_shown(cat, file.id)) is UnknownAttachment
    assert await shelf.attachments.find_shown(bob, file.id) == file
    again = await shelf.send(ann, "cat", file)
    await show(shelf, ann, None, group)
    assert await shelf.attachments.find(cat, file.id) == file
    assert await refusal(shelf.attachments.find_shown(bob, file.id)) is UnknownAttachment
    await shelf.recall(again)
    assert await shelf.attachments.sweep() == 1


async def test_only_a_picture_that_one_uploaded_can_be_shown(shelf: Shelf, ann: Author, bob: Author) -> None:
    text, others, unfinished = await shelf.upload(ann), await face(shelf, bob), await shelf.begun(ann, 5)
    await shelf.send(bob, "ann", others)
    assert await shelf.attachments.find(ann, others.id) == others
    assert await refusal(show(shelf, ann, text.id)) is FileTypeRefused
    for unknown in (others.id, unfinished.upload_id, "0" * 32):
        assert await refusal(show(shelf, ann, unknown)) is UnknownAttachment
    gone = await face(shelf, ann)
    await shelf.uploads.cancel(ann, gone.id)
    assert await refusal(show(shelf, ann, gone.id)) is UnknownAttachment


async def test_a_refused_picture_takes_nothing_from_the_one_before(shelf: Shelf, ann: Author, bob: Author) -> None:
    file, text = await face(shelf, ann), await shelf.upload(ann)
    await show(shelf, ann, file.id)
    assert await refusal(show(shelf, ann, text.id)) is FileTypeRefused
    assert await shelf.attachments.find_shown(bob, file.id) == file
    assert await refusal(shelf.uploads.cancel(ann, file.id)) is InvalidInput
