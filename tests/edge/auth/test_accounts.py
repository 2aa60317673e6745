from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.edge.people import Person, Town

PASSWORD = "correct horse battery"


async def register(town: Town, **fields: Any) -> Any:
    body = {"userID": town.name(), "password": PASSWORD} | fields
    return await town.holder(None).post("/auth/register", body)


async def login(town: Town, user_id: str, password: str = PASSWORD, **fields: Any) -> Any:
    return await town.holder(None).post("/auth/login", {"userID": user_id, "password": password, **fields})


def holder(town: Town, session: Any) -> Person:
    return town.holder(session["token"], session["userID"])


async def test_registering_makes_an_account_and_logs_in(town: Town) -> None:
    user = town.name()
    answer = await register(town, userID=user, displayName="Ann", deviceID="phone")
    assert answer.status == 201
    assert set(answer.data) == {"token", "refreshToken", "expireTime", "userID", "deviceID"}
    assert (answer.data["userID"], answer.data["deviceID"]) == (user, "phone")
    assert (await holder(town, answer.data).get("/devices")).data["devices"][0]["deviceID"] == "phone"


async def test_a_token_is_valid_for_an_hour(town: Town) -> None:
    left = (await register(town)).data["expireTime"] / 1000 - time.time()
    assert 3590 < left <= 3600


async def test_snake_case_and_numbers_are_taken(town: Town) -> None:
    answer = await town.holder(None).post("/auth/register", {"user_id": 77, "password": PASSWORD, "device_id": 5})
    assert (answer.data["userID"], answer.data["deviceID"]) == ("77", "5")


async def test_a_missing_device_id_is_made_each_time(town: Town) -> None:
    first = (await register(town)).data
    second = (await login(town, first["userID"])).data
    assert first["deviceID"] != second["deviceID"]


async def test_a_user_id_is_given_once(town: Town) -> None:
    user = (await register(town)).data["userID"]
    assert (await register(town, userID=user, password="another password")).refusal == (409, "user_exists")
    assert (await login(town, user)).status == 200


async def test_a_user_of_the_host_application_is_not_taken_over(town: Town, alice: Person) -> None:
    assert (await register(town, userID=alice.user_id)).refusal == (409, "user_exists")
    assert (await login(town, alice.user_id, "")).refusal == (401, "bad_credentials")


async def test_two_registrations_at_once_make_one_account(town: Town) -> None:
    user = town.name()
    answers = await asyncio.gather(*(register(town, userID=user, password=f"password {n}") for n in range(4)))
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]


@pytest.mark.parametrize(
    ("fields", "error", "named"),
    [
        ({"userID": ""}, "invalid_id", "userID"),
        ({"userID": "a b"}, "invalid_id", "userID"),
        ({"userID": "x" * 51}, "invalid_id", "userID"),
        ({"userID": None}, "invalid_input", "userID"),
        ({"password": "short"}, "invalid_input", "password"),
        ({"password": "x" * 201}, "invalid_input", "password"),
        ({"password": 12345678}, "invalid_input", "password"),
        ({"displayName": "x" * 101}, "invalid_input", "displayName"),
        ({"displayName": ""}, "invalid_input", "displayName"),
        ({"deviceID": ""}, "invalid_id", "deviceID"),
        ({"deviceID": "x" * 65}, "invalid_id", "deviceID"),
    ],
)
async def test_a_bad_registration_is_refused_and_its_field_named(
    town: Town, fields: Any, error: str, named: str
) -> None:
    answer = await register(town, **fields)
    assert answer.refusal == (400, error)
    assert named in answer.body["message"]


@pytest.mark.parametrize("length", [8, 200])
async def test_passwords_have_8_to_200_characters(town: Town, length: int) -> None:
    user = (await register(town, password="ü" * length)).data["userID"]
    assert (await login(town, user, "ü" * length)).status == 200


async def test_registration_may_be_closed(settle: Any) -> None:
    town = await settle(auth={"open_registration": False})
    assert (await register(town)).refusal == (403, "forbidden")


async def test_a_password_is_not_stored(settle: Any, tmp_path: Any) -> None:
    town = await settle()
    await register(town, password=PASSWORD)
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir() if "roost.db" in path.name)
    assert b"argon2id" in stored
    assert PASSWORD.encode() not in stored


async def test_a_refresh_token_is_not_stored(settle: Any, tmp_path: Any) -> None:
    town = await settle()
    session = (await register(town)).data
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir() if "roost.db" in path.name)
    assert session["refreshToken"].encode() not in stored


async def test_logging_in_gives_a_session_on_the_device(town: Town) -> None:
    user = (await register(town)).data["userID"]
    session = (await login(town, user, deviceID="laptop")).data
    assert session["deviceID"] == "laptop"
    assert (await holder(town, session).get("/devices")).status == 200


@pytest.mark.parametrize("password", ["wrong password", "", PASSWORD + " ", "x" * 10_000])
async def test_a_wrong_password_is_refused(town: Town, password: str) -> None:
    user = (await register(town)).data["userID"]
    assert (await login(town, user, password)).refusal == (401, "bad_credentials")


async def test_an_unknown_user_is_told_nothing_more(town: Town) -> None:
    user = (await register(town)).data["userID"]
    wrong, unknown = await login(town, user, "wrong password"), await login(town, "nobody", "wrong password")
    assert (wrong.refusal, wrong.body["message"]) == (unknown.refusal, unknown.body["message"])


async def test_an_unknown_user_takes_as_long_as_a_wrong_password(town: Town) -> None:
    user = (await register(town)).data["userID"]

    async def seconds(name: str) -> float:
        times = []
        for _ in range(5):
            started = time.perf_counter()
            await login(town, name, "wrong password")
            times.append(time.perf_counter() - started)
        return min(times)

    known, unknown = await seconds(user), await seconds("nobody")
    assert unknown > known / 3


async def test_attempts_are_limited_for_each_user(settle: Any) -> None:
    town = await settle(limits={"login_attempts_per_minute": 3})
    user = (await register(town)).data["userID"]
    answers = [await login(town, user, "wrong password") for _ in range(4)]
    assert [answer.status for answer in answers] == [401, 401, 401, 429]
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert (await login(town, user)).refusal == (429, "rate_limited")


async def test_attempts_are_limited_for_each_address(settle: Any) -> None:
    town = await settle(limits={"login_attempts_per_minute": 3})
    answers = [await login(town, f"nobody{number}") for number in range(4)]
    assert [answer.status for answer in answers] == [401, 401, 401, 429]


async def test_a_refresh_token_gives_the_next_session(town: Town) -> None:
    first = (await register(town, deviceID="phone")).data
    second = (await town.holder(None).post("/auth/refresh", {"refreshToken": first["refreshToken"]})).data
    assert (second["userID"], second["deviceID"]) == (first["userID"], "phone")
    assert second["refreshToken"] != first["refreshToken"]
    assert (await holder(town, second).get("/devices")).status == 200


async def test_a_refresh_token_is_good_once(town: Town) -> None:
    session = (await register(town)).data
    body = {"refresh_token": session["refreshToken"]}
    answers = await asyncio.gather(*(town.holder(None).post("/auth/refresh", body) for _ in range(3)))
    assert sorted(answer.status for answer in answers) == [200, 401, 401]
    assert (await town.holder(None).post("/auth/refresh", body)).refusal == (401, "invalid_token")


@pytest.mark.parametrize("token", ["", "unknown", "x" * 10_000])
async def test_an_unknown_refresh_token_is_refused(town: Town, token: str) -> None:
    assert (await town.holder(None).post("/auth/refresh", {"refreshToken": token})).refusal == (401, "invalid_token")


async def test_a_refresh_token_expires(settle: Any) -> None:
    town = await settle(auth={"refresh_ttl": 1})
    session = (await register(town)).data
    town.roads.accounts._clock = lambda: int(time.time() * 1000) + 1001
    answer = await town.holder(None).post("/auth/refresh", {"refreshToken": session["refreshToken"]})
    assert answer.refusal == (401, "token_expired")


async def test_an_access_token_is_no_refresh_token(town: Town) -> None:
    session = (await register(town)).data
    answer = await town.holder(None).post("/auth/refresh", {"refreshToken": session["token"]})
    assert answer.refusal == (401, "invalid_token")


async def test_logging_in_on_a_device_again_ends_its_session_before(town: Town) -> None:
    first = (await register(town, deviceID="phone")).data
    await login(town, first["userID"], deviceID="phone")
    answer = await town.holder(None).post("/auth/refresh", {"refreshToken": first["refreshToken"]})
    assert answer.refusal == (401, "invalid_token")


async def test_logging_out_ends_the_session(town: Town) -> None:
    session = (await register(town)).data
    device = holder(town, session)
    assert (await device.post("/auth/logout")).data is None
    assert (await device.get("/devices")).refusal == (401, "token_revoked")
    answer = await town.holder(None).post("/auth/refresh", {"refreshToken": session["refreshToken"]})
    assert answer.refusal == (401, "invalid_token")


async def test_logging_out_ends_all_tokens_of_the_session(settle: Any) -> None:
    """Those from before a refresh, and those after it, whichever of them it is done with; after a restart, too."""
    town = await settle()
    for used in (0, 1, 2):
        sessions = [(await register(town)).data]
        for _ in range(2):
            body = {"refreshToken": sessions[-1]["refreshToken"]}
            sessions.append((await town.holder(None).post("/auth/refresh", body)).data)
        assert (await holder(town, sessions[used]).post("/auth/logout")).status == 200
        town.roads.tokens._revoked = None
        for session in sessions:
            assert (await holder(town, session).get("/devices")).refusal == (401, "token_revoked")
        assert (await login(town, sessions[0]["userID"], deviceID=sessions[0]["deviceID"])).status == 200


async def test_logging_out_with_an_old_token_lasts_as_long_as_the_newest_could(settle: Any) -> None:
    town = await settle()
    old = (await register(town)).data
    later = int(time.time() * 1000) + 100_000
    town.roads.accounts._clock = lambda: later
    await holder(town, old).post("/auth/logout")
    assert list((await town.roads.tokens._load_revoked()).values()) == [later + 3_600_000]


async def test_logging_out_leaves_other_devices_alone(town: Town) -> None:
    phone = (await register(town)).data
    laptop = (await login(town, phone["userID"])).data
    await holder(town, phone).post("/auth/logout")
    assert (await holder(town, laptop).get("/devices")).status == 200
    answer = await town.holder(None).post("/auth/refresh", {"refreshToken": laptop["refreshToken"]})
    assert answer.status == 200


async def test_logging_out_closes_the_sockets_of_the_device(settle: Any) -> None:
    town = await settle()
    closed: list[tuple[int, int]] = []
    town.roads.accounts.closed = lambda author, _: closed.append((author.uid, author.did))
    session = (await register(town)).data
    await holder(town, session).post("/auth/logout")
    assert closed == [tuple(await town.roads.users.identify(session["userID"], session["deviceID"]))]


async def test_logging_out_needs_a_token(town: Town) -> None:
    assert (await town.holder(None).post("/auth/logout")).refusal == (401, "unauthenticated")


async def test_hashing_does_not_hold_up_others(settle: Any) -> None:
    town = await settle(limits={"login_attempts_per_minute": 0})
    alice = await town.person()
    user = (await register(town)).data["userID"]
    logins = [asyncio.ensure_future(login(town, user)) for _ in range(20)]
    await asyncio.sleep(0)
    await alice.get("/devices")
    assert not all(task.done() for task in logins)
    await asyncio.gather(*logins)
