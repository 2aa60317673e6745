"""Files over HTTP: sent at once as a form, carried by messages, read by those who may (D9)."""

from __future__ import annotations

import asyncio
import io
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from tests.edge.people import Answer, Person, Town
from tests.files.pictures import bomb, picture

KEPT = "files/kept"


async def send_form(person: Person, content: Any, name: str = "notes.txt", said: str = "text/plain") -> Answer:
    return await person.post("/attachments", files={"file": (name, content, said)})


async def uploaded(person: Person, content: bytes = b"hello", name: str = "notes.txt") -> Any:
    answer = await send_form(person, content, name)
    assert answer.status == 201
    return answer.data


async def carried(person: Person, to: Person, content: bytes = b"hello", name: str = "notes.txt") -> Any:
    """A file that a message carries: its description."""
    attachment = await uploaded(person, content, name)
    await person.send(to, "", attachments=[attachment["id"]])
    return attachment


def on_disk(data: Path) -> list[Path]:
    """Every file that the server keeps."""
    return sorted(path for path in (data / "files").rglob("*") if path.is_file())


async def test_a_file_comes_back_as_it_was_sent(alice: Person) -> None:
    content = bytes(range(256)) * 5000
    attachment = await uploaded(alice, content, "all.bin")
    assert attachment == {
        "id": attachment["id"],
        "name": "all.bin",
        "size": len(content),
        "type": "application/octet-stream",
    }
    answer = await alice.get(f"/attachments/{attachment['id']}")
    assert (answer.status, answer.body) == (200, content)
    assert answer.headers["content-disposition"] == "attachment; filename=\"all.bin\"; filename*=UTF-8''all.bin"
    assert answer.headers["content-length"] == str(len(content))


async def test_a_message_carries_files_to_everyone_who_gets_it(alice: Person, bob: Person) -> None:
    one, two = await uploaded(alice, b"one"), await uploaded(alice, b"two", "two.txt")
    receipt = await alice.send(bob, "look", attachments=[one["id"], two["id"]])
    for person in (alice, bob):
        (message,) = (await person.sync())["messages"]
        assert message["serverMsgID"] == receipt["serverMsgID"]
        assert message["attachments"] == [one, two]
        assert (message["content"], message["messageType"]) == ("look", 3)
    assert (await bob.get(f"/attachments/{two['id']}")).body == b"two"


async def test_an_empty_file_has_a_size_too(alice: Person, bob: Person) -> None:
    empty = await uploaded(alice, b"", "nothing.txt")
    assert empty["size"] == 0
    await alice.send(bob, "", attachments=[empty["id"]])
    (message,) = (await bob.sync())["messages"]
    assert message["attachments"] == [empty]
    assert (await bob.get(f"/attachments/{empty['id']}")).body == b""


async def test_a_message_of_pictures_is_a_message_of_pictures(alice: Person, bob: Person) -> None:
    image, text = await uploaded(alice, picture(), "p.png"), await uploaded(alice)
    await alice.send(bob, "", attachments=[image["id"]])
    await alice.send(bob, "", attachments=[image["id"], text["id"]])
    assert [one["messageType"] for one in (await bob.sync())["messages"]] == [2, 3]
    answer = await alice.post(
        "/messages/user", {"to": bob.user_id, "content": "", "messageType": 2, "attachments": [text["id"]]}
    )
    assert answer.refusal == (400, "invalid_input")


async def test_nobody_else_knows_that_there_is_a_file(town: Town, alice: Person, bob: Person) -> None:
    private, sent = await uploaded(alice), await carried(alice, bob)
    stranger = await town.person()
    for attachment, person in ((private, bob), (private, stranger), (sent, stranger)):
        for path in ("", "/thumbnail"):
            answer = await person.get(f"/attachments/{attachment['id']}{path}")
            assert answer.refusal == (404, "unknown_attachment")
        answer = await person.post("/messages/user", {"to": alice.user_id, "attachments": [attachment["id"]]})
        assert answer.refusal == (404, "unknown_attachment")
    assert (await town.holder(None).get(f"/attachments/{sent['id']}")).status == 401


async def test_who_leaves_a_group_reads_its_files_no_longer(town: Town, alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    attachment = await uploaded(alice)
    await alice.post("/messages/group", {"to": group, "attachments": [attachment["id"]]})
    assert (await bob.get(f"/attachments/{attachment['id']}")).status == 200
    await bob.post(f"/groups/{group}/leave")
    assert (await bob.get(f"/attachments/{attachment['id']}")).refusal == (404, "unknown_attachment")


async def test_forwarding_carries_a_file_on(town: Town, alice: Person, bob: Person) -> None:
    cat = await town.person()
    attachment = await carried(alice, bob)
    (message,) = (await bob.sync())["messages"]
    await bob.post(f"/messages/{message['serverMsgID']}/forward", {"to": [bob.conversation(cat)]})
    (copy,) = (await cat.sync())["messages"]
    assert (copy["attachments"], copy["messageType"]) == ([attachment], 3)
    assert (await cat.get(f"/attachments/{attachment['id']}")).body == b"hello"
    await alice.post(f"/messages/{message['serverMsgID']}/recall")
    assert (await cat.get(f"/attachments/{attachment['id']}")).body == b"hello"


async def test_the_file_of_a_recalled_message_is_out_of_reach(alice: Person, bob: Person) -> None:
    attachment = await carried(alice, bob)
    (message,) = (await bob.sync())["messages"]
    recalled = (await alice.post(f"/messages/{message['serverMsgID']}/recall")).data
    assert "attachments" not in recalled
    for person in (alice, bob):
        assert (await person.get(f"/attachments/{attachment['id']}")).refusal == (404, "unknown_attachment")
    answer = await alice.post("/messages/user", {"to": bob.user_id, "attachments": [attachment["id"]]})
    assert answer.refusal == (404, "unknown_attachment")


async def test_sending_again_gives_the_first_result(alice: Person, bob: Person) -> None:
    attachment = await uploaded(alice)
    first = await alice.send(bob, "", attachments=[attachment["id"]], messageID="once")
    again = await alice.send(bob, "", attachments=[attachment["id"]], messageID="once")
    assert again == first | {"duplicate": True}
    assert len((await bob.sync())["messages"]) == 1


@pytest.mark.parametrize(
    ("attachments", "refusal"),
    [
        (["x"], (400, "invalid_id")),
        (["0" * 32], (404, "unknown_attachment")),
        (["0" * 32] * 2, (400, "invalid_input")),
        ([f"{number:032x}" for number in range(11)], (400, "invalid_input")),
        ([], (400, "invalid_input")),
    ],
    ids=["no id", "unknown", "twice", "too many", "none and no content"],
)
async def test_what_can_not_be_carried_is_refused(
    alice: Person, bob: Person, attachments: list[str], refusal: tuple[int, str]
) -> None:
    answer = await alice.post("/messages/user", {"to": bob.user_id, "content": "", "attachments": attachments})
    assert answer.refusal == refusal


@pytest.mark.parametrize(
    ("header", "status", "part"),
    [
        ("bytes=0-3", 206, slice(0, 4)),
        ("bytes=5-", 206, slice(5, 10)),
        ("bytes=-3", 206, slice(7, 10)),
        ("bytes=-99", 206, slice(0, 10)),
        ("bytes=8-99", 206, slice(8, 10)),
        ("bytes=3-2", 200, slice(0, 10)),
        ("bytes=0-1,4-5", 200, slice(0, 10)),
        ("lines=0-1", 200, slice(0, 10)),
        ("bytes=-", 200, slice(0, 10)),
    ],
)
async def test_a_range_of_bytes_is_read(alice: Person, header: str, status: int, part: slice) -> None:
    content = b"0123456789"
    attachment = await uploaded(alice, content)
    answer = await alice.get(f"/attachments/{attachment['id']}", headers={"Range": header})
    assert (answer.status, answer.body) == (status, content[part])
    last = part.stop - 1
    assert answer.headers.get("content-range") == (f"bytes {part.start}-{last}/10" if status == 206 else None)


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-11", "bytes=-0"])
async def test_a_range_behind_the_end_is_refused(alice: Person, header: str) -> None:
    attachment = await uploaded(alice, b"0123456789")
    answer = await alice.get(f"/attachments/{attachment['id']}", headers={"Range": header})
    assert answer.refusal == (416, "range_not_satisfiable")
    assert answer.headers["content-range"] == "bytes */10"


async def test_a_copy_that_is_good_is_not_sent_again(alice: Person) -> None:
    path = f"/attachments/{(await uploaded(alice))['id']}"
    etag = (await alice.get(path)).headers["etag"]
    again = await alice.get(path, headers={"If-None-Match": f'"other", W/{etag}'})
    assert (again.status, again.body) == (304, b"")
    assert (await alice.get(path, headers={"Range": "bytes=0-1", "If-Range": etag})).body == b"he"
    assert (await alice.get(path, headers={"Range": "bytes=0-1", "If-Range": '"other"'})).body == b"hello"


async def test_the_headers_are_told_without_the_file(alice: Person) -> None:
    path = f"/attachments/{(await uploaded(alice))['id']}"
    answer = await alice.ask("HEAD", path)
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "5")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"<!DOCTYPE html><script>alert(1)</script>", "page.html"),
        (b"<!DOCTYPE html><script>alert(1)</script>", "picture.png"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "drawing.svg"),
        (b"<?xml version='1.0'?><svg onload='alert(1)'/>", "drawing.png"),
        (b"%PDF-1.7\n", "paper.pdf"),
        (b"just text", "text.html"),
    ],
)
async def test_what_could_run_in_a_browser_is_only_for_saving(alice: Person, content: bytes, name: str) -> None:
    answer = await send_form(alice, content, name, "image/png")
    got = await alice.get(f"/attachments/{answer.data['id']}")
    assert got.headers["content-disposition"].startswith("attachment;")
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-security-policy"] == "default-src 'none'; sandbox"


async def test_a_picture_is_measured_as_it_is_shown_and_has_a_thumbnail_without_metadata(alice: Person) -> None:
    original = picture(1200, 800, kind="JPEG", turned=True)
    attachment = await uploaded(alice, original, "photo.jpg")
    assert (attachment["type"], attachment["thumbnail"]) == ("image/jpeg", True)
    assert (attachment["width"], attachment["height"]) == (800, 1200)
    got = await alice.get(f"/attachments/{attachment['id']}")
    assert (got.body, got.headers["content-type"]) == (original, "image/jpeg")
    assert got.headers["content-disposition"].startswith("inline;")
    small = await alice.get(f"/attachments/{attachment['id']}/thumbnail")
    assert small.headers["content-type"] == "image/webp"
    assert b"at home" in original
    assert b"at home" not in small.body
    with Image.open(io.BytesIO(small.body)) as shown:
        assert shown.size == (341, 512)
        assert not shown.getexif()
        red, white = shown.getpixel((170, 10)), shown.getpixel((170, 500))
    assert (red[0] > 200, red[1] < 100, min(white) > 200) == (True, True, True)
    again = await alice.get(
        f"/attachments/{attachment['id']}/thumbnail", headers={"If-None-Match": small.headers["etag"]}
    )
    assert again.status == 304


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "BMP", "TIFF"])
async def test_pictures_of_each_kind_have_a_size(alice: Person, kind: str) -> None:
    attachment = await uploaded(alice, picture(kind=kind), f"p.{kind.lower()}")
    assert (attachment["type"], attachment["width"], attachment["height"]) == (f"image/{kind.lower()}", 40, 30)


async def test_what_only_begins_like_a_picture_is_a_file_for_saving(alice: Person) -> None:
    attachment = await uploaded(alice, picture()[:60] + b"<script>", "p.png")
    assert (attachment["type"], "thumbnail" in attachment) == ("application/octet-stream", False)
    assert (await alice.get(f"/attachments/{attachment['id']}/thumbnail")).refusal == (404, "unknown_attachment")


NAMES = {
    "../../etc/passwd": "passwd",
    "C:\\Windows\\notes.txt": "notes.txt",
    "..": "file",
    ".bashrc": "bashrc",
    "photo\u202egnp.exe": "photognp.exe",
    "a\tb\r\nX-Evil: 1.txt": "abX-Evil: 1.txt",
    "报告 1.pdf": "报告 1.pdf",
    "x" * 400 + ".txt": "x" * 251 + ".txt",
    "": "file",
}


async def test_a_name_is_a_name_and_no_path(settle: Any, tmp_path: Path) -> None:
    town = await settle()
    person = await town.person()
    made = []
    for given, shown in NAMES.items():
        headers = {"Upload-Length": "2"}
        if given:
            headers["Upload-Metadata"] = f"filename {b64encode(given.encode()).decode()}"
        upload = (await person.post("/uploads", headers=headers)).data["id"]
        attachment = (await person.patch(f"/uploads/{upload}", content=b"hi", headers=PIECE)).data
        assert attachment["name"] == shown
        made.append(attachment["id"])
        got = await person.get(f"/attachments/{upload}")
        assert "x-evil" not in got.headers
        assert got.headers["content-disposition"].isascii()
        assert got.headers["content-disposition"].count('"') == 2
    assert sorted(path.name for path in on_disk(tmp_path / "data")) == sorted(made)


def form(content: bytes, *, end: bool = True) -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f.bin"\r\n\r\n'
    return head + content + (b"\r\n--b--\r\n" if end else b"")


PIECE = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
FORM = {"Content-Type": "multipart/form-data; boundary=b"}


class TestNothingStays:
    """Whatever is refused or cut: the disk is as it was, and so are the tables."""

    @pytest.fixture
    async def town(self, settle: Any) -> Town:
        settings = {"max_size": 100_000, "max_pixels": 1_000_000, "refused_types": ["application/x-elf", "text/html"]}
        made: Town = await settle(files=settings)
        return made

    @pytest.fixture
    async def alice(self, town: Town) -> Person:
        return await town.person("alice")

    async def nothing_stays(self, town: Town, data: Path) -> None:
        assert on_disk(data) == []
        assert await rows_left(town) == 0

    async def test_of_what_is_not_taken(self, town: Town, alice: Person, tmp_path: Path) -> None:
        for content, refusal in (
            (b"\x7fELF\x02\x01\x01" + bytes(100), (415, "file_type_refused")),
            (b"<html><body>hi", (415, "file_type_refused")),
            (bomb(100_000, 100_000), (413, "image_too_large")),
            (picture(1001, 1000), (413, "image_too_large")),
            (bytes(100_001), (413, "too_large")),
            (bytes(500_000), (413, "too_large")),
        ):
            assert (await send_form(alice, content, "holiday.png", "image/png")).refusal == refusal
            await self.nothing_stays(town, tmp_path / "data")

    async def test_of_what_is_too_large_without_saying_so(self, town: Town, alice: Person, tmp_path: Path) -> None:
        async def pieces() -> Any:
            yield form(b"", end=False)
            for _ in range(20):
                yield bytes(50_000)

        answer = await alice.post("/attachments", content=pieces(), headers=FORM)
        assert answer.refusal == (413, "too_large")
        await self.nothing_stays(town, tmp_path / "data")

    async def test_of_a_form_that_is_none(self, town: Town, alice: Person, tmp_path: Path) -> None:
        for body in (
            form(b"hello", end=False),
            form(b"hello", end=False) + b"\r\n--b",
            b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\nno file\r\n--b--\r\n",
            b"--b--\r\n",
            b"no form at all",
            b"--b\r\nContent-Disposition: " + b"x" * 10_000,
            b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\nX: ' + b"\xff" * 10 + b"\r\n\r\nx",
            b"",
        ):
            assert (await alice.post("/attachments", content=body, headers=FORM)).status == 400
            await self.nothing_stays(town, tmp_path / "data")

    async def test_of_a_body_of_another_kind(self, town: Town, alice: Person, tmp_path: Path) -> None:
        for headers in (
            {"Content-Type": "multipart/form-data"},
            {"Content-Type": "application/json"},
            FORM | {"Content-Encoding": "gzip"},
        ):
            answer = await alice.post("/attachments", content=form(b"hello"), headers=headers)
            assert answer.refusal == (415, "unsupported_media")
            await self.nothing_stays(town, tmp_path / "data")

    @pytest.mark.parametrize("announced", [200, 90_000])
    async def test_of_an_upload_that_is_cut(self, town: Town, alice: Person, tmp_path: Path, announced: int) -> None:
        address = urlsplit(str(town.http.base_url))
        _, writer = await asyncio.open_connection(address.hostname, address.port)
        head = "".join(f"{name}: {value}\r\n" for name, value in FORM.items())
        writer.write(
            f"POST /api/v1/attachments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n{head}"
            f"Content-Length: {announced}\r\n\r\n".encode()
        )
        writer.write(form(b"x" * 60, end=False))
        await writer.drain()
        await until(lambda: bool(on_disk(tmp_path / "data")))
        writer.close()
        await until(lambda: not on_disk(tmp_path / "data"))

    async def test_of_one_who_has_no_room_left(self, settle: Any, tmp_path: Path) -> None:
        town = await settle(files={"quota": 1000}, data="small")
        person = await town.person("bob")
        kept = await uploaded(person, bytes(600))
        answer = await send_form(person, bytes(600))
        assert answer.refusal == (409, "quota_reached")
        assert answer.body["data"] == {"quota": 1000, "used": 600}
        assert [path.name for path in on_disk(tmp_path / "small")] == [kept["id"]]
        other = await town.person("cat")
        assert (await send_form(other, bytes(600))).status == 201

    async def test_of_uploads_that_come_too_fast(self, settle: Any, tmp_path: Path) -> None:
        town = await settle(files={"uploads_per_minute": 1}, data="slow")
        person = await town.person("bob")
        await uploaded(person)
        answer = await send_form(person, b"x")
        assert answer.refusal == (429, "rate_limited")
        assert len(on_disk(tmp_path / "slow")) == 1

    async def test_of_a_file_for_which_the_disk_is_too_full(self, settle: Any, tmp_path: Path) -> None:
        town = await settle(files={"keep_free": 1 << 60}, data="full")
        answer = await send_form(await town.person("bob"), b"x")
        assert answer.refusal == (503, "unavailable")
        assert on_disk(tmp_path / "full") == []


async def until(come: Callable[[], bool]) -> None:
    for _ in range(2000):
        if come():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come to it")


async def rows_left(town: Town) -> int:
    return int(
        await town.roads.uploads._database.read(
            lambda connection: connection.exec_driver_sql("SELECT count(*) FROM attachments").scalar()
        )
    )
