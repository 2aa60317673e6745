"""Uploads in pieces over HTTP: the core of tus 1.0, and what a client of it may do wrong (D9)."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.edge.conftest import Elsewhere
from tests.edge.people import Answer, Person, Town

KIND = "application/offset+octet-stream"
CONTENT = bytes(range(256)) * 40


async def begun(person: Person, size: int = len(CONTENT), name: str = "big.bin") -> str:
    headers = {"Upload-Length": str(size), "Upload-Metadata": f"filename {b64encode(name.encode()).decode()},more"}
    answer = await person.post("/uploads", headers=headers | {"Tus-Resumable": "1.0.0"})
    assert answer.status == 201
    return str(answer.data["id"])


async def bring(person: Person, upload: str, offset: Any, content: Any, **headers: str) -> Answer:
    fields = {"Content-Type": KIND, "Upload-Offset": str(offset)} | headers
    return await person.patch(f"/uploads/{upload}", content=content, headers=fields)


async def where(person: Person, upload: str) -> int:
    answer = await person.ask("HEAD", f"/uploads/{upload}")
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    return int(answer.headers["upload-offset"])


async def test_a_file_comes_in_pieces(alice: Person, town: Town) -> None:
    answer = await alice.post("/uploads", headers={"Upload-Length": str(len(CONTENT))})
    upload = answer.data["id"]
    assert answer.headers["location"] == f"/api/v1/uploads/{upload}"
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert answer.headers["upload-expires"].endswith("GMT")
    assert (answer.data["offset"], answer.data["size"]) == (0, len(CONTENT))
    assert await where(alice, upload) == 0
    answer = await bring(alice, upload, 0, CONTENT[:1000])
    assert (answer.status, answer.body, answer.headers["upload-offset"]) == (204, b"", "1000")
    assert await where(alice, upload) == 1000
    last = await bring(alice, upload, 1000, CONTENT[1000:])
    assert (last.status, last.headers["upload-offset"]) == (200, str(len(CONTENT)))
    assert (last.data["id"], last.data["name"], last.data["size"]) == (upload, "file", len(CONTENT))
    assert (await alice.get(f"/attachments/{upload}")).body == CONTENT
    assert (await bring(alice, upload, len(CONTENT), b"")).data == last.data
    assert await where(alice, upload) == len(CONTENT)


async def test_what_is_not_whole_is_no_file(alice: Person, bob: Person) -> None:
    upload = await begun(alice)
    await bring(alice, upload, 0, CONTENT[:1000])
    assert (await alice.get(f"/attachments/{upload}")).refusal == (404, "unknown_attachment")
    answer = await alice.post("/messages/user", {"to": bob.user_id, "attachments": [upload]})
    assert answer.refusal == (404, "unknown_attachment")


async def test_a_piece_at_a_wrong_place_is_refused_and_told_the_right_one(alice: Person) -> None:
    upload = await begun(alice)
    await bring(alice, upload, 0, CONTENT[:1000])
    for offset in (0, 999, 1001, len(CONTENT)):
        answer = await bring(alice, upload, offset, CONTENT[1000:])
        assert answer.refusal == (409, "wrong_offset")
        assert answer.body["data"] == {"offset": 1000}
        assert await where(alice, upload) == 1000


async def test_what_a_client_of_another_kind_sends_is_refused(alice: Person) -> None:
    upload = await begun(alice)
    for headers in (
        {"Content-Type": "text/plain", "Upload-Offset": "0"},
        {"Content-Type": KIND},
        {"Content-Type": KIND, "Upload-Offset": "-1"},
        {"Content-Type": KIND, "Upload-Offset": "1e3"},
        {"Content-Type": KIND, "Upload-Offset": "9" * 30},
        {"Content-Type": KIND, "Upload-Offset": "0", "Content-Encoding": "gzip"},
    ):
        answer = await alice.patch(f"/uploads/{upload}", content=b"x", headers=headers)
        assert answer.status in {400, 415}
        assert await where(alice, upload) == 0
    for headers in ({}, {"Upload-Length": "x"}, {"Upload-Length": "-1"}, {"Upload-Length": ""}):
        assert (await alice.post("/uploads", headers=headers)).refusal == (400, "invalid_input")
    for metadata in ("filename ***", "filename /w=="):
        answer = await alice.post("/uploads", headers={"Upload-Length": "1", "Upload-Metadata": metadata})
        assert answer.refusal == (400, "invalid_input")
    assert (await alice.post("/uploads", headers={"Upload-Length": str(1 << 40)})).refusal == (413, "too_large")
    assert (await alice.ask("HEAD", "/uploads/../../etc/passwd")).status == 404
    assert (await alice.delete("/uploads/passwd")).refusal == (400, "invalid_id")


async def test_an_upload_is_nobody_elses(alice: Person, bob: Person, town: Town) -> None:
    upload = await begun(alice)
    assert (await bring(bob, upload, 0, CONTENT)).refusal == (404, "unknown_attachment")
    assert (await bob.ask("HEAD", f"/uploads/{upload}")).status == 404
    assert (await bob.delete(f"/uploads/{upload}")).refusal == (404, "unknown_attachment")
    assert (await bring(town.holder(None), upload, 0, CONTENT)).status == 401
    assert await where(alice, upload) == 0


async def test_an_upload_is_given_up(alice: Person) -> None:
    upload = await begun(alice)
    await bring(alice, upload, 0, CONTENT[:1000])
    answer = await alice.delete(f"/uploads/{upload}")
    assert (answer.status, answer.body) == (204, b"")
    assert (await alice.delete(f"/uploads/{upload}")).refusal == (404, "unknown_attachment")
    assert (await bring(alice, upload, 1000, CONTENT[1000:])).refusal == (404, "unknown_attachment")


class Wire:
    """A connection on which a request is written by hand."""

    def __init__(self, town: Town, person: Person) -> None:
        address = urlsplit(str(town.http.base_url))
        self._place = address.hostname, address.port
        self._token = person.token

    async def say(self, line: str, body: bytes, **headers: str) -> asyncio.StreamReader:
        self.reader, self.writer = await asyncio.open_connection(*self._place)
        told = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self.writer.write(f"{line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self._token}\r\n{told}\r\n".encode())
        self.writer.write(body)
        await self.writer.drain()
        return self.reader


@pytest.fixture
def wire(town: Town, alice: Person) -> Wire:
    return Wire(town, alice)


async def test_what_came_before_a_connection_broke_is_kept(alice: Person, wire: Wire, elsewhere: Elsewhere) -> None:
    content = CONTENT * 100
    upload = await begun(alice, len(content))
    headers = {"Content_Type": KIND, "Upload_Offset": "0", "Content_Length": str(len(content))}
    await wire.say(f"PATCH /api/v1/uploads/{upload}", content[:700_000], **headers)
    grown = elsewhere.data / "files" / "incoming" / upload
    for _ in range(2000):
        if grown.exists() and grown.stat().st_size:
            break
        await asyncio.sleep(0.005)
    wire.writer.close()
    reached = await where(alice, upload)
    assert 0 < reached <= 700_000
    last = await bring(alice, upload, reached, content[reached:])
    assert (await alice.get(f"/attachments/{last.data['id']}")).body == content


@pytest.mark.parametrize("said", [5, 20_000])
async def test_a_length_that_lies_harms_nobody(alice: Person, wire: Wire, said: int) -> None:
    """Fewer bytes than come, or more than the upload has."""
    upload = await begun(alice)
    headers = {"Content_Type": KIND, "Upload_Offset": "0", "Content_Length": str(said)}
    answer = await wire.say(
        f"PATCH /api/v1/uploads/{upload}", CONTENT + bytes(said - min(said, len(CONTENT))), **headers
    )
    assert (await answer.readline())[9:12] in {b"204", b"400", b"413"}
    wire.writer.close()
    assert await where(alice, upload) <= len(CONTENT)
    await alice.delete(f"/uploads/{upload}")


async def test_what_is_refused_in_the_end_leaves_nothing(settle: Any, tmp_path: Path) -> None:
    town = await settle(files={"refused_types": ["text/html"]})
    person = await town.person()
    page = b"<!doctype html><script>alert(1)</script>"
    upload = await begun(person, len(page), "cat.png")
    assert (await bring(person, upload, 0, page)).refusal == (415, "file_type_refused")
    assert (await person.ask("HEAD", f"/uploads/{upload}")).status == 404
    assert [path for path in (tmp_path / "data" / "files").rglob("*") if path.is_file()] == []
