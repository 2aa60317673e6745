from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.edge.api.admin.conftest import operator_of
from tests.edge.people import Person, Town

PASSWORD = "long enough"


async def login(town: Town, user_id: str, password: str = PASSWORD) -> Any:
    return await town.holder(None).post("/auth/login", {"userID": user_id, "password": password})


async def enter(town: Town, token: str) -> Any:
    """A socket that has been let in."""
    line = await connect(str(town.http.base_url).replace("http", "ws") + "/ws")
    await line.send(msgspec.json.encode({"type": "auth", "token": token}).decode())
    assert msgspec.json.decode(await line.recv())["type"] == "ready"
    return line


async def close_code(line: Any) -> int:
    async with asyncio.timeout(10):
        try:
            while True:
                await line.recv()
        except ConnectionClosed as closed:
            return int(closed.rcvd.code) if closed.rcvd else 0


async def test_a_user_is_made_and_shown(town: Town, shop: Person) -> None:
    name = town.name()
    body = {"userID": name, "displayName": "Ann", "password": PASSWORD}
    made = await shop.post("/admin/users", body)
    assert made.status == 201
    assert made.data | {"createTime": 1} == {
        "userID": name,
        "displayName": "Ann",
        "hasPassword": True,
        "createTime": 1,
    }
    assert (await shop.get(f"/admin/users/{name}")).data == made.data
    assert (await login(town, name)).status == 200


async def test_the_same_user_again_is_the_same_and_another_is_refused(town: Town, shop: Person) -> None:
    body = {"userID": town.name(), "displayName": "Ann", "password": PASSWORD}
    made = await shop.post("/admin/users", body)
    again = await shop.post("/admin/users", body)
    assert (again.status, again.data) == (201, made.data)
    others: tuple[dict[str, Any], ...] = ({"password": "another one"}, {"displayName": "Bo"}, {"bot": True})
    for other in others:
        assert (await shop.post("/admin/users", body | other)).refusal == (409, "user_exists")
    without = {name: value for name, value in body.items() if name != "password"}
    assert (await shop.post("/admin/users", without)).refusal == (409, "user_exists")


async def test_users_are_listed_page_by_page(settle: Any) -> None:
    town = await settle()
    names = [(await town.person(town.name())).user_id for _ in range(5)]
    shop = town.holder(await key(town))
    listed: list[str] = []
    query = "?limit=2"
    while query:
        page = (await shop.get(f"/admin/users{query}")).data
        assert len(page["users"]) <= 2
        listed += [user["userID"] for user in page["users"]]
        query = f"?limit=2&after={page['next']}" if "next" in page else ""
    assert listed == names


async def key(town: Town) -> str:
    return str((await operator_of(town).post("/admin/keys", {"name": "shop", "scopes": ["*"]})).data["key"])


async def test_a_user_changes_where_asked(town: Town, shop: Person) -> None:
    name = town.name()
    await shop.post("/admin/users", {"userID": name, "displayName": "Ann"})
    assert (await shop.patch(f"/admin/users/{name}", {"bot": True})).data["displayName"] == "Ann"
    assert (await shop.patch(f"/admin/users/{name}", {"displayName": None})).data["bot"]
    found = (await shop.get(f"/admin/users/{name}")).data
    assert (found["bot"], "displayName" in found) == (True, False)


async def test_a_deactivated_user_is_out_at_once(town: Town, shop: Person) -> None:
    name = town.name()
    await shop.post("/admin/users", {"userID": name, "password": PASSWORD})
    session = (await login(town, name)).data
    person = town.holder(session["token"], name)
    line = await enter(town, session["token"])
    gone = (await shop.post(f"/admin/users/{name}/deactivate")).data
    assert gone["deactivateTime"]
    assert await close_code(line) == 4502
    assert (await person.get("/conversations")).refusal == (401, "token_revoked")
    refresh = await person.post("/auth/refresh", {"refreshToken": session["refreshToken"]})
    assert refresh.refusal == (401, "invalid_token")
    assert (await login(town, name)).refusal == (403, "user_deactivated")
    assert (await login(town, name, "wrong")).refusal == (401, "bad_credentials")
    assert (await shop.post(f"/admin/users/{name}/tokens")).refusal == (403, "user_deactivated")
    assert (await shop.post(f"/admin/users/{name}/deactivate")).data == gone


async def test_a_reactivated_user_comes_in_anew(town: Town, shop: Person) -> None:
    name = town.name()
    await shop.post("/admin/users", {"userID": name, "password": PASSWORD})
    before = (await login(town, name)).data["token"]
    await shop.post(f"/admin/users/{name}/deactivate")
    back = (await shop.post(f"/admin/users/{name}/reactivate")).data
    assert "deactivateTime" not in back
    assert (await town.holder(before).get("/conversations")).refusal == (401, "token_revoked")
    after = (await login(town, name)).data["token"]
    assert (await town.holder(after).get("/conversations")).status == 200
    assert (await shop.post(f"/admin/users/{name}/reactivate")).data == back
    assert (await town.holder(after).get("/conversations")).status == 200, "again revokes nothing"


async def test_a_password_is_set_and_taken_away(town: Town, shop: Person, alice: Person) -> None:
    path = f"/admin/users/{alice.user_id}/password"
    assert (await shop.put(path, {"password": "short"})).refusal == (400, "invalid_input")
    assert (await shop.put(path, {"password": PASSWORD})).data["hasPassword"]
    assert (await alice.get("/conversations")).refusal == (401, "token_revoked")
    assert (await login(town, alice.user_id)).status == 200
    assert not (await shop.put(path, {"password": None})).data["hasPassword"]
    assert (await login(town, alice.user_id)).refusal == (401, "bad_credentials")


async def test_a_token_is_signed_for_a_user_and_device(town: Town, shop: Person, alice: Person) -> None:
    made = await shop.post(f"/admin/users/{alice.user_id}/tokens", {"deviceID": "robot", "ttl": 60})
    assert made.status == 201
    holder = town.holder(made.data["token"], alice.user_id)
    current = [device for device in (await holder.get("/devices")).data["devices"] if device["current"]]
    assert current[0]["deviceID"] == "robot"
    assert (await shop.post("/admin/users/nobody-there/tokens")).refusal == (404, "unknown_receiver")


async def test_all_tokens_of_a_user_are_revoked_and_new_ones_count(town: Town, shop: Person, alice: Person) -> None:
    line = await enter(town, str(alice.token))
    await shop.delete(f"/admin/users/{alice.user_id}/tokens")
    assert await close_code(line) == 4502
    assert (await alice.get("/conversations")).refusal == (401, "token_revoked")
    made = (await shop.post(f"/admin/users/{alice.user_id}/tokens")).data
    assert (await town.holder(made["token"]).get("/conversations")).status == 200


async def test_the_tokens_of_others_stay(shop: Person, alice: Person, bob: Person) -> None:
    await shop.delete(f"/admin/users/{alice.user_id}/tokens")
    assert (await bob.get("/conversations")).status == 200


async def test_the_devices_of_a_user_are_listed_with_their_lag(shop: Person, alice: Person, bob: Person) -> None:
    await bob.send_many(alice, 3)
    found = (await shop.get(f"/admin/users/{alice.user_id}/devices")).data
    assert [(device["lag"], device["current"]) for device in found["devices"]] == [(3, False)]


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"userID": "a b"}, (400, "invalid_id")),
        ({"userID": "fine-name", "displayName": ""}, (400, "invalid_input")),
        ({"userID": "fine-name", "password": "short"}, (400, "invalid_input")),
        ({}, (400, "invalid_input")),
    ],
)
async def test_a_bad_user_is_refused(shop: Person, body: Any, refusal: tuple[int, str]) -> None:
    assert (await shop.post("/admin/users", body)).refusal == refusal


@pytest.mark.parametrize("query", ["?limit=0", "?limit=1001", "?after=bob", "?after=-1"])
async def test_a_bad_page_is_refused(shop: Person, query: str) -> None:
    assert (await shop.get(f"/admin/users{query}")).refusal == (400, "invalid_input")


async def test_a_user_who_is_not_there_is_told(shop: Person) -> None:
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("GET", "/devices"),
        ("DELETE", "/tokens"),
        ("POST", "/deactivate"),
        ("POST", "/reactivate"),
    ):
        answer = await shop.ask(method, f"/admin/users/nobody-there{path}")
        assert answer.refusal == (404, "unknown_receiver")
