"""CONTRACT §4, the first frame: who may come in, and what everybody else is told."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.blackbox.house import Guest, House
from tests.blackbox.line import Line, eventually


def _b64(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _unsigned(house: House) -> str:
    return f"{_b64({'alg': 'none', 'typ': 'JWT'})}.{_b64({'sub': 'eve', 'exp': int(time.time()) + 600})}."


def _other_hash(house: House) -> str:
    return jwt.encode({"sub": "eve", "exp": int(time.time()) + 600}, house.secret, "HS512")


def _rsa(house: House) -> str:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return jwt.encode({"sub": "eve", "exp": int(time.time()) + 600}, pem, "RS256")


def _rsa_in_name_only(house: House) -> str:
    """An HMAC with the server's own secret under a header that says RS256."""
    _, payload, signature = house.token("eve").split(".")
    return f"{_b64({'alg': 'RS256', 'typ': 'JWT'})}.{payload}.{signature}"


def _other_key(house: House) -> str:
    return jwt.encode({"sub": "eve", "exp": int(time.time()) + 600}, "x" * 32, "HS256")


def _changed(house: House) -> str:
    head, _, signature = house.token("eve").split(".")
    return f"{head}.{_b64({'sub': 'admin', 'exp': int(time.time()) + 600})}.{signature}"


FORGED = {
    "not a JWT": lambda _: "token",
    "empty": lambda _: "",
    "no algorithm": _unsigned,
    "another hash": _other_hash,
    "RS256": _rsa,
    "RS256 in name only": _rsa_in_name_only,
    "another key": _other_key,
    "changed after signing": _changed,
    "no expiry": lambda house: jwt.encode({"sub": "eve"}, house.secret, "HS256"),
    "no user": lambda house: jwt.encode({"exp": int(time.time()) + 600}, house.secret, "HS256"),
    "a user id with bad characters": lambda house: house.token("eve/../admin"),
    "a user id too long": lambda house: house.token("e" * 51),
    "megabytes": lambda _: "e" * 60_000,
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
async def test_a_bad_token_is_told_and_closes_with_4500(house: House, forge: Any) -> None:
    line = await house.open()
    await line.say("auth", token=forge(house))
    await line.refused("invalid_token")
    assert await line.closed() == 4500


async def test_an_expired_token_is_told_and_closes_with_4500(house: House) -> None:
    line = await house.open()
    await line.say("auth", token=house.token("eve", exp=int(time.time()) - 1))
    await line.refused("token_expired")
    assert await line.closed() == 4500


@pytest.mark.parametrize("frame", [{"type": "auth"}, {"type": "auth", "token": None}], ids=["absent", "null"])
async def test_a_missing_token_is_told_and_closes_with_4500(house: House, frame: dict[str, Any]) -> None:
    line = await house.open()
    await line.write(frame)
    await line.refused("invalid_token")
    assert await line.closed() == 4500


async def test_no_auth_in_time_closes_with_4501(settle: Any) -> None:
    house = await settle(limits={"auth_timeout": 0.3})
    started = time.monotonic()
    known = await (await house.guest()).line()
    silent, talker = await house.open(), await house.open()
    await talker.say("ping")
    await talker.refused("unauthenticated")
    await silent.refused("unauthenticated")
    assert await silent.closed() == 4501
    assert await talker.closed() == 4501, "frames before auth are no auth"
    assert 0.3 <= time.monotonic() - started < 5
    await known.nothing()


BEFORE_AUTH: list[dict[str, Any]] = [
    {"type": "private", "to": "bob", "content": "hello"},
    {"type": "group", "to": "all", "content": "hello"},
    {"type": "ack", "seq": 1},
    {"type": "sync", "lastSeq": 0},
    {"type": "read", "conversationID": "p:ann:bob", "conversationSeq": 1},
    {"type": "typing", "conversationID": "p:ann:bob"},
    {"type": "presence", "userIDs": ["bob"]},
    {"type": "ping"},
]


async def test_frames_before_auth_are_refused_and_have_no_effect(house: House, ann: Guest, bob: Guest) -> None:
    line = await house.open()
    for frame in BEFORE_AUTH:
        await line.write(frame | ({"to": bob.user_id} if frame["type"] == "private" else {}))
        refusal = await line.refused("unauthenticated")
        assert refusal["code"] == 40100
    await line.say("auth", token=ann.token)
    await line.hear("ready")
    await line.nothing()
    assert (await bob.offline())["total"] == 0


@pytest.mark.parametrize("text", ["", "hello", "{", "[]", "null", "7", '"auth"', "{}", '{"type":7}', '{"type":"nope"}'])
async def test_what_is_no_frame_is_refused_and_the_connection_stays_open(house: House, ann: Guest, text: str) -> None:
    line = await house.open()
    for authenticated in (False, True):
        await line.socket.send(text)
        refusal = await line.hear("error")
        assert refusal["error"] in {"malformed", "invalid_input", "unknown_type"}
        if not authenticated:
            await line.say("auth", token=ann.token)
            await line.hear("ready")
    await line.nothing()


async def test_a_second_auth_is_refused_and_changes_nothing(house: House, ann: Guest, bob: Guest) -> None:
    line = await ann.line()
    await line.say("auth", token=bob.token)
    await line.refused("invalid_input")
    await line.send(bob.user_id)
    assert (await bob.offline())["messages"][0]["senderID"] == ann.user_id


async def test_ready_says_who_and_where(house: House, ann: Guest, bob: Guest) -> None:
    receipts = await bob.send_many(ann, 3)
    before = int(time.time() * 1000)
    ready = (await ann.line()).ready
    assert ready["userID"] == ann.user_id
    assert ready["deviceID"] == "phone"
    assert ready["headSeq"] == len(receipts)
    assert ready["position"] == 0
    assert ready["epoch"] == (await ann.sync())["epoch"]
    assert ready["window"] == 500
    assert ready["maxContent"] == 5000
    assert abs(ready["serverTime"] - before) < 60_000


async def test_auth_may_name_the_device(house: House, ann: Guest) -> None:
    nameless = house.token(ann.user_id)
    for fields, device in (({}, "default"), ({"deviceID": "desk"}, "desk"), ({"device_id": 7}, "7")):
        line = await house.open()
        await line.say("auth", token=nameless, **fields)
        assert (await line.hear("ready"))["deviceID"] == device


@pytest.mark.parametrize("device", ["", "d" * 65, "a\nb", "a\0b"])
async def test_a_bad_device_id_is_refused_and_auth_may_be_tried_again(house: House, ann: Guest, device: str) -> None:
    line = await house.open()
    await line.say("auth", token=ann.token, deviceID=device)
    await line.refused("invalid_id")
    await line.say("auth", token=ann.token)
    await line.hear("ready")


async def test_a_user_exists_from_the_first_use_of_a_valid_token(house: House, ann: Guest) -> None:
    name, line = house.name("new"), await ann.line()
    await line.say("private", to=name, content="too early")
    await line.refused("unknown_receiver")
    stranger = Guest(house, name, house.token(name))
    await stranger.line()
    assert (await line.send(name))["seq"] == 1


async def test_frames_may_follow_auth_at_once(house: House, ann: Guest, bob: Guest) -> None:
    line = await house.open()
    await line.say("auth", token=ann.token)
    await line.say("private", to=bob.user_id, content="at once")
    await line.say("ping")
    await line.hear("ready")
    assert {(await line.hear())["type"], (await line.hear())["type"]} == {"sent", "pong"}
    assert (await bob.offline())["messages"][0]["content"] == "at once"


async def test_frames_behind_a_refused_auth_are_refused_too(house: House, ann: Guest, bob: Guest, cat: Guest) -> None:
    line = await house.open()
    await line.say("auth", token=ann.token, lastSeq=10)
    await line.say("private", to=cat.user_id, content="of ann")
    await line.refused("seq_ahead")
    await line.say("auth", token=bob.token)
    heard = [await line.hear(), await line.hear()]
    assert sorted(frame["type"] for frame in heard) == ["error", "ready"]
    await line.nothing()
    assert (await cat.offline())["total"] == 0


async def test_who_leaves_during_auth_is_gone(house: House, ann: Guest) -> None:
    line, names = await ann.line(), [house.name("brief") for _ in range(10)]
    for name in names:
        brief = await house.open()
        await brief.say("auth", token=house.token(name))
        await brief.cut()

    async def all_known() -> bool:
        answers = [await ann.post("/messages/user", {"to": name, "content": "hello"}) for name in names]
        return all(answer.status == 200 for answer in answers)

    await eventually(all_known)
    await line.send(ann.user_id)
    found = (await ann.get(f"/messages/online?user_ids={','.join(names)}")).data
    assert [name for name, state in found.items() if state["online"]] == []


async def test_logging_out_closes_the_sockets_of_the_device_with_4502(house: House) -> None:
    name = house.name("carl")
    password = {"userID": name, "password": "a long password"}
    anybody = Guest(house, name)
    phone = (await anybody.post("/auth/register", password | {"deviceID": "phone"})).data
    desk = (await anybody.post("/auth/login", password | {"deviceID": "desk"})).data
    lines = {one["deviceID"]: await Guest(house, name, one["token"]).line() for one in (phone, desk)}
    second = await Guest(house, name, phone["token"]).line(lastSeq=0)
    assert (await Guest(house, name, phone["token"]).post("/auth/logout")).status == 200
    assert await lines["phone"].closed() == 4502
    assert await second.closed() == 4502
    await lines["desk"].nothing()


async def test_logging_out_closes_sockets_that_named_another_device(house: House) -> None:
    name = house.name("dora")
    session = (await Guest(house, name).post("/auth/register", {"userID": name, "password": "a long password"})).data
    dora = Guest(house, name, session["token"])
    line = await dora.line(deviceID="browser")
    assert (await dora.post("/auth/logout")).status == 200
    assert await line.closed() == 4502


async def test_a_logged_out_token_is_told_and_closes_with_4502(house: House, ann: Guest) -> None:
    assert (await ann.post("/auth/logout")).status == 200
    line: Line = await house.open()
    await line.say("auth", token=ann.token)
    await line.refused("token_revoked")
    assert await line.closed() == 4502
