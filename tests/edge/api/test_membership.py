"""Settings of groups, mutes, bans, and the owner's place, over HTTP (D9)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.edge.api.test_groups import roles
from tests.edge.people import Person, Town

FORBIDDEN = (403, "forbidden")


async def last_change(person: Person) -> Any:
    """The newest change in a person's log, without what differs from run to run."""
    change = (await person.sync(count=1000))["changes"][-1]
    return {name: value for name, value in change.items() if name not in {"seq", "time", "conversationID"}}


@pytest.fixture
async def carol(town: Town) -> Person:
    return await town.person()


async def led(owner: Person, admin: Person, *members: Person) -> str:
    """A group with an admin."""
    group = await owner.group(admin, *members)
    await owner.put(f"/groups/{group}/members/{admin.user_id}", {"role": "admin"})
    return group


# --- settings ---


async def test_settings_are_shown_and_told_to_the_members(alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    wanted = {"description": "All of us", "avatar": "a-7", "announcementOnly": True, "membersInvite": True}
    changed = (await alice.patch(f"/groups/{group}", wanted)).data
    assert {name: changed[name] for name in wanted} == wanted
    told = await last_change(bob)
    assert told == {"kind": "group", "action": "changed", "settings": wanted, "actorID": alice.user_id}
    [conversation] = (await bob.get("/snapshot")).data["conversations"]
    assert conversation["settings"] == wanted


async def test_a_group_is_made_with_settings(alice: Person) -> None:
    made = (await alice.post("/groups", {"description": "News", "announcement_only": True})).data
    assert (made["description"], made["announcementOnly"]) == ("News", True)


async def test_a_text_is_taken_away_and_what_is_not_named_stays(alice: Person) -> None:
    group = await alice.group()
    await alice.patch(f"/groups/{group}", {"description": "All of us", "avatar": "a-7"})
    changed = (await alice.patch(f"/groups/{group}", {"description": ""})).data
    assert (changed.get("description"), changed["avatar"]) == (None, "a-7")


async def test_setting_what_is_so_already_is_not_told(alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    await alice.patch(f"/groups/{group}", {"description": "All of us"})
    before = (await bob.sync())["maxSeq"]
    await alice.patch(f"/groups/{group}", {"description": "All of us", "announcementOnly": False})
    assert (await bob.sync())["maxSeq"] == before


@pytest.mark.parametrize(
    "body",
    [{}, {"name": ""}, {"description": "x" * 501}, {"description": "\0"}, {"avatar": "a\n"}, {"membersInvite": "no"}],
)
async def test_bad_settings_are_refused(alice: Person, body: Any) -> None:
    assert (await alice.patch(f"/groups/{await alice.group()}", body)).refusal == (400, "invalid_input")


async def test_members_bring_in_others_where_they_may(alice: Person, bob: Person, carol: Person) -> None:
    group = await alice.group(bob)
    assert (await bob.put(f"/groups/{group}/members/{carol.user_id}")).refusal == FORBIDDEN
    await alice.patch(f"/groups/{group}", {"membersInvite": True})
    assert (await bob.put(f"/groups/{group}/members/{carol.user_id}", {"role": "member"})).refusal == FORBIDDEN
    assert (await bob.put(f"/groups/{group}/members/{carol.user_id}")).status == 200
    assert (await roles(alice, group))[carol.user_id] == "member"


# --- writing ---


async def test_announcements_are_written_by_those_who_lead(alice: Person, bob: Person, carol: Person) -> None:
    group = await led(alice, carol, bob)
    receipt = await bob.tell(group, "before")
    await alice.patch(f"/groups/{group}", {"announcementOnly": True})
    message = {"to": group, "content": "hi"}
    assert (await bob.post("/messages/group", message)).refusal == (403, "announcement_only")
    edited = await bob.patch(f"/messages/{receipt['serverMsgID']}", {"content": "an ad"})
    assert edited.refusal == (403, "announcement_only")
    told = await carol.tell(group, "News")
    assert (await bob.put(f"/messages/{told['serverMsgID']}/reactions/👍")).status == 200


async def test_who_is_muted_is_told_until_when(alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    receipt = await bob.tell(group)
    shown = (await alice.put(f"/groups/{group}/members/{bob.user_id}/mute", {"seconds": 60})).data["members"]
    until = next(member["mutedUntil"] for member in shown if member["userID"] == bob.user_id)
    refused = await bob.post("/messages/group", {"to": group, "content": "hi"})
    assert (refused.refusal, refused.body["data"]["until"]) == ((403, "muted"), until)
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    message = f"/messages/{receipt['serverMsgID']}"
    assert (await bob.patch(message, {"content": "an ad"})).refusal == (403, "muted")
    assert (await bob.put(f"{message}/reactions/👍")).refusal == (403, "muted")
    assert (await bob.post(f"{message}/recall")).status == 200
    told = {"kind": "mute", "userID": bob.user_id, "actorID": alice.user_id}
    assert await last_change(bob) == told | {"until": until}
    await alice.delete(f"/groups/{group}/members/{bob.user_id}/mute")
    assert await last_change(bob) == told
    assert (await bob.tell(group))["conversationSeq"] == 2


async def test_a_mute_is_forwarded_around_neither(alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    receipt = await bob.send(alice)
    await alice.put(f"/groups/{group}/members/{bob.user_id}/mute", {"seconds": 60})
    answer = await bob.post(f"/messages/{receipt['serverMsgID']}/forward", {"to": [f"g:{group}"]})
    assert answer.refusal == (403, "muted")


@pytest.mark.parametrize("seconds", [0, -1, 366 * 86_400 + 1, "long"])
async def test_a_mute_lasts_up_to_a_year(alice: Person, bob: Person, seconds: Any) -> None:
    path = f"/groups/{await alice.group(bob)}/members/{bob.user_id}/mute"
    assert (await alice.put(path, {"seconds": seconds})).refusal == (400, "invalid_input")


async def test_a_member_is_muted(alice: Person, bob: Person) -> None:
    path = f"/groups/{await alice.group()}/members/{bob.user_id}/mute"
    assert (await alice.put(path, {"seconds": 60})).refusal == (400, "invalid_input")


# --- who has a say over whom ---

ACTS = [
    ("PUT", "/members/{}/mute", {"seconds": 60}),
    ("DELETE", "/members/{}/mute", None),
    ("DELETE", "/members/{}", None),
    ("PUT", "/bans/{}", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ACTS)
async def test_admins_act_on_members_only(
    town: Town, alice: Person, bob: Person, carol: Person, method: str, path: str, body: Any
) -> None:
    dan = await town.person()
    group = await led(alice, bob, carol, dan)
    await alice.put(f"/groups/{group}/members/{carol.user_id}", {"role": "admin"})

    async def act(who: Person, on: Person) -> int:
        return (await who.ask(method, f"/groups/{group}{path.format(on.user_id)}", body)).status

    assert [await act(bob, alice), await act(bob, carol), await act(dan, bob)] == [403, 403, 403]
    assert [await act(bob, dan), await act(alice, carol)] == [200, 200]


# --- bans ---


async def test_who_is_banned_is_out_and_does_not_come_back(alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    assert (await alice.put(f"/groups/{group}/bans/{bob.user_id}")).data is None
    assert (await last_change(bob))["action"] == "banned"
    assert (await bob.post("/messages/group", {"to": group, "content": "hi"})).refusal == (403, "not_a_member")
    assert (await alice.put(f"/groups/{group}/members/{bob.user_id}")).refusal == (403, "banned")
    [ban] = (await alice.get(f"/groups/{group}/bans")).data["bans"]
    assert (ban["userID"], ban["bannedBy"]) == (bob.user_id, alice.user_id)
    assert (await alice.delete(f"/groups/{group}/bans/{bob.user_id}")).status == 200
    assert await last_change(alice) == {
        "kind": "ban",
        "action": "lifted",
        "userID": bob.user_id,
        "actorID": alice.user_id,
    }
    assert (await alice.get(f"/groups/{group}/bans")).data["bans"] == []
    assert (await alice.put(f"/groups/{group}/members/{bob.user_id}")).status == 200


async def test_who_never_was_a_member_is_kept_out(alice: Person, bob: Person) -> None:
    group = await alice.group()
    assert (await alice.put(f"/groups/{group}/bans/{bob.user_id}")).status == 200
    assert (await alice.put(f"/groups/{group}/members/{bob.user_id}")).refusal == (403, "banned")
    assert (await bob.sync())["maxSeq"] == 0
    assert (await alice.put(f"/groups/{group}/bans/nobody")).refusal == (404, "unknown_receiver")


async def test_bans_are_for_those_who_lead(alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    assert (await bob.get(f"/groups/{group}/bans")).refusal == FORBIDDEN
    assert (await bob.delete(f"/groups/{group}/bans/{alice.user_id}")).refusal == FORBIDDEN


# --- the owner's place ---


async def test_a_group_is_given_to_another_member(alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    assert (await bob.post(f"/groups/{group}/transfer", {"userID": bob.user_id})).refusal == FORBIDDEN
    assert (await alice.post(f"/groups/{group}/transfer", {"userID": bob.user_id})).status == 200
    assert await roles(bob, group) == {alice.user_id: "admin", bob.user_id: "owner"}
    changes = (await alice.sync())["changes"][-2:]
    assert [(one["userID"], one["role"]) for one in changes] == [(bob.user_id, "owner"), (alice.user_id, "admin")]
    answer = await bob.post(f"/groups/{group}/transfer", {"userID": "nobody"})
    assert answer.refusal == (400, "invalid_input")


async def test_an_owner_who_leaves_is_followed_by_the_first_admin(alice: Person, bob: Person, carol: Person) -> None:
    group = await alice.group(bob)
    await alice.put(f"/groups/{group}/members/{carol.user_id}", {"role": "admin"})
    assert (await alice.post(f"/groups/{group}/leave")).status == 200
    assert await roles(bob, group) == {bob.user_id: "member", carol.user_id: "owner"}
    assert (await carol.post(f"/groups/{group}/leave")).status == 200
    assert await roles(bob, group) == {bob.user_id: "owner"}


async def test_the_last_one_to_leave_ends_the_group(alice: Person) -> None:
    group = await alice.group()
    assert (await alice.post(f"/groups/{group}/leave")).status == 200
    assert (await alice.get(f"/groups/{group}")).refusal == (404, "unknown_conversation")
    assert (await last_change(alice))["action"] == "dissolved"
