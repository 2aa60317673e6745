"""After any sequence of messages and changes of them, every store has the same: the property behind D9."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roost.client import Client, StoredMessage
from roost.model.changes import KINDS
from roost.model.message import Message
from roost.testing import LocalServer
from tests.client.people import Cast
from tests.client.stage import ACTS, PATIENCE, Play, Step
from tests.examples import examples
from tests.places import ServerBackend

OFTEN = ("gather", "send", "tell", "tell", "edit", "react", "recall", "read", "fetch")
ALL = ("bob", "cat")
"""Who is in Ann's group from the start."""

steps = st.builds(Step, st.integers(0, 2), st.sampled_from([*ACTS, *OFTEN]), st.integers(0, 5), st.integers(0, 2))
plans = st.lists(steps, min_size=3, max_size=40)


async def stored(client: Client) -> dict[str, dict[str, Any]]:
    """Every message of a store, without its places in the log: a new store may have other ones than an old one.

    What was said where one is no longer is kept by those stores that had it.
    """
    found: dict[str, dict[str, Any]] = {}
    for conversation in await client.conversations():
        if conversation.gone:
            continue
        for message in await client.store.history(conversation.conversation_id, None, 1000):
            found[message.server_msg_id] = _plain(message)
    return found


async def as_stored(client: Client, group: str) -> dict[str, Any]:
    """A group as a store has it, in the words of the server. When it was made is not kept."""
    known = await client.store.conversation(f"g:{group}")
    assert known is not None
    fields = {"groupID": group, "conversationID": f"g:{group}", "role": known.role}
    fields |= {} if known.name is None else {"name": known.name}
    members = sorted(msgspec.to_builtins(await client.members(f"g:{group}")), key=lambda one: one["userID"])
    settings: dict[str, Any] = msgspec.to_builtins(known.settings)
    return fields | settings | {"members": members}


def _plain(message: StoredMessage) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(message)
    return {name: value for name, value in fields.items() if name not in {"seq", "state"}}


Seen = set[tuple[str, str | None]]
"""Kinds of changes with their actions, and fields of messages ("message", name)."""


async def play(
    server: LocalServer, plan: list[Step], members: tuple[str, ...] = ALL, *, seen: Seen | None = None
) -> None:
    """Plays a plan before devices of Bob that are there, away, away for a while, and new; compares what they have.

    `seen`: what Bob's log has had after each step is added to it.
    """
    cast = Cast(server)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx2.AsyncClient(base_url=f"{server.url}/api/v1", timeout=PATIENCE))
        stage = Play(cast, http)
        await stage.begin(*members)

        async def device(name: str) -> Client:
            client = Client(server.url, token=cast.token("bob", name), store=":memory:", patience=0.05)
            await client.connect()
            stack.push_async_callback(client.close)
            await client.connected(PATIENCE)
            await client.members(f"g:{stage.group}")  # asked for once; what changes is told
            return client

        online, offline, halfway = [await device(name) for name in ("online", "offline", "halfway")]
        await offline.disconnect()
        for number, step in enumerate(plan):
            if number == len(plan) // 3:
                await halfway.disconnect()
            await stage.do(number, step)
            if seen is not None:
                seen |= await entered(stage)
        await stage.settle()
        for client in (offline, halfway):
            await client.connect()
        devices = [online, offline, halfway, await device("new")]
        head = (await stage.ask(1, "POST", "/messages/sync", {"lastSeq": 0, "count": 1}))["headSeq"]
        async with asyncio.timeout(PATIENCE):
            for client in devices:
                while await client.store.get_last_sync_seq() < head:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        await compare(stage, devices)


async def entered(stage: Play) -> Seen:
    """What Bob's log has."""
    page = await stage.ask(1, "POST", "/messages/sync", {"lastSeq": 0, "count": 1000})
    changes = {(change["kind"], change.get("action")) for change in page["changes"]}
    return changes | {("message", name) for message in page["messages"] for name in message}


async def compare(stage: Play, devices: list[Client]) -> None:
    """Every store has what the server's histories say, and counts as unread what a count of them finds."""
    truth: dict[str, dict[str, Any]] = {}
    unread: dict[str, int] = {}
    read: dict[str, dict[str, int] | None] = {}
    muted: dict[str, bool] = {}
    for listed in (await stage.ask(1, "GET", "/conversations"))["conversations"]:
        conversation = listed["conversationID"]
        kind = "group" if conversation.startswith("g:") else "user"
        name = conversation[2:] if kind == "group" else _other(stage, conversation)
        messages = (await stage.ask(1, "GET", f"/messages/{kind}/{name}?limit=100"))["messages"]
        truth |= {message["serverMsgID"]: message for message in messages}
        new = [one for one in messages if one["conversationSeq"] > listed["readSeq"] and not one.get("recallTime")]
        count = sum(one["senderID"] != stage.cast["bob"] for one in new)
        assert listed["unread"] == count
        unread |= {conversation: count} if count else {}
        muted[conversation] = listed["muted"]
        marks = listed.get("marks")  # there are none in a group where the log tells of none
        read[conversation] = None if marks is None else {one["userID"]: one.get("readSeq", 0) for one in marks}
    group = await stage.ask(1, "GET", f"/groups/{stage.group}")
    del group["createTime"]
    group.pop("large", None)
    listed = await stage.ask(1, "GET", f"/groups/{stage.group}/members?limit=1000")
    group["members"] = sorted(listed["members"], key=lambda one: one["userID"])
    assert group.pop("memberCount") == len(group["members"])
    group["role"] = next(one["role"] for one in group["members"] if one["userID"] == stage.cast["bob"])
    blocked = (await stage.ask(1, "GET", "/blocks"))["blocks"]
    await compare_drafts((await stage.ask(1, "GET", "/drafts"))["drafts"], devices)
    for client in devices:
        kept = [one for one in await client.conversations() if not one.gone]
        assert {one.conversation_id for one in kept if one.last_message or one.conversation_id[0] == "g"} == set(read)
        assert {one.conversation_id: one.muted for one in kept if one.conversation_id in muted} == muted
        assert msgspec.to_builtins(await client.blocked()) == blocked
        assert await as_stored(client, stage.group) == group
        assert await stored(client) == truth
        for conversation, marks in read.items():
            known = await client.store.conversation(conversation)
            assert known is not None
            if marks is None:
                assert known.marks == []
            else:
                found = {one.user_id: one.read_seq for one in known.marks if one.read_seq}
                assert found == {user_id: place for user_id, place in marks.items() if place}
            await compare_states(client, conversation, marks)
        assert await client.unread() == unread
        for message in truth.values():
            if "sticker" in message:  # it says an emoji, which is no word
                continue
            hits = {one.server_msg_id for one in await client.search(message["content"] or "word")}
            assert (message["serverMsgID"] in hits) is not ("recallTime" in message)


async def compare_states(client: Client, conversation: str, marks: dict[str, int] | None) -> None:
    """One's own message is read where all others have read it; nobody is waited for in a group that all have left.

    It stays `sent` where `marks` is None: the log does not tell how far others have read.
    """
    through = min((marks or {}).values(), default=2**53 if conversation.startswith("g:") else 0)
    for message in await client.store.history(conversation, None, 1000):
        if message.sender_id == client.user_id and marks is None:
            assert message.state == "sent"
        elif message.sender_id == client.user_id:
            assert (message.state == "read") is (message.conversation_seq <= through), message


async def compare_drafts(drafts: list[Any], devices: list[Client]) -> None:
    """Every device comes to have these: what was written quickly is told some seconds later."""
    async with asyncio.timeout(PATIENCE):
        for client in devices:
            while msgspec.to_builtins(await client.drafts()) != drafts:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


def _other(stage: Play, conversation: str) -> str:
    bob = stage.cast["bob"]
    return next((name for name in conversation.split(":")[1:] if name != bob), bob)


@settings(
    max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(plans)
def test_all_stores_end_with_the_same(serving: LocalServer, plan: list[Step]) -> None:
    asyncio.run(play(serving, plan))


@pytest.fixture
def server_on_a_server(shared_backend: ServerBackend) -> Iterator[LocalServer]:
    with LocalServer(settings={"SERVER__DATABASE": shared_backend.url}) as server:
        yield server


async def test_all_stores_end_with_the_same_on_a_database_server(server_on_a_server: LocalServer) -> None:
    await play(server_on_a_server, ALMOST)


ALMOST = [
    *(Step(0, "tell", 5, how) for how in range(3)),
    *(Step(who, what) for what in ("send", "carry", "wave") for who in range(3)),
    *(Step(0, what, at, how) for what in ("edit", "react", "pin", "unreact", "unpin") for at, how in ((9, 0), (8, 1))),
    *(Step(0, "react", 6), Step(0, "pin", 6), Step(1, "forward", 6), Step(0, "recall", 7), Step(0, "withdraw", 5)),
    *(Step(who, "whisper", at, at // 2) for who in range(3) for at in range(4)),
    *(Step(1, "draft", at, how) for at in range(2) for how in (1, 0, 1)),
    *(Step(1, "quieten", 0, how) for how in (0, 0, 1, 0)),
    *(Step(who, what, 4) for who in range(3) for what in ("read", "look")),
    *(Step(1, "block", 0), Step(0, "send"), Step(1, "later"), Step(0, "later"), Step(1, "unblock", 0)),
    *(Step(0, what, 1, how) for what in ("rename", "describe") for how in range(3)),
    *(Step(0, what, 0, 2) for what in ("mute", "promote", "unmute", "transfer")),
    *(Step(2, "transfer"), Step(0, "promote", 1), Step(1, "invite"), Step(0, "invite"), Step(0, "revoke")),
    *(
        Step(0, "promote", 1, 1),
        Step(0, "hush"),
        Step(1, "later", 1),
        Step(1, "wait"),
        Step(0, "announce", 0, 1),
        Step(1, "tell"),
    ),
    *(Step(0, "announce"), Step(0, "hush", 0, 1), Step(0, "remove", 0, 2), Step(2, "enter"), Step(2, "tell")),
    *(Step(0, "ban", 0, 2), Step(2, "enter"), Step(0, "unban", 0, 2), Step(0, "fetch", 0, 2), Step(2, "leave")),
    *(Step(0, "fetch", 0, 2), Step(2, "tell"), Step(0, "aside"), Step(1, "aside", 0, 1), Step(1, "aside", 1, 2)),
    *(Step(0, "aside", 0, 1), Step(0, "aside", 2, 2), Step(2, "aside", 0, 1), Step(0, "aside", 0, 2)),
    *(Step(0, "aside", 0, 2), Step(0, "fetch", 0, 2), Step(0, "mute", 0, 2), Step(1, "block", 2)),
    *(Step(0, "announce", 0, 1), Step(0, "describe", 1, 1), Step(0, "rename"), Step(1, "draft", 1, 1)),
    *(
        Step(0, "remove", 0, 2),
        Step(0, "gather", 1),
        Step(0, "scatter", 1),
        Step(0, "gather", 0, 1),
        Step(0, "scatter"),
    ),
]
EVERYTHING = [*ALMOST, Step(2, "erase"), Step(0, "tell", 5)]
"""Everything that can be done, at least once; each kind of change comes of it, and each field of a message. Until Cat
is erased, much stays different from what it was."""


def test_every_kind_of_change_and_every_field_of_a_message_is_played(serving: LocalServer) -> None:
    """A new kind, or a new field, needs an act by which it comes about."""
    assert {step.what for step in EVERYTHING} == {*ACTS}
    seen: Seen = set()
    asyncio.run(play(serving, EVERYTHING, seen=seen))
    with LocalServer(settings={"FANOUT__MAX_MEMBERS": "2"}) as growing:  # its group is a large one when Cat comes
        asyncio.run(play(growing, ALMOST, ("bob",), seen=seen))
    kinds = {(kind, action) for kind, actions in KINDS.items() for action in (actions or {None})}
    assert seen >= kinds, f"not played: {kinds - seen}"
    fields = {("message", field.encode_name) for field in msgspec.structs.fields(Message)}
    assert seen >= fields, f"not played: {fields - seen}"
