"""Uploaded pictures of users and groups over HTTP: who sets them, who sees them, what goes with what (D9)."""

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


async def thumbnail(person: Person, name: str) -> int:
    return (await person.get(f"/attachments/{name}/thumbnail")).status


async def test_the_picture_of_a_group_is_for_its_members_and_told_by_the_log(
    alice: Person, bob: Person, town: Town
) -> None:
    cat, group = await town.person(), await alice.group(bob)
    name = (await uploaded(alice, picture(), "a.png"))["id"]
    changed = (await alice.patch(f"/groups/{group}", {"avatar": name})).data
    assert (changed["avatar"], await thumbnail(bob, name), await thumbnail(cat, name)) == (name, 200, 404)
    assert (await bob.sync())["changes"][-1]["settings"]["avatar"] == name
    assert (await bob.get(f"/attachments/{name}")).refusal == (404, "unknown_attachment")
    await bob.post(f"/groups/{group}/leave")
    assert (await thumbnail(bob, name), await thumbnail(alice, name)) == (404, 200)
    await alice.patch(f"/groups/{group}", {"avatar": ""})
    assert await thumbnail(alice, name) == 404


async def test_a_group_shows_what_its_admin_uploaded_and_nothing_else(alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    text, his = (await uploaded(alice))["id"], (await uploaded(bob, picture(), "b.png"))["id"]
    assert (await alice.patch(f"/groups/{group}", {"avatar": text})).refusal == (415, "file_type_refused")
    assert (await alice.patch(f"/groups/{group}", {"avatar": his})).refusal == (404, "unknown_attachment")
    assert (await bob.patch(f"/groups/{group}", {"avatar": his})).refusal == (403, "forbidden")
    assert (await alice.post("/groups", {"avatar": his})).refusal == (404, "unknown_attachment")
    assert "avatar" not in (await alice.get(f"/groups/{group}")).data
    await alice.put(f"/groups/{group}/members/{bob.user_id}", {"role": "admin"})
    assert (await bob.patch(f"/groups/{group}", {"avatar": his})).data["avatar"] == his
    assert (await alice.patch(f"/groups/{group}", {"avatar": his, "name": "Tea"})).data["name"] == "Tea"
    await bob.post(f"/groups/{group}/leave")
    assert await thumbnail(alice, his) == 200


async def test_a_group_is_made_with_its_picture_which_goes_with_it(alice: Person, bob: Person) -> None:
    name = (await uploaded(alice, picture(), "a.png"))["id"]
    group = (await alice.post("/groups", {"avatar": name, "members": [bob.user_id]})).data["groupID"]
    assert await thumbnail(bob, name) == 200
    await alice.delete(f"/groups/{group}")
    assert (await thumbnail(bob, name), await thumbnail(alice, name)) == (404, 404)


async def test_who_is_invited_sees_the_picture_of_the_group(alice: Person, bob: Person) -> None:
    group = await alice.group()
    token = (await alice.post(f"/groups/{group}/invitations")).data["token"]
    assert (await bob.get(f"/invitations/{token}/avatar")).refusal == (404, "unknown_attachment")
    name = (await uploaded(alice, picture(), "a.png"))["id"]
    await alice.patch(f"/groups/{group}", {"avatar": name})
    answer = await bob.get(f"/invitations/{token}/avatar")
    assert (answer.status, answer.headers["content-type"], answer.body[8:12]) == (200, "image/webp", b"WEBP")
    assert await thumbnail(bob, name) == 404
    await alice.put(f"/groups/{group}/bans/{bob.user_id}")
    assert (await bob.get(f"/invitations/{token}/avatar")).refusal == (403, "banned")
