"""Stickers over HTTP: their packs, and the messages that carry them (D9)."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.edge.api.admin.conftest import operator_of
from tests.edge.people import Person, Town

WAVE = {"stickerID": "wave", "emoji": "👋", "url": "https://example.org/wave.webp"}
TEA = {"stickerID": "tea", "emoji": "🍵", "url": "https://example.org/tea.webp"}


@pytest.fixture
async def pack(town: Town) -> str:
    """A pack of two stickers."""
    name = town.name("pack")
    made = await operator_of(town).put(f"/admin/stickers/{name}", {"name": "Cats", "stickers": [WAVE, TEA]})
    assert made.status == 200
    return name


def of(pack: str, sticker: str = "wave") -> dict[str, str]:
    return {"packID": pack, "stickerID": sticker}


async def newest(person: Person) -> Any:
    return (await person.sync())["messages"][-1]


async def test_everybody_sees_the_packs_in_their_order(town: Town, alice: Person, pack: str) -> None:
    (shown,) = [one for one in (await alice.get("/stickers")).data["packs"] if one["packID"] == pack]
    assert shown == {"packID": pack, "name": "Cats", "stickers": [{"packID": pack} | WAVE, {"packID": pack} | TEA]}
    await operator_of(town).put(f"/admin/stickers/{pack}", {"name": "Dogs", "stickers": [TEA]})
    (shown,) = [one for one in (await alice.get("/stickers")).data["packs"] if one["packID"] == pack]
    assert (shown["name"], [one["stickerID"] for one in shown["stickers"]]) == ("Dogs", ["tea"])
    await operator_of(town).delete(f"/admin/stickers/{pack}")
    assert pack not in [one["packID"] for one in (await alice.get("/stickers")).data["packs"]]


async def test_a_copy_of_the_packs_is_good_until_one_changes(town: Town, alice: Person, pack: str) -> None:
    version = (await alice.get("/stickers")).data["version"]
    known = {"headers": {"If-None-Match": f'"{version}"'}}
    assert (await alice.get("/stickers", **known)).status == 304
    await operator_of(town).put(f"/admin/stickers/{pack}", {"name": "Cats", "stickers": [TEA, WAVE]})
    answer = await alice.get("/stickers", **known)
    assert (answer.status, answer.data["version"] == version) == (200, False)


async def test_a_message_carries_a_sticker_as_it_was(town: Town, alice: Person, bob: Person, pack: str) -> None:
    sent = await alice.send(bob, "", sticker=of(pack), messageID="s-1")
    carried = of(pack) | {"emoji": "👋", "url": "https://example.org/wave.webp"}
    assert (sent["content"], sent["sticker"]) == ("👋", carried)
    await operator_of(town).delete(f"/admin/stickers/{pack}")
    message = await newest(bob)
    assert (message["messageType"], message["content"], message["sticker"]) == (4, "👋", carried)
    again = await alice.send(bob, "", sticker=of(pack), messageID="s-1")
    assert (again["duplicate"], again["sticker"]) == (True, carried)
    group = await bob.group()
    forwarded = await bob.post(f"/messages/{sent['serverMsgID']}/forward", {"to": [f"g:{group}"]})
    assert forwarded.status == 200
    copy = await newest(bob)
    assert (copy["conversationID"], copy["sticker"], copy["content"]) == (f"g:{group}", carried, "👋")
    changed = (await alice.post(f"/messages/{sent['serverMsgID']}/recall")).data
    assert "sticker" not in changed


async def test_an_emoji_is_still_sent_as_text(alice: Person, bob: Person) -> None:
    await alice.send(bob, "🎉", messageType=4)
    message = await newest(bob)
    assert (message["messageType"], message["content"], "sticker" in message) == (4, "🎉", False)


async def test_a_sticker_that_is_nowhere_is_refused(alice: Person, bob: Person, pack: str) -> None:
    for name in (of(pack, "none"), of("no-such-pack")):
        body = {"to": bob.user_id, "sticker": name}
        assert (await alice.post("/messages/user", body)).refusal == (404, "unknown_sticker")
        at = int((time.time() + 100) * 1000)
        later = {"conversationID": alice.conversation(bob), "sendTime": at, "sticker": name}
        assert (await alice.post("/messages/scheduled", later)).refusal == (404, "unknown_sticker")
    assert (await bob.sync())["messages"] == []


async def test_a_sticker_is_sent_later(alice: Person, bob: Person, pack: str) -> None:
    at = int((time.time() + 1) * 1000)
    asked = {"conversationID": alice.conversation(bob), "sendTime": at, "sticker": of(pack)}
    made = (await alice.post("/messages/scheduled", asked)).data
    assert made["sticker"] == of(pack)
    path = f"/messages/scheduled/{made['scheduledID']}"
    assert (await alice.patch(path, {"content": "words"})).refusal == (400, "invalid_input")
    async with asyncio.timeout(20):
        while not (found := (await bob.sync())["messages"]):  # noqa: ASYNC110 - its time has to come
            await asyncio.sleep(0.05)
    assert [(one["content"], one["sticker"]["url"]) for one in found] == [("👋", WAVE["url"])]


@pytest.mark.parametrize(
    "fields",
    [
        {"content": "words"},
        {"messageType": 2},
        {"attachments": ["0" * 32]},
        {"sticker": {"packID": "cats"}},
        {"sticker": "wave"},
    ],
)
async def test_a_sticker_is_all_that_a_message_has(alice: Person, bob: Person, pack: str, fields: Any) -> None:
    body = {"to": bob.user_id, "sticker": of(pack)} | fields
    assert (await alice.post("/messages/user", body)).refusal == (400, "invalid_input")


async def test_the_id_of_a_sticker_has_a_form(alice: Person, bob: Person) -> None:
    body = {"to": bob.user_id, "sticker": of("a b")}
    assert (await alice.post("/messages/user", body)).refusal == (400, "invalid_id")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"name": ""}, "invalid_input"),
        ({"name": "x" * 101}, "invalid_input"),
        ({"stickers": []}, "invalid_input"),
        ({"stickers": [WAVE, WAVE]}, "invalid_input"),
        ({"stickers": [WAVE | {"stickerID": str(n)} for n in range(201)]}, "invalid_input"),
        ({"stickers": [WAVE | {"stickerID": "a b"}]}, "invalid_id"),
        ({"stickers": [WAVE | {"emoji": "hello"}]}, "invalid_input"),
        ({"stickers": [WAVE | {"url": "http://example.org/a.png"}]}, "invalid_input"),
        ({"stickers": [WAVE | {"url": "https://example.org/" + "a" * 500}]}, "invalid_input"),
    ],
)
async def test_what_is_no_pack_is_refused(town: Town, body: Any, error: str) -> None:
    asked = {"name": "Cats", "stickers": [WAVE]} | body
    assert (await operator_of(town).put(f"/admin/stickers/{town.name('pack')}", asked)).refusal == (400, error)


async def test_the_audit_log_says_who_made_a_pack(town: Town, pack: str) -> None:
    operator = operator_of(town)
    assert (await operator.delete(f"/admin/stickers/{pack}")).status == 200
    assert (await operator.delete(f"/admin/stickers/{pack}")).refusal == (404, "unknown_sticker")
    records, after = [], 0
    while after is not None:  # other tests have their acts in it
        found = (await operator.get(f"/admin/audit?user=operator&limit=200&after={after}")).data
        records, after = records + found["records"], found.get("next")
    about = [(one["act"], one["details"]) for one in records if one.get("details", {}).get("pack") == pack]
    assert about == [
        ("stickers.put", {"pack": pack, "name": "Cats", "stickers": 2}),
        ("stickers.removed", {"pack": pack}),
    ]
