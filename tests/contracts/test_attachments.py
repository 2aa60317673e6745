"""Files and the messages that carry them, on every kind of database: who sees what, and what goes when (D9)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from roost.errors import InvalidInput, QuotaReached, RoostError, TooLarge, UnknownAttachment, UploadBusy, WrongOffset
from roost.journal import attachments
from roost.journal.contract import Author
from roost.model.attachment import Attachment
from tests.backends import SQLiteBackend
from tests.files.pictures import bomb, picture
from tests.files.shelf import Shelf, open_shelf, pieces
from tests.rooms import Clock, Rooms, held, private

DAY = 86400


@pytest.fixture
async def shelf(rooms: Rooms, tmp_path: Path) -> AsyncIterator[Shelf]:
    async with open_shelf(rooms, tmp_path / "files", quota=1000, unused_ttl=DAY) as shelf:
        yield shelf


async def refusal(work: object) -> type[RoostError] | None:
    try:
        await work  # type: ignore[misc]
    except RoostError as error:
        return type(error)
    return None


async def test_a_file_is_its_senders_until_a_message_carries_it(
    shelf: Shelf, ann: Author, bob: Author, cat: Author
) -> None:
    file = await shelf.upload(ann)
    assert await shelf.read(ann, file) == b"hello"
    assert await refusal(shelf.read(bob, file)) is UnknownAttachment
    await shelf.send(ann, "bob", file)
    assert await shelf.read(bob, file) == b"hello"
    assert await refusal(shelf.read(cat, file)) is UnknownAttachment
    assert await refusal(shelf.send(cat, "ann", file)) is UnknownAttachment
    await shelf.send(bob, "cat", file)
    assert await shelf.read(cat, file) == b"hello"


async def test_a_message_says_what_its_files_are_whoever_says_otherwise(shelf: Shelf, ann: Author, bob: Author) -> None:
    file = await shelf.upload(ann, picture(), "p.png")
    lie = Attachment(id=file.id, name="other.exe", size=1, type="text/html", width=9)
    sent = await shelf.send(ann, "bob", lie)
    (entry,) = await shelf.rooms.log(bob)
    assert sent.message.attachments == entry.what.attachments == [file]  # type: ignore[union-attr]
    assert sent.message.message_type == 2


async def test_one_refused_message_of_a_batch_takes_nothing_from_the_others(
    shelf: Shelf, ann: Author, bob: Author
) -> None:
    file = await shelf.upload(ann)
    async with held(shelf.rooms.database):
        outcomes = [
            asyncio.create_task(shelf.send(bob, "ann", file)),
            asyncio.create_task(shelf.send(ann, "bob", file)),
            asyncio.create_task(shelf.send(ann, "bob", file, message_id="m")),
            asyncio.create_task(shelf.send(ann, "bob", file, message_id="m")),
        ]
        await asyncio.sleep(0)
    refused, first, named, again = await asyncio.gather(*outcomes, return_exceptions=True)
    assert isinstance(refused, UnknownAttachment)
    assert (first.duplicate, named.duplicate, again.duplicate) == (False, False, True)  # type: ignore[union-attr]
    assert await shelf.rows() == (1, 2)


async def test_the_last_recall_takes_a_file_away_at_once_and_its_bytes_with_the_next_sweep(
    shelf: Shelf, ann: Author, bob: Author, cat: Author
) -> None:
    file, other = await shelf.upload(ann), await shelf.upload(ann)
    first = await shelf.send(ann, "bob", file, other)
    second = await shelf.send(bob, "cat", file)
    await shelf.recall(first)
    assert await shelf.read(cat, file) == b"hello"
    assert await shelf.read(ann, file) == b"hello"
    assert await refusal(shelf.read(ann, other)) is UnknownAttachment
    assert await shelf.attachments.sweep() == 1
    assert shelf.on_disk() == [file.id]
    await shelf.recall(second)
    for person in (ann, bob, cat):
        assert await refusal(shelf.read(person, file)) is UnknownAttachment
        assert await refusal(shelf.send(person, "ann", file)) is UnknownAttachment
    assert await shelf.attachments.sweep() == 1
    assert (shelf.on_disk(), await shelf.rows()) == ([], (0, 0))


async def test_what_nobody_sends_goes_after_its_time_and_what_was_sent_stays(
    shelf: Shelf, clock: Clock, ann: Author, bob: Author
) -> None:
    sent, unsent = await shelf.upload(ann), await shelf.upload(ann, picture(), "p.png")
    half = await shelf.begun(ann, 10)
    await shelf.go_on(ann, half, 0, b"four")
    await shelf.send(ann, "bob", sent)
    assert shelf.on_disk() == sorted([sent.id, unsent.id, unsent.id + ".webp", half.upload_id])
    clock.pass_(seconds=DAY - 1)
    assert await shelf.attachments.sweep() == 0
    clock.pass_(seconds=1)
    assert await shelf.attachments.sweep() == 2
    assert (shelf.on_disk(), await shelf.rows()) == ([sent.id], (1, 1))
    assert await refusal(shelf.go_on(ann, half, 4, b"more..")) is UnknownAttachment
    assert shelf.on_disk() == [sent.id]


async def test_what_will_be_sent_later_is_held_until_then(shelf: Shelf, clock: Clock, ann: Author, bob: Author) -> None:
    file, other = await shelf.upload(ann), await shelf.upload(ann)
    later = clock() + 30 * DAY * 1000
    await shelf.rooms.write(attachments.hold, ann.uid, [file.id], later)
    await shelf.rooms.write(attachments.hold, ann.uid, [file.id], clock())
    with pytest.raises(UnknownAttachment):
        await shelf.rooms.write(attachments.hold, bob.uid, [other.id], later)
    clock.pass_(days=29)
    assert await shelf.attachments.sweep() == 1
    assert shelf.on_disk() == [file.id]
    await shelf.send(ann, "bob", file)
    clock.pass_(days=2)
    assert await shelf.attachments.sweep() == 0
    assert await shelf.read(bob, file) == b"hello"


async def test_who_sends_and_who_removes_take_turns(shelf: Shelf, clock: Clock, ann: Author, bob: Author) -> None:
    """However they meet: either the message has its file, or it was refused and the file is gone."""
    for _ in range(5):
        file = await shelf.upload(ann)
        clock.pass_(seconds=DAY)
        outcome, _ = await asyncio.gather(refusal(shelf.send(ann, "bob", file)), shelf.attachments.sweep())
        if outcome is None:
            assert await shelf.read(bob, file) == b"hello"
        else:
            assert outcome is UnknownAttachment
            assert file.id not in shelf.on_disk()


async def test_a_file_that_can_not_be_removed_is_tried_again(
    shelf: Shelf, clock: Clock, ann: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await shelf.upload(ann)
    clock.pass_(seconds=DAY)
    with monkeypatch.context() as broken:
        path = shelf.folder / "kept" / file.id[:2]
        broken.setattr(Path, "unlink", no_disk)
        assert await shelf.attachments.sweep() == 0
        assert (path / file.id).exists()
    assert await refusal(shelf.read(ann, file)) is UnknownAttachment
    assert await shelf.attachments.sweep() == 0
    clock.pass_(seconds=601)
    assert await shelf.attachments.sweep() == 1
    assert (shelf.on_disk(), await shelf.rows()) == ([], (0, 0))


def no_disk(*_: object, **__: object) -> None:
    raise OSError(5, "Input/output error")


async def test_a_quota_counts_all_files_of_a_user_and_no_others(shelf: Shelf, ann: Author, bob: Author) -> None:
    whole = await shelf.upload(ann, bytes(400))
    half = await shelf.begun(ann, 500)
    assert await refusal(shelf.begun(ann, 101)) is QuotaReached
    await shelf.upload(bob, bytes(1000))
    await shelf.uploads.cancel(ann, half.upload_id)
    both = await asyncio.gather(*(refusal(shelf.begun(ann, 400)) for _ in range(2)))
    assert sorted(both, key=str) == sorted([None, QuotaReached], key=str)
    await shelf.send(ann, "bob", whole)
    assert await refusal(shelf.uploads.cancel(ann, whole.id)) is InvalidInput


async def test_a_form_counts_with_what_it_has_once_it_is_whole(shelf: Shelf, ann: Author) -> None:
    await shelf.uploads.at_once(ann, "x", 1000, pieces(bytes(10)))
    await shelf.begun(ann, 990)


async def test_an_upload_goes_on_where_it_ended_also_after_a_kill(tmp_path: Path, clock: Clock) -> None:
    content = bytes(range(250)) * 4000
    rooms = await Rooms.open(SQLiteBackend(tmp_path / "life-0"), clock)
    ann = await rooms.author("ann")
    async with open_shelf(rooms, tmp_path / "files") as shelf:
        upload = await shelf.begun(ann, len(content))
        assert (await shelf.go_on(ann, upload, 0, content[:10], content[10:700_000])).offset == 700_000
    await rooms.die()
    async with open_shelf(rooms, tmp_path / "files") as shelf:
        assert (await shelf.uploads.progress(ann, upload.upload_id)).offset == 700_000
        for offset in (0, 699_999, 700_001, len(content)):
            with pytest.raises(WrongOffset) as wrong:
                await shelf.go_on(ann, upload, offset, content[offset:])
            assert wrong.value.data == {"offset": 700_000}
        done = await shelf.go_on(ann, upload, 700_000, content[700_000:])
        assert done.attachment is not None
        assert await shelf.read(ann, done.attachment) == content
        again = await shelf.go_on(ann, upload, len(content))
        assert again.attachment == done.attachment
        with pytest.raises(WrongOffset):
            await shelf.go_on(ann, upload, 5, b"x")
    await rooms.close()


class TestOnSQLite:
    """What does not hang on the database."""

    @pytest.fixture
    async def shelf(self, tmp_path: Path, clock: Clock) -> AsyncIterator[Shelf]:
        rooms = await Rooms.open(SQLiteBackend(tmp_path / "life-0"), clock)
        async with open_shelf(rooms, tmp_path / "files", max_pixels=10_000) as shelf:
            yield shelf
        await rooms.close()

    @pytest.fixture
    async def ann(self, shelf: Shelf) -> Author:
        return await shelf.rooms.author("ann")

    async def test_more_than_was_announced_is_refused_and_what_came_before_stays(
        self, shelf: Shelf, ann: Author
    ) -> None:
        upload = await shelf.begun(ann, 10)
        assert await refusal(shelf.go_on(ann, upload, 0, b"123456", b"789012")) is TooLarge
        assert (await shelf.uploads.progress(ann, upload.upload_id)).offset == 6
        done = await shelf.go_on(ann, upload, 6, b"7890")
        assert await shelf.read(ann, done.attachment or upload) == b"1234567890"  # type: ignore[arg-type]

    async def test_an_upload_of_a_bomb_leaves_nothing(self, shelf: Shelf, ann: Author) -> None:
        content = bomb(50_000, 50_000)
        upload = await shelf.begun(ann, len(content))
        with pytest.raises(RoostError, match="pixels"):
            await shelf.go_on(ann, upload, 0, content)
        assert (shelf.on_disk(), await shelf.rows()) == ([], (0, 0))
        assert await refusal(shelf.uploads.progress(ann, upload.upload_id)) is UnknownAttachment

    async def test_who_comes_later_writes_and_the_one_before_keeps_what_it_brought(
        self, shelf: Shelf, ann: Author
    ) -> None:
        upload = await shelf.begun(ann, 10)
        silent = asyncio.Event()

        async def broken() -> AsyncIterator[bytes]:
            yield b"12345"
            silent.set()
            await asyncio.Event().wait()  # a connection that is gone, and nobody knows

        before = asyncio.create_task(
            refusal(shelf.uploads.go_on(ann, upload.upload_id, 0, broken()))  # type: ignore[arg-type]
        )
        await silent.wait()
        assert (await shelf.uploads.progress(ann, upload.upload_id)).offset == 5
        assert await before is UploadBusy
        done = await shelf.go_on(ann, upload, 5, b"67890")
        assert done.attachment is not None

    async def test_of_two_that_come_at_once_one_writes(self, shelf: Shelf, ann: Author) -> None:
        content = bytes(200_000)
        upload = await shelf.begun(ann, len(content))
        outcomes = await asyncio.gather(*(refusal(shelf.go_on(ann, upload, 0, content)) for _ in range(4)))
        assert None in outcomes or UploadBusy in outcomes
        now = await shelf.uploads.progress(ann, upload.upload_id)
        done = await shelf.go_on(ann, upload, now.offset, content[now.offset :])
        assert done.attachment is not None
        assert await shelf.read(ann, done.attachment) == content

    async def test_another_node_that_writes_to_the_same_file_keeps_us_out(self, shelf: Shelf, ann: Author) -> None:
        upload = await shelf.begun(ann, 10)
        other = await shelf.place.incoming.open(upload.upload_id, 0)
        assert await refusal(shelf.go_on(ann, upload, 0, b"12345")) is UploadBusy
        await other.close()
        assert (await shelf.go_on(ann, upload, 0, b"12345")).offset == 5

    async def test_an_upload_is_nobody_elses(self, shelf: Shelf, ann: Author) -> None:
        bob = await shelf.rooms.author("bob")
        upload = await shelf.begun(ann, 10)
        for work in (
            shelf.go_on(bob, upload, 0, b"x"),
            shelf.uploads.progress(bob, upload.upload_id),
            shelf.uploads.cancel(bob, upload.upload_id),
        ):
            assert await refusal(work) is UnknownAttachment
        await shelf.go_on(ann, upload, 0, b"x")
        assert await refusal(shelf.rooms.send(private(bob, "ann"))) is None

    async def test_a_picture_that_breaks_the_decoder_is_a_file_and_the_next_one_is_decoded(
        self, shelf: Shelf, ann: Author
    ) -> None:
        assert (await shelf.upload(ann, picture(), "p.png")).is_picture
        pictures = shelf.place.pictures
        assert pictures._process is not None
        pictures._process.kill()
        broken = await shelf.upload(ann, picture(), "p.png")
        assert (broken.type, broken.thumbnail) in {("application/octet-stream", False), ("image/png", True)}
        assert (await shelf.upload(ann, picture(), "p.png")).is_picture

    async def test_an_empty_file_is_a_file(self, shelf: Shelf, ann: Author) -> None:
        file = await shelf.upload(ann, b"", "nothing")
        assert (file.size, await shelf.read(ann, file)) == (0, b"")
