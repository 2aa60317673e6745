"""Operations asked for in `request` frames: what HTTP answers, with the connection's token, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from prometheus_client import REGISTRY
from websockets.exceptions import ConnectionClosed

from roost.edge.auth.tokens import sign
from tests.edge.people import Person, Town
from tests.edge.sockets import PATIENCE, Socket, socket

Settle = Callable[..., Awaitable[Town]]


@pytest.fixture
async def line(town: Town, alice: Person) -> AsyncIterator[Socket]:
    """Alice's connection."""
    async with socket(town, alice.token) as line:
        yield line


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/conversations", None),
        ("GET", "/messages/search?q=no%20such&limit=3", None),
        ("GET", f"/messages/search?q={'茶' * 100} x&q=y", None),
        ("GET", "/messages/search?limit=x", None),
        ("GET", "/users/me/", None),
        ("GET", "/stickers", None),
        ("GET", "/users?user_ids=nobody", None),
        ("GET", "/groups/nothing", None),
        ("GET", "/nothing", None),
        ("PATCH", "/groups", None),
        ("DELETE", "/groups", None),
        ("POST", "/groups", {"members": "x"}),
        ("POST", "/messages/user", {"receiver_id": "nobody", "content": "hi"}),
        ("POST", "/messages/user", {}),
        ("PUT", "/conversations/g%3Anothing/draft", {"content": ""}),
        ("PUT", "/messages/1/reactions/👍", None),
    ],
)
async def test_a_response_is_what_http_answers(
    line: Socket, alice: Person, method: str, path: str, body: dict[str, Any] | None
) -> None:
    over_http = await alice.ask(method, path, body, headers={"X-Request-ID": "r1"})
    answer = await line.ask(method, path, body)
    assert (answer.status, answer.body) == (over_http.status, over_http.body)


async def test_what_is_done_is_done(line: Socket, alice: Person, bob: Person) -> None:
    sent = (await line.ask("POST", "/messages/user", {"to": bob.user_id, "content": "hello"})).data
    changed = (await line.ask("PATCH", f"/messages/{sent['serverMsgID']}", {"content": "hallo"})).data
    assert changed["content"] == "hallo"
    assert [one["content"] for one in (await bob.sync())["messages"]] == ["hallo"]
    assert (await line.ask("GET", f"/messages/user/{bob.user_id}")).data == (
        await alice.get(f"/messages/user/{bob.user_id}")
    ).data


async def test_a_message_that_is_sent_so_comes_to_who_follows_as_well(town: Town, alice: Person, bob: Person) -> None:
    body = {"to": bob.user_id, "content": "hello"}
    async with socket(town) as line:
        await line.say("auth", token=alice.token, lastSeq=0)
        await line.hear("ready")
        await line.say("request", requestID="1", method="POST", path="/api/v1/messages/user", body=body)
        assert {(await line.hear("response", "message"))["type"] for _ in range(2)} == {"response", "message"}


async def test_the_message_routes_answer_at_all_their_paths(line: Socket) -> None:
    for prefix in ("/api/v1", "/api", ""):
        await line.say("request", requestID=7, method="GET", path=f"{prefix}/messages/unread_count")
        heard = await line.hear("response", "error")
        assert (heard["requestID"], heard["status"]) == ("7", 200)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/attachments"),
        ("GET", "/api/v1/attachments/00000000000000000000000000000000"),
        ("POST", "/api/v1/uploads"),
        ("GET", "/api/v1/admin/keys"),
        ("OPTIONS", "/api/v1/groups"),
        ("GET", "/metrics"),
        ("GET", "/"),
    ],
)
async def test_files_back_ends_and_pages_stay_with_http(line: Socket, method: str, path: str) -> None:
    await line.say("request", requestID="1", method=method, path=path)
    answer = await line.hear("response")
    assert (answer["status"], answer["body"]["error"]) == (421, "over_http_only")
    assert "HTTP" in answer["body"]["message"]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"requestID": "7", "method": "GET"}, "invalid_input"),
        ({"requestID": "7", "method": "GET", "path": "/", "body": []}, "invalid_input"),
        ({"requestID": "7 ", "method": "GET", "path": "/"}, "invalid_id"),
        ({"requestID": "7" * 65, "method": "GET", "path": "/"}, "invalid_id"),
    ],
)
async def test_a_frame_of_a_wrong_form_is_an_error_that_names_it(
    line: Socket, fields: dict[str, Any], error: str
) -> None:
    await line.say("request", **fields)
    heard = await line.hear("error", "response")
    assert (heard["type"], heard["error"], heard["requestID"]) == ("error", error, fields["requestID"])


@pytest.mark.parametrize("path", ["api/v1/drafts", "", "http://x/api/v1/drafts", "/" + "a" * 2048])
async def test_a_path_begins_with_a_slash_and_has_a_length(line: Socket, path: str) -> None:
    await line.say("request", requestID="7", method="GET", path=path)
    answer = await line.hear("response")
    assert (answer["status"], answer["body"]["error"]) == (400, "invalid_input")


async def test_a_long_query_is_taken(line: Socket) -> None:
    many = ",".join("u" * 47 + str(number) for number in range(100, 600))
    assert len((await line.ask("GET", f"/messages/online?userIDs={many}")).data) == 500


async def test_a_body_has_the_bound_of_http_and_limits_are_shared(settle: Settle) -> None:
    town = await settle(limits={"max_body": 2048}, search={"per_minute": 1})
    alice = await town.person()
    async with socket(town, alice.token) as line:
        for size, status in ((2000, 200), (2048, 413)):
            assert (await line.ask("PATCH", "/users/me", {"status": "", "x": "x" * size})).status == status
        assert (await line.ask("GET", "/messages/search?q=a")).status == 200
        refused = await line.ask("GET", "/messages/search?q=a")
        assert refused.refusal == (429, "rate_limited")
        assert refused.body["data"]["retryAfter"] > 0
        assert (await alice.get("/messages/search?q=a")).refusal == (429, "rate_limited")


async def test_before_ready_it_is_refused_or_waits(town: Town, alice: Person) -> None:
    asked = {"requestID": "7", "method": "GET", "path": "/api/v1/drafts"}
    async with socket(town) as line:
        await line.say("request", **asked)
        heard = await line.hear("error", "response")
        assert (heard["error"], heard["requestID"]) == ("unauthenticated", "7")
        await line.say("auth", token=alice.token)
        await line.say("request", **asked)
        assert (await line.hear("ready", "response"))["type"] == "ready"
        assert (await line.hear("response"))["status"] == 200


async def test_an_expired_token_does_no_more_than_over_http(town: Town) -> None:
    alice = await town.person()
    short = town.holder(sign(town.secret, alice.user_id, None, 2).token, alice.user_id)
    async with socket(town, short.token) as line:
        assert (await line.ask("GET", "/drafts")).status == 200
        async with asyncio.timeout(PATIENCE):
            while (over_http := await short.get("/drafts")).status == 200:  # noqa: ASYNC110
                await asyncio.sleep(0.1)  # its time has to come
        assert over_http.refusal == (401, "token_expired")
        assert (await line.ask("GET", "/drafts")).refusal == (401, "token_expired")
        assert (await line.ask("GET", "/drafts")).refusal == (401, "token_expired")


async def test_a_revoked_token_does_no_more_than_over_http(settle: Settle) -> None:
    """Before its connection is closed, too: another node may have revoked it."""
    town = await settle()
    alice = await town.person()
    async with socket(town, alice.token) as line:
        await town.roads.tokens.revoke(await town.roads.tokens.verify(alice.token))
        assert (await line.ask("GET", "/drafts")).refusal == (401, "token_revoked")


async def test_a_logout_is_answered_and_ends_the_connection(town: Town, alice: Person) -> None:
    async with socket(town, alice.token) as line, socket(town, alice.token) as other:
        for _ in range(3):
            await line.say("request", requestID="7", method="POST", path="/api/v1/auth/logout")
        assert (await line.hear("response"))["status"] == 200
        for closing in (line, other):
            with pytest.raises(ConnectionClosed) as caught:
                await closing.hear("response", "error")
            assert caught.value.rcvd is not None
            assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4502, "logged out")
    assert (await alice.get("/drafts")).refusal == (401, "token_revoked")


async def test_nothing_is_done_behind_a_logout(town: Town, alice: Person, bob: Person) -> None:
    sent = await alice.send(bob)
    async with socket(town, alice.token) as line:
        await line.say("request", requestID="7", method="POST", path="/api/v1/auth/logout")
        await line.say("recall", serverMsgID=sent["serverMsgID"])
        assert (await line.hear("response"))["status"] == 200
        with pytest.raises(ConnectionClosed):
            await line.hear("message")
    await bob.send_many(alice, 3)  # time enough for it to be done
    assert (await bob.sync())["messages"][0]["content"] == "hello"


async def test_they_are_answered_one_after_the_other(settle: Settle) -> None:
    """And no more of them wait than fit: the rest is not read, and other connections notice nothing."""
    town = await settle()
    alice, bob = await town.person(), await town.person()
    search, go_on = town.roads.searching.search, asyncio.Event()
    under_way: list[int] = []

    async def slowly(*arguments: Any) -> Any:
        under_way.append(1)
        assert len(under_way) == 1
        await go_on.wait()
        under_way.pop()
        return await search(*arguments)

    town.roads.searching.search = slowly
    path = f"/api/v1/messages/search?q=a&x={'x' * 8000}"
    async with socket(town, alice.token) as line, socket(town, bob.token) as his:
        saying = asyncio.create_task(say_many(line, path))
        assert (await his.ask("GET", "/drafts")).status == 200
        (reader,) = town.roads.hub.readers((await town.roads.users.identify(alice.user_id, "default")).uid)
        async with asyncio.timeout(PATIENCE):
            while not reader.sink._paused:  # noqa: ASYNC110 - frames come when they come
                await asyncio.sleep(0.01)
        assert 31 <= len(reader.sink._asked) < 60
        go_on.set()
        for number in range(100):
            assert (await line.hear("response"))["requestID"] == str(number)
        await saying


async def say_many(line: Socket, path: str) -> None:
    for number in range(100):
        await line.say("request", requestID=str(number), method="GET", path=path)


async def test_a_fault_is_an_internal_error_and_the_next_is_answered(settle: Settle) -> None:
    town = await settle()
    alice = await town.person()

    async def breaks(*_: Any) -> Any:
        raise ZeroDivisionError

    town.roads.drafts.listed = breaks
    async with socket(town, alice.token) as line:
        assert (await line.ask("GET", "/drafts")).refusal == (500, "internal")
        assert (await line.ask("GET", "/blocks")).status == 200


async def test_they_are_counted_as_http_is(line: Socket) -> None:
    def counted(route: str, status: str) -> float:
        return REGISTRY.get_sample_value("roost_http_requests_total", {"route": route, "status": status}) or 0

    before = counted("/blocks/{user_id}", "404"), counted("none", "404")
    await line.ask("PUT", "/blocks/nobody-at-all")
    await line.ask("PUT", "/nothing")
    assert (counted("/blocks/{user_id}", "404"), counted("none", "404")) == (before[0] + 1, before[1] + 1)
