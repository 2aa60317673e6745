"""Any operation over the connection that is there: what it gives, what it raises, and what becomes of it when cut."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from roost.client import Client, ClientClosed, NetworkError, OwnProfile, State, StateChanged
from roost.client.blocking import BlockingClient
from roost.errors import InvalidID, NotFound, OverHTTPOnly, TokenExpired, TooLarge, UnknownReceiver
from roost.protocol.codec import encode_json
from roost.protocol.frames import Ready
from tests.client.conftest import Open
from tests.client.people import Cast, until


async def test_an_answer_is_plain_or_of_a_kind(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann")
    group = await ann.request("POST", "/groups", body={"name": "Tea", "members": []})
    assert (group["name"], group["memberCount"]) == ("Tea", 1)
    await ann.send(group["conversationID"], "tea & cake?")
    await ann.flush(10)
    asked = {"q": "& tea?", "limit": 5}
    async with asyncio.timeout(10):
        while not (hits := (await ann.request("GET", "/messages/search", query=asked))["hits"]):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert [hit["message"]["content"] for hit in hits] == ["tea & cake?"]
    changed = await ann.request("PATCH", "/users/me", body={"status": "at tea"}, kind=OwnProfile)
    assert (type(changed), changed.status) == (OwnProfile, "at tea")
    assert set(await ann.request("GET", "/stickers")) == {"version", "packs"}  # as docs/sdk-python.md has it


async def test_many_are_asked_at_once_and_each_gets_its_own_answer(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann")
    names = [f"tea {number}" for number in range(50)]
    made = await asyncio.gather(*(ann.request("POST", "/groups", body={"name": name}) for name in names))
    assert [group["name"] for group in made] == names


async def test_a_refusal_is_the_usual_error(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann")
    with pytest.raises(UnknownReceiver) as caught:
        await ann.request("PUT", "/blocks/nobody.at.all")
    assert (caught.value.slug, caught.value.request_id) == ("unknown_receiver", "1")
    with pytest.raises(NotFound):
        await ann.request("GET", "/nothing")
    with pytest.raises(OverHTTPOnly):
        await ann.request("POST", "/uploads", body={})
    with pytest.raises(TooLarge):
        await ann.request("PATCH", "/users/me", body={"status": "x" * 70_000})
    assert ann.state is State.CONNECTED


async def test_a_frame_of_a_wrong_form_is_the_error_of_who_asked(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann")
    ann._following.requests._numbers = iter(["no id"])  # type: ignore[assignment]
    with pytest.raises(InvalidID):
        await ann.request("GET", "/drafts")


async def test_without_a_connection_it_says_so_at_once(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann", connect=False)
    with pytest.raises(NetworkError, match="there is no connection"):
        await ann.request("GET", "/drafts")
    await ann.close()
    with pytest.raises(ClientClosed):
        await ann.request("GET", "/drafts")


async def test_a_server_that_does_not_answer_and_one_that_goes(client: Open, cast: Cast) -> None:
    """A server that takes every request and says nothing."""
    ready = Ready(
        user_id="ann", device_id="d", epoch="e", position=0, head_seq=0, window=500, max_content=5000, max_frame=65536,
        server_time=0,
    )  # fmt: skip
    lines: list[ServerConnection] = []

    async def silent(line: ServerConnection) -> None:
        await line.recv()
        lines.append(line)
        await line.send(encode_json(ready).decode())
        await line.wait_closed()

    async with serve(silent, "127.0.0.1", 0, subprotocols=[Subprotocol("roost.v1.json")]) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        ann = Client(f"http://127.0.0.1:{port}", token="no token", store=":memory:", patience=0.05)
        async with ann:
            await ann.connected(10)
            with pytest.raises(NetworkError, match=r"GET /drafts: no answer in 0\.05 s"):
                await ann.request("GET", "/drafts", timeout=0.05)
            asked = asyncio.gather(
                *(ann.request("GET", path) for path in ("/drafts", "/blocks")), return_exceptions=True
            )
            await until(lambda: len(ann._following.requests._waiting) == 2)
            await lines[0].close()
            for error in await asked:
                assert isinstance(error, NetworkError)
                assert "lost before the answer" in str(error)
            assert ann._following.requests._waiting == {}


async def test_a_token_that_has_expired_is_replaced_by_a_new_connection(client: Open, cast: Cast) -> None:
    lives = [2, 600]

    async def give() -> str:
        return cast.token("ann", "phone", lifetime=lives.pop(0))

    ann = await client(cast, "ann", token=give)
    states: list[State] = []
    ann.on(StateChanged)(lambda event: states.append(event.state))
    while lives:
        assert await ann.request("GET", "/drafts") == {"drafts": []}
        await asyncio.sleep(0.1)
    await ann.connected(10)
    assert State.DISCONNECTED in states


async def test_a_token_that_can_t_be_replaced_is_refused(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann", token=cast.token("ann", "phone", lifetime=2))

    async def ask_on() -> None:
        while True:
            await ann.request("GET", "/drafts")
            await asyncio.sleep(0.1)

    with pytest.raises(TokenExpired):
        await asyncio.wait_for(ask_on(), 20)


def test_a_script_asks_so_too(cast: Cast) -> None:
    with BlockingClient(cast.server.url, token=cast.token("ann"), store=":memory:") as ann:
        ann.connected(10)
        assert ann.request("GET", "/blocks") == {"blocks": []}
