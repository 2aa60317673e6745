"""After any sequence of messages and changes of them, every store has the same: the property behind D9."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx2
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roost.client import Client, StoredMessage
from roost.testing import LocalServer
from tests.client.people import Cast
from tests.places import ServerBackend

NAMES = ("ann", "bob", "cat")
EMOJI = ("👍", "❤️", "1️⃣")
PATIENCE = 20.0
"""Seconds until a store must have everything; a machine may be busy."""


class Step(NamedTuple):
    """What somebody does; `at` chooses the message, counted from the newest."""

    who: int
    what: str
    at: int = 0
    how: int = 0


steps = st.builds(
    Step,
    st.integers(0, 2),
    st.sampled_from(
        [
            "send",
            "send",
            "tell",
            "carry",
            "draft",
            "edit",
            "edit",
            "recall",
            "react",
            "react",
            "unreact",
            "pin",
            "unpin",
            "read",
            "look",
            "group",
            "group",
            "group",
            "block",
        ]
    ),
    st.integers(0, 5),
    st.integers(0, 2),
)
plans = st.lists(steps, min_size=3, max_size=30)


class Play:
    """Three users and their group, on one server; `sent` has the server ids of their messages, `told` the group's."""

    def __init__(self, cast: Cast, http: httpx2.AsyncClient) -> None:
        self.cast = cast
        self._http = http
        self.group = cast["group"]
        self.sent: list[str] = []
        self.told: list[str] = []
        self.file = ""

    async def ask(self, who: int, method: str, path: str, body: Any = None) -> Any:
        """An answer's data; None for a refusal, which is allowed: not everybody may do everything."""
        headers = {"Authorization": f"Bearer {self.cast.token(NAMES[who], 'hands')}"}
        answer = await self._http.request(method, path, json=body, headers=headers)
        assert answer.status_code < 500, answer.text
        return answer.json()["data"] if answer.is_success else None

    async def begin(self) -> None:
        for who in range(3):
            await self.ask(who, "GET", "/conversations")
        members = [self.cast["bob"], self.cast["cat"]]
        assert await self.ask(0, "POST", "/groups", {"groupID": self.group, "members": members})
        form = {"file": ("list.txt", b"milk, tea")}
        headers = {"Authorization": f"Bearer {self.cast.token('ann')}"}
        answer = await self._http.post("/attachments", files=form, headers=headers)
        self.file = answer.json()["data"]["id"]

    async def do(self, number: int, step: Step) -> None:
        who, what, at, how = step
        text = f"word {number}"
        if what == "send":
            to = self.cast["bob" if who != 1 else "ann"]
            receipt = await self.ask(who, "POST", "/messages/user", {"to": to, "content": text})
            if receipt is not None:
                self.sent.append(receipt["serverMsgID"])
        elif what == "tell":
            more = ({}, {"replyTo": self.told[-1]} if self.told else {}, {"mentions": [self.cast["bob"]]})[how]
            receipt = await self.ask(who, "POST", "/messages/group", {"to": self.group, "content": text, **more})
            if receipt is not None:  # who is muted or gone is refused
                self.told.append(receipt["serverMsgID"])
                self.sent.append(receipt["serverMsgID"])
        elif what == "carry":  # as long as some message has the file, and its sender sees it
            body = {"to": self.group, "content": text, "attachments": [self.file]}
            receipt = await self.ask(who, "POST", "/messages/group", body)
            if receipt is not None:
                self.sent.append(receipt["serverMsgID"])
        elif what in {"read", "look", "block"}:
            await self._mark(step)
        elif what in {"group", "draft"}:
            await (self._change_group if what == "group" else self._draft)(step, text)
        elif self.sent:
            await self._change(step, f"/messages/{self.sent[-1 - at % len(self.sent)]}", text, quote(EMOJI[how]))

    async def _mark(self, step: Step) -> None:
        """What is neither said nor about the group: reading, and not wanting to hear of somebody."""
        who, what, at, how = step
        if what == "block":
            await self.ask(who, "PUT" if how else "DELETE", f"/blocks/{self.cast[NAMES[at % 3]]}")
            return
        pair = self.cast.conversation("bob", "cat" if who == 2 else "ann")
        place = f"g:{self.group}" if what == "read" else pair
        await self.ask(who, "POST", f"/conversations/{place}/read", {"conversationSeq": at})

    async def _draft(self, step: Step, text: str) -> None:
        """Bob begins to write in the group or to Ann, or gives it up."""
        pair = sorted((self.cast["ann"], self.cast["bob"]))
        there = f"g:{self.group}" if step.at % 2 else f"p:{pair[0]}:{pair[1]}"
        await self.ask(1, "PUT", f"/conversations/{there}/draft", {"content": text if step.how else ""})

    async def _change_group(self, step: Step, text: str) -> None:
        """One of the changes of the group, about somebody who may be in it or not; Bob himself stays."""
        who, _, at, how = step
        person = self.cast[NAMES[how if how != 1 else 0]]
        method, path, body = (
            ("PATCH", "", {"name": text}),
            ("PATCH", "", ({"description": text}, {"membersInvite": at % 2 == 1}, {"avatar": text})[how]),
            ("PUT", f"/members/{person}/mute", {"seconds": 3600}),
            ("DELETE", f"/members/{person}/mute", None),
            (("PUT", f"/bans/{person}", None), ("POST", "/transfer", {"userID": person}), ("POST", "/leave", None))[
                how
            ],
            (("DELETE", f"/bans/{person}", None), ("PUT", f"/members/{person}", {"role": "admin"}))[how % 2],
        )[at]
        if path == "/leave" and who == 1:
            return
        await self.ask(who, method, f"/groups/{self.group}{path}", body)
        await self.ask(1, "PUT", f"/groups/{self.group}/members/{person}")

    async def _change(self, step: Step, message: str, text: str, emoji: str) -> None:
        method, path, body = {
            "edit": ("PATCH", "", {"content": text}),
            "recall": ("POST", "/recall", None),
            "react": ("PUT", f"/reactions/{emoji}", None),
            "unreact": ("DELETE", f"/reactions/{emoji}", None),
            "pin": ("PUT", "/pin", None),
            "unpin": ("DELETE", "/pin", None),
        }[step.what]
        await self.ask(step.who, method, message + path, body)


async def stored(client: Client) -> dict[str, dict[str, Any]]:
    """Every message of a store, without its places in the log: a new store may have other ones than an old one."""
    found: dict[str, dict[str, Any]] = {}
    for conversation in await client.conversations():
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
    return fields | msgspec.to_builtins(known.settings) | {"members": members}


def _plain(message: StoredMessage) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(message)
    return {name: value for name, value in fields.items() if name not in {"seq", "state"}}


async def play(server: LocalServer, plan: list[Step]) -> None:
    """Plays a plan before devices of Bob that are there, away, away for a while, and new; compares what they have."""
    cast = Cast(server)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx2.AsyncClient(base_url=f"{server.url}/api/v1", timeout=PATIENCE))
        stage = Play(cast, http)
        await stage.begin()

        async def device(name: str) -> Client:
            client = Client(server.url, token=cast.token("bob", name), store=":memory:", patience=0.05)
            await client.connect()
            stack.push_async_callback(client.close)
            await client.connected(PATIENCE)
            return client

        online, offline, halfway = [await device(name) for name in ("online", "offline", "halfway")]
        await offline.disconnect()
        for number, step in enumerate(plan):
            if number == len(plan) // 3:
                await halfway.disconnect()
            await stage.do(number, step)
        for client in (offline, halfway):
            await client.connect()
        devices = [online, offline, halfway, await device("new")]
        head = (await stage.ask(1, "POST", "/messages/sync", {"lastSeq": 0, "count": 1}))["headSeq"]
        async with asyncio.timeout(PATIENCE):
            for client in devices:
                while await client.store.get_last_sync_seq() < head:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        await compare(stage, devices)


async def compare(stage: Play, devices: list[Client]) -> None:
    """Every store has what the server's histories say, and counts as unread what a count of them finds."""
    truth: dict[str, dict[str, Any]] = {}
    unread: dict[str, int] = {}
    read: dict[str, dict[str, int]] = {}
    for listed in (await stage.ask(1, "GET", "/conversations"))["conversations"]:
        conversation = listed["conversationID"]
        kind, name = ("group", stage.group) if conversation.startswith("g:") else ("user", _other(stage, conversation))
        messages = (await stage.ask(1, "GET", f"/messages/{kind}/{name}?limit=100"))["messages"]
        truth |= {message["serverMsgID"]: message for message in messages}
        new = [one for one in messages if one["conversationSeq"] > listed["readSeq"] and not one.get("recallTime")]
        count = sum(one["senderID"] != stage.cast["bob"] for one in new)
        assert listed["unread"] == count
        unread |= {conversation: count} if count else {}
        read[conversation] = {one["userID"]: one.get("readSeq", 0) for one in listed["marks"]}
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
        assert msgspec.to_builtins(await client.blocked()) == blocked
        assert await as_stored(client, stage.group) == group
        assert await stored(client) == truth
        for conversation, marks in read.items():
            known = await client.store.conversation(conversation)
            assert known is not None
            assert {one.user_id: one.read_seq for one in known.marks if one.read_seq} == {
                user_id: place for user_id, place in marks.items() if place
            }
            await compare_states(client, conversation, marks)
        assert await client.unread() == unread
        for message in truth.values():
            found = {one.server_msg_id for one in await client.search(message["content"] or "word")}
            assert (message["serverMsgID"] in found) is not ("recallTime" in message)


async def compare_states(client: Client, conversation: str, marks: dict[str, int]) -> None:
    """One's own message is read where all others have read it."""
    through = min(marks.values(), default=0)
    for message in await client.store.history(conversation, None, 1000):
        if message.sender_id == client.user_id:
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


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(plans)
def test_all_stores_end_with_the_same(serving: LocalServer, plan: list[Step]) -> None:
    asyncio.run(play(serving, plan))


@pytest.fixture
def server_on_a_server(shared_backend: ServerBackend) -> Iterator[LocalServer]:
    with LocalServer(settings={"SERVER__DATABASE": shared_backend.url}) as server:
        yield server


async def test_all_stores_end_with_the_same_on_a_database_server(server_on_a_server: LocalServer) -> None:
    kinds = (
        "tell",
        "draft",
        "send",
        "edit",
        "react",
        "pin",
        "recall",
        "look",
        "unreact",
        "edit",
        "unpin",
        "read",
        "group",
        "block",
    )
    plan = [Step(number % 3, kinds[number * 5 % 14], number % 6, number % 3) for number in range(66)]
    await play(server_on_a_server, plan)
