"""Coming into a group by an invitation, over HTTP (D9)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.edge.api.test_groups import roles
from tests.edge.people import Person, Town

UNKNOWN = (404, "unknown_invitation")


@pytest.fixture
async def carol(town: Town) -> Person:
    return await town.person()


async def invited(person: Person, group: str, **terms: Any) -> Any:
    return (await person.post(f"/groups/{group}/invitations", terms)).data


async def test_who_has_the_token_comes_in(alice: Person, bob: Person) -> None:
    group = await alice.group()
    await alice.patch(f"/groups/{group}", {"name": "Tea", "description": "Leaves"})
    invitation = await invited(alice, group, maxUses=5)
    seen = (await bob.get(f"/invitations/{invitation['token']}")).data
    assert seen == {
        "groupID": group,
        "name": "Tea",
        "description": "Leaves",
        "memberCount": 1,
        "madeBy": alice.user_id,
        "expireTime": invitation["expireTime"],
        "member": False,
    }
    joined = (await bob.post(f"/invitations/{invitation['token']}/join")).data
    assert [member["userID"] for member in joined["members"]] == [alice.user_id, bob.user_id]
    change = (await alice.sync())["changes"][-1]
    told = (change["action"], change["userID"], change["actorID"], change["role"])
    assert told == ("joined", bob.user_id, bob.user_id, "member")
    assert (await bob.get(f"/invitations/{invitation['token']}")).data["member"]


async def test_the_token_is_told_once(alice: Person) -> None:
    group = await alice.group()
    invitation = await invited(alice, group)
    assert len(invitation.pop("token")) >= 32
    assert (await alice.get(f"/groups/{group}/invitations")).data == {"invitations": [invitation]}
    assert invitation["expireTime"] - invitation["createTime"] == 7 * 86_400_000
    assert (await alice.get(f"/invitations/{invitation['invitationID']}")).refusal == UNKNOWN


async def test_a_revoked_invitation_is_none(alice: Person, bob: Person) -> None:
    group = await alice.group()
    invitation = await invited(alice, group)
    path = f"/groups/{group}/invitations/{invitation['invitationID']}"
    assert (await alice.delete(path)).status == 200
    assert (await alice.delete(path)).refusal == UNKNOWN
    assert (await bob.post(f"/invitations/{invitation['token']}/join")).refusal == UNKNOWN


async def test_who_is_banned_does_not_come_in(alice: Person, bob: Person) -> None:
    group = await alice.group()
    token = (await invited(alice, group))["token"]
    await alice.put(f"/groups/{group}/bans/{bob.user_id}")
    assert (await bob.get(f"/invitations/{token}")).refusal == (403, "banned")
    assert (await bob.post(f"/invitations/{token}/join")).refusal == (403, "banned")
    assert bob.user_id not in await roles(alice, group)


async def test_an_invitation_dies_with_the_right_to_invite(alice: Person, bob: Person, carol: Person) -> None:
    group = await alice.group(bob)
    assert (await bob.post(f"/groups/{group}/invitations")).refusal == (403, "forbidden")
    await alice.patch(f"/groups/{group}", {"membersInvite": True})
    token = (await invited(bob, group))["token"]
    assert (await carol.get(f"/invitations/{token}")).status == 200
    await alice.patch(f"/groups/{group}", {"membersInvite": False})
    assert (await carol.get(f"/invitations/{token}")).refusal == UNKNOWN
    await alice.patch(f"/groups/{group}", {"membersInvite": True})
    await alice.delete(f"/groups/{group}/members/{bob.user_id}")
    assert (await carol.post(f"/invitations/{token}/join")).refusal == UNKNOWN


async def test_members_see_and_revoke_their_own_only(alice: Person, bob: Person) -> None:
    group = await alice.group(bob)
    await alice.patch(f"/groups/{group}", {"membersInvite": True})
    hers, his = await invited(alice, group), await invited(bob, group)

    async def seen(person: Person) -> set[str]:
        found = (await person.get(f"/groups/{group}/invitations")).data["invitations"]
        return {one["invitationID"] for one in found}

    assert await seen(alice) == {hers["invitationID"], his["invitationID"]}
    assert await seen(bob) == {his["invitationID"]}
    assert (await bob.delete(f"/groups/{group}/invitations/{hers['invitationID']}")).refusal == UNKNOWN
    assert (await alice.delete(f"/groups/{group}/invitations/{his['invitationID']}")).status == 200


async def test_a_dissolved_group_is_come_into_no_more(alice: Person, bob: Person) -> None:
    group = await alice.group()
    token = (await invited(alice, group))["token"]
    await alice.delete(f"/groups/{group}")
    assert (await bob.get(f"/invitations/{token}")).refusal == UNKNOWN


@pytest.mark.parametrize("terms", [{"expiresIn": 59}, {"expiresIn": 10**9}, {"maxUses": -1}, {"maxUses": "many"}])
async def test_bad_terms_are_refused(alice: Person, terms: Any) -> None:
    answer = await alice.post(f"/groups/{await alice.group()}/invitations", terms)
    assert answer.refusal == (400, "invalid_input")


async def test_a_group_has_a_hundred_invitations(alice: Person) -> None:
    group = await alice.group()
    for _ in range(100):
        await invited(alice, group)
    answer = await alice.post(f"/groups/{group}/invitations")
    assert (answer.refusal, answer.body["data"]) == ((409, "limit_reached"), {"limit": 100})
