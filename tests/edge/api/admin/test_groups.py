from __future__ import annotations

from typing import Any

from tests.edge.api.admin.conftest import operator_of
from tests.edge.people import Person, Town


async def roles(shop: Person, group: str) -> dict[str, str]:
    members = (await shop.get(f"/admin/groups/{group}")).data["members"]
    return {member["userID"]: member["role"] for member in members}


async def changes(person: Person) -> list[Any]:
    return list((await person.sync())["changes"])


async def test_a_group_has_the_owner_that_is_named(town: Town, shop: Person, alice: Person, bob: Person) -> None:
    group = town.name("club")
    body = {"ownerID": alice.user_id, "groupID": group, "name": "Tea", "members": [bob.user_id]}
    made = await shop.post("/admin/groups", body)
    assert made.status == 201
    assert await roles(shop, group) == {alice.user_id: "owner", bob.user_id: "member"}
    (told,) = await changes(bob)
    assert (told["action"], told["actorID"]) == ("created", alice.user_id)
    again = await shop.post("/admin/groups", body)
    assert (again.status, again.data) == (201, made.data)
    assert len(await changes(bob)) == 1
    others: tuple[dict[str, str], ...] = ({"ownerID": bob.user_id}, {"name": "Coffee"})
    for other in others:
        assert (await shop.post("/admin/groups", body | other)).refusal == (409, "conflict")
    assert (await shop.post("/admin/groups", {"ownerID": "nobody-there"})).refusal == (404, "unknown_receiver")
    await shop.delete(f"/admin/groups/{group}")
    assert (await shop.post("/admin/groups", body)).refusal == (409, "conflict")


async def test_a_bot_is_shown_among_the_members(town: Town, shop: Person, alice: Person) -> None:
    robot = town.name("robot")
    await shop.post("/admin/users", {"userID": robot, "bot": True})
    group = await alice.group()
    await shop.post(f"/admin/groups/{group}/members", {"members": [robot]})
    for path in (f"/groups/{group}", f"/groups/{group}/members"):
        shown = {member["userID"]: member.get("bot", False) for member in (await alice.get(path)).data["members"]}
        assert shown == {alice.user_id: False, robot: True}
    (conversation,) = (await alice.get("/snapshot")).data["conversations"]
    assert {member["userID"] for member in conversation["members"] if member.get("bot")} == {robot}


async def test_members_come_and_go_in_bulk(town: Town, shop: Person, alice: Person) -> None:
    group = await alice.group()
    many = [town.name("member") for _ in range(120)]
    for name in many:
        await shop.post("/admin/users", {"userID": name})
    path = f"/admin/groups/{group}/members"
    assert (await shop.post(path, {"members": [*many, alice.user_id]})).data == {"added": 120}
    assert (await shop.post(path, {"members": many})).data == {"added": 0}
    listed: list[str] = []
    query = "?limit=50"
    while query:
        page = (await shop.get(path + query)).data
        listed += [member["userID"] for member in page["members"]]
        query = f"?limit=50&after={page['nextAfter']}" if page["nextAfter"] else ""
    assert sorted(listed) == sorted([*many, alice.user_id])
    gone = {"members": [*many[:100], "nobody-there"]}
    assert (await shop.post(f"{path}/remove", gone)).data == {"removed": 100}
    assert len(await roles(shop, group)) == 21
    joined = [change for change in await changes(alice) if change["action"] == "joined"]
    assert [change["userIDs"] for change in joined] == [sorted(many)]
    assert not any("actorID" in change for change in joined), "which key it was is nobody's business"


async def test_the_owner_stays_until_another_owns_the_group(shop: Person, alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    remove = f"/admin/groups/{group}/members/remove"
    assert (await shop.post(remove, {"members": [alice.user_id]})).refusal == (403, "forbidden")
    given = await shop.post(f"/admin/groups/{group}/transfer", {"userID": bob.user_id})
    assert given.status == 200
    assert await roles(shop, group) == {alice.user_id: "admin", bob.user_id: "owner"}
    assert (await shop.post(remove, {"members": [alice.user_id]})).data == {"removed": 1}
    assert (await alice.get(f"/groups/{group}")).refusal == (403, "not_a_member")


async def test_a_group_is_changed_and_dissolved_without_belonging_to_it(
    shop: Person, alice: Person, bob: Person
) -> None:
    group = await alice.group()
    assert (await shop.patch(f"/admin/groups/{group}", {"name": "Tea", "announcementOnly": True})).data["name"] == "Tea"
    role = await shop.put(f"/admin/groups/{group}/members/{bob.user_id}", {"role": "admin"})
    assert role.status == 200
    assert (await roles(shop, group))[bob.user_id] == "admin"
    await shop.delete(f"/admin/groups/{group}")
    assert (await shop.get(f"/admin/groups/{group}")).refusal == (404, "unknown_conversation")
    assert [change["action"] for change in await changes(alice)][-1] == "dissolved"


async def test_a_large_group_is_for_back_ends_as_any_other(settle: Any) -> None:
    town = await settle(fanout={"max_members": 2})
    shop = operator_of(town)
    ann, bob = await town.person("ann"), await town.person("bob")
    group = await ann.group()
    for name in ("cat", "dan", "eve"):
        await shop.post("/admin/users", {"userID": name})
    path = f"/admin/groups/{group}/members"
    assert (await shop.post(path, {"members": ["bob", "cat", "dan", "eve"]})).data == {"added": 4}
    sent = await ann.tell(group, "rude")
    said = await shop.post("/admin/messages", {"conversationID": f"g:{group}", "content": "from the server"})
    assert said.status == 201, said.body
    await shop.post(f"/admin/messages/{sent['serverMsgID']}/recall", {"reason": "rude"})
    assert (await shop.put(f"{path}/cat", {"role": "admin"})).status == 200
    assert (await shop.post(f"{path}/remove", {"members": ["dan"]})).data == {"removed": 1}
    told = (await bob.sync())["messages"]
    assert [(message["content"], message.get("recallReason")) for message in told] == [
        ("from the server", None),
        ("", "rude"),
    ]
    page = (await shop.get(path)).data["members"]
    assert {member["userID"]: member["role"] for member in page}["cat"] == "admin"
