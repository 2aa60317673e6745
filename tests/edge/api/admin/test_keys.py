from __future__ import annotations

import hashlib
import time
from typing import Any

import pytest
from sqlalchemy import select

from roost.db.schema import api_keys
from roost.edge.auth.keys import operator_key
from tests.edge.api.admin.conftest import Backend
from tests.edge.people import Person, Town


def now() -> int:
    return time.time_ns() // 1_000_000


async def test_a_key_does_what_its_scope_says(town: Town, operator: Person) -> None:
    name = town.name("key")
    made = (await operator.post("/admin/keys", {"name": name, "scopes": ["keys"]})).data
    assert (made["name"], made["scopes"], "expireTime" in made) == (name, ["keys"], False)
    shop = town.holder(made["key"])
    listed = {key["prefix"]: key for key in (await shop.get("/admin/keys")).data["keys"]}
    assert listed[made["prefix"]]["lastUsed"] >= made["createTime"]


async def test_a_list_tells_no_key(operator: Person, shop: Person) -> None:
    answer = await operator.get("/admin/keys")
    secret = str(shop.token).rpartition("_")[2]
    assert shop.user_id in str(answer.body)
    assert secret not in str(answer.body)


async def test_a_key_is_stored_as_its_hash(settle: Any) -> None:
    town = await settle()
    operator = town.holder(operator_key(town.secret, now()))
    made = (await operator.post("/admin/keys", {"name": "shop", "scopes": ["keys"]})).data
    row = await town.roads.database.read(lambda connection: connection.execute(select(api_keys)).one())
    assert row.key_hash == hashlib.sha256(made["key"].encode()).digest()
    assert made["key"] not in str(tuple(row))


async def test_the_secret_counts_to_its_last_digit(town: Town, shop: Person) -> None:
    key = str(shop.token)
    other = key[:-1] + ("0" if key[-1] != "0" else "1")
    assert (await town.holder(other).get("/admin/keys")).refusal == (401, "invalid_token")


async def test_a_revoked_key_ends_at_once(operator: Person, back_end: Backend) -> None:
    shop = await back_end("keys")
    assert (await shop.get("/admin/keys")).status == 200
    gone = await operator.delete(f"/admin/keys/{shop.user_id}")
    assert gone.data["revokeTime"]
    assert (await shop.get("/admin/keys")).refusal == (401, "token_revoked")
    again = await operator.delete(f"/admin/keys/{gone.data['prefix']}")
    assert again.data["revokeTime"] == gone.data["revokeTime"]


async def test_an_expired_key_is_refused(expired: Person) -> None:
    assert (await expired.get("/admin/keys")).refusal == (401, "token_expired")


async def test_a_name_in_use_is_a_conflict_until_the_key_is_over(operator: Person, shop: Person) -> None:
    body = {"name": shop.user_id, "scopes": ["keys"]}
    assert (await operator.post("/admin/keys", body)).refusal == (409, "conflict")
    await operator.delete(f"/admin/keys/{shop.user_id}")
    assert (await operator.post("/admin/keys", body)).status == 201


@pytest.mark.parametrize(
    "change",
    [{"scopes": []}, {"scopes": ["fly"]}, {"name": ""}, {"name": "a\nb"}, {"name": "x" * 101}, {"expireTime": 1}],
)
async def test_a_bad_key_is_refused(operator: Person, change: dict[str, Any]) -> None:
    body = {"name": "never", "scopes": ["keys"]} | change
    assert (await operator.post("/admin/keys", body)).refusal == (400, "invalid_input")


async def test_a_key_gives_no_more_than_it_has(back_end: Backend) -> None:
    shop = await back_end("keys")
    refused = await shop.post("/admin/keys", {"name": "more", "scopes": ["keys", "*"]})
    assert refused.refusal == (403, "missing_scope")
    assert refused.body["data"] == {"scope": "*"}


async def test_a_key_that_is_not_there_can_not_be_revoked(operator: Person) -> None:
    assert (await operator.delete("/admin/keys/nobody")).refusal == (404, "not_found")


@pytest.mark.parametrize("secret", [b"another secret, just as long as it must be", None])
async def test_an_operator_has_the_secret_and_a_minute(town: Town, secret: bytes | None) -> None:
    """Signed with another secret; too long ago; for too long."""
    times = [now()] if secret else [now() - 61_000, now() + 121_000]
    for moment in times:
        stranger = town.holder(operator_key(secret or town.secret, moment))
        assert (await stranger.get("/admin/keys")).status == 401


async def test_a_key_is_no_token_of_a_user(shop: Person) -> None:
    assert (await shop.get("/conversations")).refusal == (401, "invalid_token")
