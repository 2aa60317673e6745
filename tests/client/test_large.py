"""Groups that are large from their second member on: what devices, stores and people see is what all groups show."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from roost.client import Client, MarksMoved
from roost.testing import LocalServer
from tests.chaos.devices import Town
from tests.chaos.endings import check
from tests.chaos.plans import Plan, Scene, plans
from tests.client import test_changing_machine as changing
from tests.client.conftest import Open
from tests.client.people import Cast
from tests.client.stage import Step
from tests.examples import examples
from tests.places import ServerBackend

LARGE = {"FANOUT__MAX_MEMBERS": "1", "LIMITS__MESSAGES_PER_MINUTE": "0"}


@pytest.fixture(scope="module")
def crowded() -> Iterator[LocalServer]:
    with LocalServer(settings=LARGE) as server:
        yield server


@pytest.fixture(scope="module")
def growing() -> Iterator[LocalServer]:
    """A group is small with two members, and large with a third."""
    with LocalServer(settings=LARGE | {"FANOUT__MAX_MEMBERS": "2"}) as server:
        yield server


@pytest.fixture(scope="module")
def telling_two() -> Iterator[LocalServer]:
    """Read marks are logged in a group of two; with a third they are hints."""
    with LocalServer(settings={"MESSAGES__READ_RECEIPTS_MEMBERS": "2", "LIMITS__MESSAGES_PER_MINUTE": "0"}) as server:
        yield server


IN_AND_OUT = [
    *(Step(1, "tell"), Step(0, "read", 1), Step(0, "fetch", 0, 2), Step(2, "read", 1), Step(1, "tell")),
    *(Step(0, "read", 2), Step(2, "leave"), Step(1, "tell"), Step(0, "read", 3), Step(0, "gather")),
]
"""The group has three, two and then four members, and who was there has read what Bob said."""


@settings(max_examples=examples(6), deadline=None, suppress_health_check=list(HealthCheck))
@given(changing.plans, st.sampled_from([changing.ALL, ("bob",), ("bob",)]))
@example(IN_AND_OUT, ("bob",))
@example([Step(0, "whisper", 1), Step(2, "read", 1), Step(2, "erase")], changing.ALL)
def test_all_stores_end_with_the_same(growing: LocalServer, plan: list[Step], members: tuple[str, ...]) -> None:
    asyncio.run(changing.play(growing, plan, members))


@settings(max_examples=examples(6), deadline=None, suppress_health_check=list(HealthCheck))
@given(changing.plans, st.sampled_from([changing.ALL, ("bob",), ("bob",)]))
@example([*IN_AND_OUT, Step(0, "scatter", 1)], ("bob",))
@example(IN_AND_OUT, ("bob",))
def test_all_stores_end_with_the_same_where_marks_are_logged_for_two(
    telling_two: LocalServer, plan: list[Step], members: tuple[str, ...]
) -> None:
    asyncio.run(changing.play(telling_two, plan, members))


async def test_a_hint_is_handed_to_the_application_and_not_kept(telling_two: LocalServer, client: Open) -> None:
    """Where the log does not tell how far others have read, a new store could not know of it."""
    cast = Cast(telling_two)
    await cast.make("bob", "cat")
    ann = await client(cast, "ann")
    conversation = (await ann.create_group("tea", [cast["bob"], cast["cat"]])).conversation_id
    await ann.send(conversation, "hello")
    await ann.flush(10)
    told: set[str] = set()

    async def listen() -> None:
        async for event in ann.events(MarksMoved):
            told.update(one.user_id for one in event.marks if one.read_seq == 1)
            if told == {cast["bob"], cast["cat"]}:
                return

    listening = asyncio.ensure_future(listen())
    await asyncio.sleep(0)
    for name in ("bob", "cat"):
        await cast.call(name, "POST", f"/conversations/{conversation}/read", {"conversationSeq": 1})
    await asyncio.wait_for(listening, 20)
    known = await ann.conversation(conversation)
    assert known is not None
    assert known.marks == []
    assert [one.state for one in await ann.store.history(conversation, None, 10)] == ["sent"]


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(plan=plans(size=30, server_too=False))
def test_whatever_happens_every_store_ends_as_a_fresh_one(crowded: LocalServer, plan: Plan) -> None:
    async def play() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with asyncio.timeout(180), Town(crowded, Path(folder)) as town:
                scene = await Scene.set(town)
                await scene.play(plan)
                await check(town)

    asyncio.run(play())


async def test_all_stores_end_with_the_same_on_a_database_server(shared_backend: ServerBackend) -> None:
    settings = LARGE | {"FANOUT__MAX_MEMBERS": "2", "SERVER__DATABASE": shared_backend.url}
    with LocalServer(settings=settings) as server:
        await changing.play(server, changing.EVERYTHING, ("bob",))


async def texts(client: Client, conversation: str) -> list[str]:
    return [message.content for message in await client.store.history(conversation, None, 1000)]


async def test_a_group_grows_while_some_are_here_and_some_away(crowded: LocalServer, client: Open) -> None:
    """Who was there keeps what was said, and gets what is said; members are asked for in pages from then on."""
    cast = Cast(crowded)
    ann, bob = await client(cast, "ann"), await client(cast, "bob")
    await cast.make("cat", "dan")
    group = await ann.create_group("tea")
    conversation = group.conversation_id
    await ann.send(conversation, "alone")
    assert not (await ann.group(group.group_id)).large
    await ann.add_members(group.group_id, [cast["bob"], cast["cat"], cast["dan"]])
    shown = await ann.group(group.group_id)
    assert (shown.large, shown.member_count) == (True, 4)
    assert sorted(one.user_id for one in await ann.members(conversation)) == sorted(
        cast[name] for name in ("ann", "bob", "cat", "dan")
    )
    await bob.send(conversation, "from bob")
    await ann.send(conversation, "from ann")
    for one in (ann, bob):
        await one.flush(10)
    cat = await client(cast, "cat")
    for one, expected in (
        (ann, ["alone", "from bob", "from ann"]),
        (bob, ["from bob", "from ann"]),
        (cat, ["from bob", "from ann"]),
    ):
        async with asyncio.timeout(10):
            while sorted(await texts(one, conversation)) != sorted(expected):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert (await cat.unread())[conversation] == 2
