"""Profiles, and to whom users show whether they are online, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.edge.people import Person


async def test_a_profile_is_what_its_user_says(alice: Person, bob: Person) -> None:
    assert (await bob.get(f"/users/{alice.user_id}")).data == {"userID": alice.user_id, "version": 0}
    avatar = "https://example.org/alice.png"
    changed = (await alice.patch("/users/me", {"displayName": "Alice", "avatar": avatar, "status": "away"})).data
    shown = {"userID": alice.user_id, "displayName": "Alice", "avatar": avatar, "status": "away", "version": 1}
    assert changed == shown | {"presence": "everybody"}
    assert (await bob.get(f"/users/{alice.user_id}")).data == shown
    assert (await alice.patch("/users/me", {"status": "away"})).data["version"] == 1
    assert (await alice.patch("/users/me", {"status": ""})).data["version"] == 2
    del shown["status"]
    assert (await bob.get(f"/users/{alice.user_id}")).data == shown | {"version": 2}
    assert (await alice.get("/users/me")).data == shown | {"version": 2, "presence": "everybody"}


async def test_several_are_asked_for_at_once(alice: Person, bob: Person) -> None:
    found = (await alice.get(f"/users?user_ids={bob.user_id},nobody-at-all,{alice.user_id}")).data["users"]
    assert [one["userID"] for one in found] == [bob.user_id, alice.user_id]
    assert (await alice.get("/users/nobody-at-all")).refusal == (404, "unknown_receiver")
    assert (await alice.get("/users?user_ids=")).refusal == (400, "invalid_input")
    assert (await alice.get(f"/users?user_ids={','.join(map(str, range(501)))}")).refusal == (400, "invalid_input")


@pytest.mark.parametrize(
    "body",
    [
        {"displayName": "x" * 101},
        {"displayName": "a\nb"},
        {"avatar": "http://example.org/a.png"},
        {"avatar": "javascript:alert(1)"},
        {"avatar": "https://"},
        {"avatar": "https://[bad"},
        {"avatar": "//example.org/a.png"},
        {"avatar": "x" * 501},
        {"avatar": "a-7"},
        {"status": "x" * 201},
        {"status": "\u0000"},
        {"presence": "friends"},
        {"presence": ""},
        {"displayName": 1},
    ],
)
async def test_what_can_not_be_set_is_refused(alice: Person, body: Any) -> None:
    assert (await alice.patch("/users/me", body)).refusal == (400, "invalid_input")
    assert (await alice.get("/users/me")).data["version"] == 0
