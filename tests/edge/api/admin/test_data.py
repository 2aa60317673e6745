from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from tests.edge.api.admin.test_users import PASSWORD, login
from tests.edge.people import Person, Town


async def exported(shop: Person, user_id: str) -> list[Any]:
    answer = await shop.get(f"/admin/users/{user_id}/export")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    lines = [json.loads(line) for line in answer.body.decode().splitlines()]
    assert lines[-1] == {"kind": "end", "end": {"lines": len(lines) - 1}}
    return [(line["kind"], line[line["kind"]]) for line in lines[:-1]]


async def erased(shop: Person, user_id: str) -> Any:
    """Erases a user, and returns how far that is when it is done."""
    asked = await shop.post(f"/admin/users/{user_id}/erase")
    assert asked.status == 202
    async with asyncio.timeout(20):
        while True:
            state = (await shop.get(f"/admin/users/{user_id}/erase")).data
            if state["done"]:
                return state
            await asyncio.sleep(0.01)


async def test_an_export_has_all_of_a_user(town: Town, shop: Person, alice: Person, bob: Person) -> None:
    await alice.post("/devices", {"platform": "email", "email": "alice@example.org"})
    await alice.send(bob, "one")
    await bob.send(alice, "two")
    left = await bob.group(alice)
    await alice.tell(left, "three")
    await bob.tell(left, "not alice's any more")
    await alice.post(f"/groups/{left}/leave")
    lines = await exported(shop, alice.user_id)
    kinds = [kind for kind, _ in lines]
    assert kinds == ["profile", "device", "pushAddress", "conversation", "message", "message", "message"]
    assert lines[2][1]["address"]["email"] == "alice@example.org"
    assert lines[3][1]["conversationID"] == alice.conversation(bob)
    assert [value["content"] for kind, value in lines if kind == "message"] == ["two", "one", "three"]


async def test_a_long_export_is_whole(shop: Person, alice: Person, bob: Person) -> None:
    for number in range(20):
        await alice.send(bob, f"{number} " + "x" * 4900)
    contents = [value["content"] for kind, value in await exported(shop, alice.user_id) if kind == "message"]
    assert [content.split()[0] for content in contents] == [str(number) for number in reversed(range(20))]


async def test_nobody_is_exported_who_is_not_there(shop: Person) -> None:
    assert (await shop.get("/admin/users/nobody-there/export")).refusal == (404, "unknown_receiver")
    assert (await shop.post("/admin/users/nobody-there/erase")).refusal == (404, "unknown_receiver")


async def test_the_messages_of_an_erased_user_are_emptied_on_all_devices(
    shop: Person, alice: Person, bob: Person
) -> None:
    await alice.send_many(bob, 3)
    await bob.send(alice, "bob's own")
    group = await bob.group(alice)
    await alice.tell(group)
    seen = await bob.sync()
    assert (await erased(shop, alice.user_id))["emptied"] == 4
    after = await bob.sync(seen["maxSeq"])
    changed = after["messages"]
    assert [message["senderID"] for message in changed] == [alice.user_id] * 4
    assert {(message["content"], message["recallReason"]) for message in changed} == {("", "erased")}
    assert [(change["kind"], change["action"], change["userID"]) for change in after["changes"]] == [
        ("member", "left", alice.user_id)
    ]
    history = (await bob.get(f"/messages/user/{alice.user_id}")).data["messages"]
    assert [message["content"] for message in history] == ["", "", "", "bob's own"]


async def test_profile_and_credentials_are_gone(town: Town, shop: Person) -> None:
    name = town.name()
    await shop.post("/admin/users", {"userID": name, "displayName": "Ann", "password": PASSWORD})
    person = town.holder((await login(town, name)).data["token"], name)
    await person.post("/devices", {"platform": "email", "email": "ann@example.org"})
    await person.patch("/users/me", {"avatar": "https://example.org/ann.png", "status": "in Rome"})
    (_, profile), *_ = await exported(shop, name)
    assert (profile["avatar"], profile["status"]) == ("https://example.org/ann.png", "in Rome")
    await erased(shop, name)
    (_, profile), *_ = await exported(shop, name)
    assert (profile["avatar"], profile["status"]) == (None, None)
    assert (await person.get("/conversations")).refusal == (401, "token_revoked")
    assert (await login(town, name)).refusal == (401, "bad_credentials")
    assert (await shop.post(f"/admin/users/{name}/reactivate")).refusal == (409, "conflict")
    assert (await shop.put(f"/admin/users/{name}/password", {"password": PASSWORD})).refusal == (409, "conflict")
    assert (await shop.post("/admin/users", {"userID": name})).refusal == (409, "user_exists")
    found = (await shop.get(f"/admin/users/{name}")).data
    assert ("displayName" in found, found["hasPassword"]) == (False, False)
    assert found["eraseTime"]
    devices = [value for kind, value in await exported(shop, name) if kind == "device"]
    assert [value["deviceID"].partition("-")[0] for value in devices] == ["erased"]


async def test_what_was_to_be_sent_later_is_exported_and_never_sent(shop: Person, alice: Person, bob: Person) -> None:
    await alice.put(f"/blocks/{bob.user_id}")
    group = await bob.group()
    await shop.post(f"/admin/groups/{group}/members", {"members": [alice.user_id]})
    later = int(time.time() * 1000) + 600_000
    body = {"conversationID": f"g:{group}", "content": "later", "sendTime": later}
    assert (await alice.post("/messages/scheduled", body)).status < 300
    draft = await alice.put(f"/conversations/g:{group}/draft", {"content": "half a", "version": 1})
    assert draft.status == 200
    found = dict(await exported(shop, alice.user_id))
    assert found["draft"]["content"] == "half a"
    assert (found["block"]["userID"], found["scheduled"]["message"]["content"]) == (bob.user_id, "later")
    await erased(shop, alice.user_id)
    kinds = {kind for kind, _ in await exported(shop, alice.user_id)}
    assert not kinds & {"block", "scheduled", "draft"}


async def test_others_see_a_new_and_empty_profile(shop: Person, alice: Person, bob: Person) -> None:
    await alice.patch("/users/me", {"avatar": "https://example.org/a.png", "status": "away", "displayName": "Alice"})
    await shop.patch(f"/admin/users/{alice.user_id}", {"bot": True})
    before = (await bob.get(f"/users/{alice.user_id}")).data
    assert (before["displayName"], before["bot"]) == ("Alice", True)
    assert dict(await exported(shop, alice.user_id))["profile"]["status"] == "away"
    await erased(shop, alice.user_id)
    after = (await bob.get(f"/users/{alice.user_id}")).data
    assert not {"displayName", "avatar", "status"} & set(after)
    assert after["version"] > before["version"]


async def test_an_erased_user_is_nobody_to_write_to_or_to_let_in(
    town: Town, shop: Person, alice: Person, bob: Person
) -> None:
    name, unknown = alice.user_id, (404, "unknown_receiver")
    await bob.send(alice)
    group = await bob.group()
    await erased(shop, name)
    assert (await bob.post("/messages/user", {"to": name, "content": "are you there?"})).refusal == unknown
    stranger = await town.person()
    assert (await stranger.post("/messages/user", {"to": name, "content": "hi"})).refusal == unknown
    assert (await shop.post("/admin/messages", {"to": name, "content": "hi"})).refusal == unknown
    assert (await bob.put(f"/groups/{group}/members/{name}")).refusal == unknown
    assert (await bob.post(f"/groups/{group}/members", {"members": [name]})).refusal == unknown
    assert (await bob.put(f"/groups/{group}/bans/{name}")).refusal == unknown
    assert (await bob.post("/groups", {"members": [name]})).refusal == unknown
    assert (await shop.post("/admin/groups", {"ownerID": name})).refusal == unknown
    asked = {"to": bob.user_id, "content": "hi", "senderID": name}
    assert (await shop.post("/admin/messages", asked)).refusal == unknown
    assert (await shop.patch(f"/admin/users/{name}", {"displayName": "Alice"})).refusal == (409, "conflict")


async def test_blocking_an_erased_user_and_taking_it_back_opens_nothing(
    shop: Person, alice: Person, bob: Person
) -> None:
    await bob.send(alice)
    await erased(shop, alice.user_id)
    for change in (bob.put, bob.delete):
        assert (await change(f"/blocks/{alice.user_id}")).status == 200
    assert (await bob.post("/messages/user", {"to": alice.user_id, "content": "hi"})).status == 404


async def test_erasing_again_changes_nothing(shop: Person, alice: Person, bob: Person) -> None:
    await alice.send(bob)
    first = await erased(shop, alice.user_id)
    head = (await bob.sync())["headSeq"]
    assert await erased(shop, alice.user_id) == first
    assert (await bob.sync())["headSeq"] == head


async def test_the_server_is_not_erased(shop: Person, alice: Person) -> None:
    await shop.post("/admin/messages", {"to": alice.user_id, "content": "hello"})
    assert (await shop.post("/admin/users/system/erase")).refusal == (409, "conflict")


async def test_nobody_has_asked_to_erase(shop: Person, alice: Person) -> None:
    assert (await shop.get(f"/admin/users/{alice.user_id}/erase")).refusal == (404, "not_found")


async def test_statistics(shop: Person, alice: Person, bob: Person) -> None:
    await bob.send_many(alice, 2)
    found = (await shop.get("/admin/stats")).data
    assert min(found[name] for name in ("users", "devices", "countTime")) > 0
    assert {"messages", "logEntries", "connections", "usersHere", "writesWaiting", "epoch", "version"} <= set(found)
    behind = (await shop.get("/admin/stats/behind?limit=100")).data["devices"]
    assert [each["lag"] for each in behind] == sorted((each["lag"] for each in behind), reverse=True)
    assert (await shop.get("/admin/stats/behind?limit=101")).refusal == (400, "invalid_input")
