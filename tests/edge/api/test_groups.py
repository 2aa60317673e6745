from __future__ import annotations

from typing import Any

import pytest

from tests.edge.people import Person, Town


async def roles(person: Person, group: str) -> dict[str, str]:
    members = (await person.get(f"/groups/{group}")).data["members"]
    return {member["userID"]: member["role"] for member in members}


async def test_a_group_is_made_with_its_owner_and_members(town: Town, alice: Person, bob: Person) -> None:
    group = town.name("club")
    body = {"groupID": group, "name": "Climbing", "members": [bob.user_id]}
    made = (await alice.post("/groups", body)).data
    assert (made["groupID"], made["conversationID"], made["name"]) == (group, f"g:{group}", "Climbing")
    assert await roles(bob, group) == {alice.user_id: "owner", bob.user_id: "member"}


@pytest.mark.parametrize("field", ["members", "memberIDs", "member_ids"])
async def test_the_members_may_be_spelled(alice: Person, bob: Person, field: str) -> None:
    made = (await alice.post("/groups", {field: [bob.user_id]})).data
    assert len(made["members"]) == 2


async def test_a_group_needs_nothing_but_its_owner(alice: Person) -> None:
    made = (await alice.post("/groups")).data
    assert [member["userID"] for member in made["members"]] == [alice.user_id]


async def test_a_group_id_is_given_once(alice: Person, bob: Person) -> None:
    group = await alice.group()
    assert (await bob.post("/groups", {"groupID": group})).refusal == (409, "conflict")


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"groupID": "a b"}, (400, "invalid_id")),
        ({"name": ""}, (400, "invalid_input")),
        ({"name": "x" * 101}, (400, "invalid_input")),
        ({"members": "bob"}, (400, "invalid_input")),
        ({"members": ["a b"]}, (400, "invalid_id")),
        ({"members": ["nobody"]}, (404, "unknown_receiver")),
    ],
)
async def test_a_bad_group_is_refused(alice: Person, body: Any, refusal: tuple[int, str]) -> None:
    assert (await alice.post("/groups", body)).refusal == refusal
    assert (await alice.get("/conversations")).data["conversations"] == []


async def test_a_group_is_shown_to_members(alice: Person, bob: Person) -> None:
    assert (await bob.get(f"/groups/{await alice.group()}")).refusal == (403, "not_a_member")
    assert (await bob.get("/groups/no-such-club")).refusal == (404, "unknown_conversation")


async def test_the_owner_adds_members_and_names_admins(alice: Person, bob: Person) -> None:
    group = await alice.group()
    await alice.put(f"/groups/{group}/members/{bob.user_id}")
    await alice.put(f"/groups/{group}/members/{bob.user_id}", {"role": "admin"})
    assert await roles(bob, group) == {alice.user_id: "owner", bob.user_id: "admin"}


async def test_a_member_does_not_add_members(town: Town, alice: Person, bob: Person) -> None:
    carol = await town.person()
    group = await alice.group(bob)
    answer = await bob.put(f"/groups/{group}/members/{carol.user_id}")
    assert answer.refusal == (403, "forbidden")


@pytest.mark.parametrize("role", ["owner", "king", 7])
async def test_a_role_is_admin_or_member(alice: Person, bob: Person, role: Any) -> None:
    answer = await alice.put(f"/groups/{await alice.group()}/members/{bob.user_id}", {"role": role})
    assert answer.refusal == (400, "invalid_input")
    assert "role" in answer.body["message"]


async def test_who_is_removed_is_no_member(alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    assert (await alice.delete(f"/groups/{group}/members/{bob.user_id}")).data is None
    assert (await bob.post("/messages/group", {"to": group, "content": "hi"})).refusal == (403, "not_a_member")


async def test_a_member_leaves(alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    assert (await bob.post(f"/groups/{group}/leave")).status == 200
    assert await roles(alice, group) == {alice.user_id: "owner"}


async def test_a_group_is_renamed(alice: Person) -> None:
    answer = await alice.patch(f"/groups/{await alice.group()}", {"name": "Hiking"})
    assert answer.data["name"] == "Hiking"


async def test_a_new_name_is_needed(alice: Person) -> None:
    answer = await alice.patch(f"/groups/{await alice.group()}", {})
    assert answer.refusal == (400, "invalid_input")
    assert "name" in answer.body["message"]


async def test_a_dissolved_group_is_gone(alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    assert (await bob.delete(f"/groups/{group}")).refusal == (403, "forbidden")
    assert (await alice.delete(f"/groups/{group}")).status == 200
    answer = await bob.post("/messages/group", {"to": group, "content": "hi"})
    assert answer.refusal == (404, "unknown_conversation")
    assert (await bob.get("/conversations")).data["conversations"] == []
