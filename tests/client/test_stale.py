"""What changed where a store was not told of it is read anew: one had left a group, or the log did not reach back."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from roost.client import Client
from roost.testing import LocalServer
from tests.client.conftest import Open
from tests.client.people import Cast
from tests.client.test_reset import raise_floor
from tests.examples import examples


class Team:
    """A group of Ann's, in which Bob is or is not; Ann's messages there."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.said: list[str] = []
        self.here = True
        self.name = f"team-{cast['ann']}"

    async def begin(self) -> None:
        await self.cast.make("ann", "bob")
        await self.cast.call("ann", "POST", "/groups", {"groupID": self.name, "members": [self.cast["bob"]]})

    async def tell(self, content: str = "hello") -> str:
        sent = await self.cast.call("ann", "POST", "/messages/group", {"to": self.name, "content": content})
        self.said.append(sent["serverMsgID"])
        return self.said[-1]

    async def edit(self, message: str, content: str) -> None:
        await self.cast.call("ann", "PATCH", f"/messages/{message}", {"content": content})

    async def recall(self, message: str) -> None:
        await self.cast.call("ann", "POST", f"/messages/{message}/recall")

    async def out(self) -> None:
        if self.here:
            await self.cast.call("ann", "DELETE", f"/groups/{self.name}/members/{self.cast['bob']}")
        self.here = False

    async def back(self) -> None:
        if not self.here:
            await self.cast.call("ann", "PUT", f"/groups/{self.name}/members/{self.cast['bob']}")
        self.here = True

    async def truth(self) -> dict[str, tuple[str, int]]:
        """Content and version by server id, as the server has them."""
        page = await self.cast.call("ann", "GET", f"/messages/group/{self.name}?limit=100")
        return {one["serverMsgID"]: (one["content"], one["version"]) for one in page["messages"]}

    async def kept(self, client: Client) -> dict[str, tuple[str, int]]:
        """The same of what a store has."""
        found = await client.store.history(f"g:{self.name}", None, 1000)
        return {one.server_msg_id: (one.content, one.version) for one in found}


async def agrees(team: Team, client: Client, names: set[str]) -> None:
    """Waits until a store has these messages as the server has them."""
    truth = await team.truth()
    async with asyncio.timeout(20):
        while await team.kept(client) != {name: truth[name] for name in names}:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("when", ["live", "away", "away in between"])
async def test_who_comes_back_into_a_group_has_what_changed_meanwhile(client: Open, cast: Cast, when: str) -> None:
    team = Team(cast)
    await team.begin()
    edited, recalled, same = [await team.tell() for _ in range(3)]
    bob = await client(cast, "bob")
    await agrees(team, bob, {edited, recalled, same})
    if when == "away":
        await bob.disconnect()
    await team.out()
    if when == "away in between":
        await bob.disconnect()
    await team.edit(edited, "edited")
    await team.recall(recalled)
    await team.tell("not for Bob")
    await team.back()
    if when != "live":
        await bob.connect()
    await agrees(team, bob, {edited, recalled, same})
    assert {one.server_msg_id for one in await bob.search("hello")} == {same}
    assert (await bob.unread()) == {}


async def test_what_changed_beyond_a_snapshot_is_read_anew(client: Open, own_server: LocalServer) -> None:
    cast = Cast(own_server)
    team = Team(cast)
    await team.begin()
    first = [await team.tell(f"number {number}") for number in range(30)]
    bob = await client(cast, "bob")
    await agrees(team, bob, set(first))
    await bob.disconnect()
    await team.recall(first[0])
    await team.edit(first[1], "edited")
    more = [await team.tell() for _ in range(30)]
    await asyncio.to_thread(raise_floor, own_server, cast["bob"])
    await bob.connect()
    await agrees(team, bob, {*first, *more})
    assert (await bob.unread()) == {f"g:{team.name}": 59}


Act = tuple[str, int]
ACTS = ("tell", "tell", "edit", "recall", "out", "back", "sleep", "wake")


async def play(server: LocalServer, plan: list[Act], folder: Path) -> None:
    cast = Cast(server)
    team = Team(cast)
    await team.begin()
    bob = Client(server.url, token=cast.token("bob"), store=folder / "bob.db", patience=0.05)
    new = Client(server.url, token=cast.token("bob", "new"), store=folder / "new.db", patience=0.05)
    async with bob, new:
        await bob.connect()
        await new.disconnect()
        for number, (what, which) in enumerate(plan):
            message = team.said[which % len(team.said)] if team.said else None
            if what == "tell":
                await team.tell()
            elif what == "edit" and message and (await team.truth())[message][0]:
                await team.edit(message, f"edited {number}")
            elif what == "recall" and message:
                await team.recall(message)
            elif what in {"out", "back"}:
                await getattr(team, what)()
            elif what in {"sleep", "wake"}:
                await (bob.disconnect if what == "sleep" else bob.connect)()
        await team.back()
        for one in (bob, new):
            await one.connect()
            await one.connected(10)
        head = (await cast.call("bob", "POST", "/messages/sync", {"lastSeq": 0, "count": 1}))["headSeq"]
        async with asyncio.timeout(20):
            while min([await one.store.get_last_sync_seq() for one in (bob, new)]) < head:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        names = set(await team.kept(new))
        for one in (bob, new):
            await agrees(team, one, names)


acts: Any = st.tuples(st.sampled_from(ACTS), st.integers(0, 5))


@settings(max_examples=examples(8), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plan=st.lists(acts, min_size=4, max_size=20))
@example(plan=[("tell", 0), ("out", 0), ("edit", 0), ("back", 0)])
@example(plan=[("tell", 0), ("sleep", 0), ("out", 0), ("recall", 0), ("back", 0), ("edit", 0), ("wake", 0)])
def test_an_old_store_and_a_new_one_have_the_same_of_a_group_that_one_was_away_from(
    serving: LocalServer, plan: list[Act]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(serving, plan, Path(folder)))
