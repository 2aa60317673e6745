"""Uploaded pictures of users over HTTP: set with the profile, seen by everybody, gone with what replaces them (D9)."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tests.edge.api.test_attachments import uploaded
from tests.edge.people import Person, Town
from tests.files.pictures import picture


async def test_everybody_sees_an_uploaded_picture_and_nobody_what_a_camera_wrote_into_it(
    town: Town, alice: Person, bob: Person
) -> None:
    file = await uploaded(alice, picture(1200, 800, kind="JPEG", turned=True), "me.jpg")
    assert (await bob.get(f"/attachments/{file['id']}/thumbnail")).refusal == (404, "unknown_attachment")
    changed = (await alice.patch("/users/me", {"avatar": file["id"]})).data
    assert (changed["avatar"], changed["version"]) == (file["id"], 1)
    assert (await bob.get(f"/users/{alice.user_id}")).data["avatar"] == file["id"]
    answer = await bob.get(f"/attachments/{file['id']}/thumbnail")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/webp")
    assert "sandbox" in answer.headers["content-security-policy"]
    shown = Image.open(io.BytesIO(answer.body))
    assert (shown.height, dict(shown.getexif())) == (512, {})
    assert (await bob.get(f"/attachments/{file['id']}")).refusal == (404, "unknown_attachment")
    assert (await alice.get(f"/attachments/{file['id']}")).status == 200
    assert (await town.holder(None).get(f"/attachments/{file['id']}/thumbnail")).status == 401


async def test_what_is_replaced_or_taken_away_is_out_of_reach_at_once(alice: Person, bob: Person) -> None:
    files = [(await uploaded(alice, picture(), f"{number}.png"))["id"] for number in range(3)]
    for shown in (*files, "https://example.org/a.png"):
        assert (await alice.patch("/users/me", {"avatar": shown})).status == 200
        seen = [name for name in files if (await bob.get(f"/attachments/{name}/thumbnail")).status == 200]
        assert seen == [name for name in files if name == shown]
    assert (await alice.patch("/users/me", {"avatar": files[0]})).refusal == (404, "unknown_attachment")
    assert "avatar" not in (await alice.patch("/users/me", {"avatar": ""})).data


@pytest.mark.parametrize(
    ("content", "name", "refusal"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "a.svg", (415, "file_type_refused")),
        (b"<!DOCTYPE html><script>alert(1)</script>", "a.png", (415, "file_type_refused")),
        (picture()[:60] + b"<script>", "a.png", (415, "file_type_refused")),
        (None, "", (404, "unknown_attachment")),
    ],
    ids=["svg", "html", "broken", "another's"],
)
async def test_what_is_no_picture_of_ones_own_is_refused(
    alice: Person, bob: Person, content: bytes | None, name: str, refusal: tuple[int, str]
) -> None:
    file = await uploaded(alice, content, name) if content else await uploaded(bob, picture(), "b.png")
    answer = await alice.patch("/users/me", {"avatar": file["id"], "status": "new"})
    assert answer.refusal == refusal
    own = (await alice.get("/users/me")).data
    assert ("avatar" in own, "status" in own, own["version"]) == (False, False, 0)


async def test_a_picture_that_somebody_shows_can_not_be_removed(alice: Person, bob: Person) -> None:
    file = await uploaded(alice, picture(), "a.png")
    await alice.patch("/users/me", {"avatar": file["id"]})
    assert (await alice.delete(f"/uploads/{file['id']}")).refusal == (400, "invalid_input")
    assert (await alice.patch("/users/me", {"avatar": file["id"], "status": "here"})).data["status"] == "here"
    assert (await bob.get(f"/attachments/{file['id']}/thumbnail")).status == 200
