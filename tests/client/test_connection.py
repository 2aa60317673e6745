"""The connection against a real server: states, tokens, close codes, gaps."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from roost.client import (
    Client,
    ConnectionRefused,
    NetworkError,
    Password,
    PresenceChanged,
    State,
    StateChanged,
    StoreBelongsToAnother,
    StoreInUse,
    SyncProgress,
    Typing,
)
from roost.client.frames import LiveMessage
from roost.errors import BadCredentials, InvalidToken, TokenExpired
from roost.protocol.codec import encode_json
from roost.protocol.frames import Ready
from roost.testing import LocalServer
from tests.client.conftest import Open
from tests.client.people import Cast, received, stored, take, until

LIMITS = {"window": 500, "max_content": 5000, "max_frame": 65536, "server_time": 0}


async def test_the_states_of_a_first_connect(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann", connect=False)
    assert ann.state is State.DISCONNECTED
    seen: list[StateChanged] = []
    ann.on(StateChanged)(seen.append)
    await ann.connect()
    await ann.connected(10)
    await ann.disconnect()
    await until(lambda: len(seen) == 4)
    assert [event.state for event in seen] == [
        State.CONNECTING,
        State.SYNCING,
        State.CONNECTED,
        State.DISCONNECTED,
    ]
    assert seen[-1].retry_in is None
    assert all(event.reason for event in seen)


async def test_a_short_gap_comes_by_the_socket_with_progress(client: Open, cast: Cast) -> None:
    await cast.make("ann")
    sent = await cast.send_many("bob", "ann", 1500)
    ann = await client(cast, "ann", connect=False)
    progress: list[SyncProgress] = []
    ann.on(SyncProgress)(progress.append)
    await ann.connect()
    await ann.connected(20)
    await until(lambda: progress and progress[-1].done == 1500)
    assert ann.sync.runs == 0
    assert progress[-1].total == 1500
    assert await stored(ann, cast.conversation("ann", "bob")) == sent


async def test_a_long_gap_comes_by_pages_and_the_socket_goes_on_from_there(client: Open, cast: Cast) -> None:
    await cast.make("ann")
    sent = await cast.send_many("bob", "ann", 6000)
    ann = await client(cast, "ann")
    assert ann.sync.runs == 1
    sent += await cast.send_many("bob", "ann", 700, first=6000)
    await until(lambda: ann._following.intake.position == 6700)
    assert ann.sync.runs == 1
    assert await stored(ann, cast.conversation("ann", "bob")) == sent


async def test_the_server_knows_what_is_stored(client: Open, cast: Cast) -> None:
    await cast.make("ann")
    await cast.send_many("bob", "ann", 50)
    await client(cast, "ann", token=cast.token("ann", "phone"))
    await _stands_at(cast, "phone", 50)


async def test_the_server_knows_what_was_pulled_without_a_connection(client: Open, cast: Cast) -> None:
    await cast.make("ann")
    await cast.send_many("bob", "ann", 50)
    ann = await client(cast, "ann", token=cast.token("ann", "phone"), connect=False)
    await ann.sync.start_sync()
    await _stands_at(cast, "phone", 50)
    assert ann.state is State.DISCONNECTED


async def _stands_at(cast: Cast, device: str, seq: int) -> None:
    async with asyncio.timeout(10):
        while True:
            devices = (await cast.call("ann", "GET", "/devices"))["devices"]
            if {one["deviceID"]: one["position"] for one in devices}.get(device) == seq:
                return
            await asyncio.sleep(0.02)


async def test_a_gap_is_filled_before_anything_behind_it_is_stored(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann")
    await ann.disconnect()
    sent = await cast.send_many("bob", "ann", 10)
    last = (await cast.call("ann", "GET", f"/messages/user/{cast['bob']}?limit=1"))["messages"][0]
    following = ann._following
    following.receive(LiveMessage(**_as_struct(last) | {"seq": 10}))  # 1-9 never came
    assert following.intake.reach == 0
    await until(lambda: following.intake.position == 10)
    assert await received(ann, 10) == sent


def _as_struct(message: dict[str, object]) -> dict[str, object]:
    names = {name: name for name in LiveMessage.__struct_fields__}
    wire = dict(zip(LiveMessage.__struct_encode_fields__, names, strict=True))
    return {wire[key]: value for key, value in message.items()}


async def test_a_frame_that_comes_twice_is_taken_once(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann")
    sent = await cast.send_many("bob", "ann", 2)
    await until(lambda: ann._following.intake.position == 2)
    last = (await cast.call("ann", "GET", f"/messages/user/{cast['bob']}?limit=1"))["messages"][0]
    ann._following.receive(LiveMessage(**_as_struct(last) | {"seq": 2}))
    await ann._following.intake.drained()
    assert await received(ann, 2) == sent


async def test_a_restart_of_the_server_is_survived(client: Open, own_server: LocalServer) -> None:
    cast = Cast(own_server)
    ann = await client(cast, "ann")
    seen: list[StateChanged] = []
    ann.on(StateChanged)(seen.append)
    own_server.stop()
    await until(lambda: seen)
    assert seen[0].reason.startswith("restart; retry after ")  # close code 4000
    own_server.start()
    await ann.connected(20)


async def test_a_server_that_is_stopped_sends_on_to_the_next_without_an_error(tmp_path: Path, cast: Cast) -> None:
    """It is told when to come back, and keeps to it; what is sent meanwhile waits."""
    connected: list[float] = []
    heard: list[str] = []

    async def serve_one(socket: ServerConnection) -> None:
        connected.append(time.monotonic())
        await socket.recv()
        ready = Ready(user_id=cast["ann"], device_id="phone", head_seq=0, epoch="e", position=0, **LIMITS)
        await socket.send(encode_json(ready).decode())
        if len(connected) == 1:
            await socket.close(4000, "restart; retry after 0.4 s")
            return
        heard.append(str(await socket.recv()))
        await socket.wait_closed()

    seen: list[StateChanged] = []
    async with serve(serve_one, "127.0.0.1", 0, subprotocols=[Subprotocol("roost.v1.json")]) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        client = Client(url, token=cast.token("ann"), store=tmp_path / "ann.db")
        await client.open()
        client.on(StateChanged)(seen.append)
        await client.connect()
        await until(lambda: any(event.retry_in is not None for event in seen))
        await client.send("bob", "said meanwhile")
        await until(lambda: heard)
        await client.close()
    assert connected[1] - connected[0] >= 0.4
    assert [event.state for event in seen][:6] == [
        State.CONNECTING,
        State.SYNCING,
        State.CONNECTED,
        State.CONNECTING,
        State.SYNCING,
        State.CONNECTED,
    ]
    assert seen[3].retry_in == 0.4
    assert all(event.error is None for event in seen)
    assert "said meanwhile" in heard[0]


async def test_a_server_that_sends_on_for_ever_is_not_asked_all_the_time(tmp_path: Path, cast: Cast) -> None:
    connected: list[ServerConnection] = []

    async def send_on(socket: ServerConnection) -> None:
        connected.append(socket)
        await socket.close(4000, "restart; retry after 0 s")

    async with serve(send_on, "127.0.0.1", 0, subprotocols=[Subprotocol("roost.v1.json")]) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        client = Client(url, token=cast.token("ann"), store=tmp_path / "ann.db")
        await client.connect()
        await asyncio.sleep(1)
        await client.close()
    assert 1 < len(connected) < 20


async def test_a_token_that_expired_is_replaced(client: Open, cast: Cast) -> None:
    asked: list[str] = []

    async def token() -> str:
        asked.append(cast.token("ann", lifetime=86400 if asked else -60))
        return asked[-1]

    ann = await client(cast, "ann", token=token, connect=False)
    await ann.connect()
    await ann.connected(10)
    assert len(asked) == 2
    assert await ann.online([cast["ann"]])


async def test_a_token_that_is_refused_for_good_ends_the_connection(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann", token=cast.token("ann", lifetime=-60), connect=False)
    await ann.connect()
    with pytest.raises(TokenExpired):
        await ann.connected(10)
    assert ann.state is State.DISCONNECTED
    with pytest.raises(TokenExpired):
        await ann.refresh()
    assert await ann.unread() == {}  # the store works as before


async def test_a_source_that_gives_bad_tokens_is_not_asked_for_ever(client: Open, cast: Cast) -> None:
    asked: list[str] = []

    async def token() -> str:
        asked.append("no token at all")
        return asked[-1]

    ann = await client(cast, "ann", token=token, connect=False)
    await ann.connect()
    with pytest.raises(InvalidToken):
        await ann.connected(10)
    assert len(asked) == 2


async def test_a_source_that_fails_is_asked_again(client: Open, cast: Cast) -> None:
    asked: list[int] = []

    async def token() -> str:
        asked.append(1)
        if len(asked) < 4:
            raise OSError("the application's own server is away")
        return cast.token("ann")

    ann = await client(cast, "ann", token=token, connect=False)
    await ann.connect()
    await ann.connected(10)


async def test_logging_out_ends_the_connection_for_good(client: Open, cast: Cast) -> None:
    """Close code 4502."""
    password = Password(cast.server.url, cast["ann"], "correct horse")
    await password.register()
    ann = await client(cast, "ann", token=password)
    token = await ann._tokens.get()
    await ann._following.http.call("POST", "/auth/logout", type(None))
    await until(lambda: ann.state is State.DISCONNECTED)
    with pytest.raises(ConnectionRefused) as refused:
        await ann.connected(10)
    assert refused.value.data["closeCode"] == 4502
    assert token


async def test_a_password_gives_tokens_again_and_again(cast: Cast) -> None:
    password = Password(cast.server.url, cast["ann"], "correct horse")
    first = await password.register("Ann")
    assert first != await password() != await password()
    with pytest.raises(BadCredentials):
        await Password(cast.server.url, cast["ann"], "wrong horse")()
    with pytest.raises(NetworkError):
        await Password("http://127.0.0.1:9", "ann", "correct horse")()


async def test_two_clients_on_one_store(client: Open, cast: Cast) -> None:
    await client(cast, "ann")
    with pytest.raises(StoreInUse):
        await client(cast, "ann")


async def test_the_token_of_another_user_is_refused(client: Open, cast: Cast, tmp_path: Path) -> None:
    ann = await client(cast, "ann")
    await ann.close()
    other = Client(cast.server.url, token=cast.token("bob"), store=tmp_path / "ann.db")
    await other.connect()
    with pytest.raises(StoreBelongsToAnother):
        await other.connected(10)
    await other.close()


async def test_an_unreachable_server_leaves_the_store_usable(tmp_path: Path, cast: Cast) -> None:
    async with Client("http://127.0.0.1:9", token=cast.token("ann"), store=tmp_path / "a.db", patience=0.01) as ann:
        with pytest.raises(TimeoutError):
            await ann.connected(0.2)
        await ann.send("bob", "later")
        assert [one.content for one in await ann.history("bob")] == ["later"]
        await ann.close()


async def test_presence_and_typing(client: Open, cast: Cast) -> None:
    ann, bob = await client(cast, "ann"), await client(cast, "bob")
    await ann.send(cast["bob"], "hi")
    await ann.flush(10)
    await ann.watch([cast["bob"], cast["cat"]])
    first = await take(ann.events(PresenceChanged), 2)
    assert {event.user_id: event.online for event in first} == {cast["bob"]: True, cast["cat"]: False}
    waiting = asyncio.ensure_future(take(ann.events(Typing, PresenceChanged), 2))
    await asyncio.sleep(0.01)
    await bob.typing(cast["ann"])
    await asyncio.sleep(0.05)
    await bob.disconnect()
    typing, left = await waiting
    assert (typing.user_id, typing.conversation_id) == (cast["bob"], cast.conversation("ann", "bob"))
    assert (left.user_id, left.online) == (cast["bob"], False)
    found = await ann.online([cast["ann"], cast["bob"]])
    assert [found[cast[name]].online for name in ("ann", "bob")] == [True, False]


async def test_history_from_before_this_device_is_fetched_and_kept(client: Open, cast: Cast) -> None:
    await cast.make("ann", "bob", "cat")
    group = await cast.call("bob", "POST", "/groups", {"members": [cast["cat"]]})
    for n in range(30):
        body = {"group_id": group["groupID"], "content": str(n)}
        await cast.call("bob", "POST", "/messages/group", body)
    await cast.call("bob", "PUT", f"/groups/{group['groupID']}/members/{cast['ann']}")
    ann = await client(cast, "ann")
    conversation = group["conversationID"]
    await cast.call("bob", "POST", "/messages/group", {"group_id": group["groupID"], "content": "30"})
    assert await received(ann, 1) == ["30"]
    assert await ann.unread() == {conversation: 1}
    assert [one.content for one in await ann.history(conversation, limit=10)] == [str(n) for n in range(21, 31)]
    assert [one.content for one in await ann.history(conversation, before=22, limit=50)] == [str(n) for n in range(21)]
    assert await ann.unread() == {conversation: 1}  # what was said before she came counts as read
    with pytest.raises(TimeoutError):
        await take(ann.messages(), 1, timeout=0.1)  # history is not news
    await ann.disconnect()
    assert len(await ann.history(conversation, limit=50)) == 31  # and it stays
