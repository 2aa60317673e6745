"""Promise 2 over any interleaving: two devices of a user follow their log through sends, acks and cuts, and each
ends with every entry once, in order. `HYPOTHESIS_PROFILE=long` looks further.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from bench.server import Server
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.blackbox.house import Guest, House, process
from tests.blackbox.line import Follower, Line

DEVICES = (0, 1)


class Send(NamedTuple):
    """A device sends messages over its socket and waits for nothing."""

    device: int
    count: int

    async def play(self, scene: Scene) -> None:
        line = scene.followers[self.device].line
        for _ in range(self.count):
            await line.say("private", to=scene.other.user_id, content="of bob", messageID=scene.message_id())


class Post(NamedTuple):
    """A device sends a message over HTTP."""

    device: int

    async def play(self, scene: Scene) -> None:
        sent = await scene.guests[self.device].send(scene.other, messageID=scene.message_id())
        assert sent["seq"] > 0


class Hear(NamedTuple):
    """Somebody else sends to the user."""

    count: int

    async def play(self, scene: Scene) -> None:
        await scene.others_line.send_many(scene.guests[0].user_id, self.count)


class Take(NamedTuple):
    """A device takes what has come by the time of some pings, and acks it or not."""

    device: int
    pings: int
    ack: bool

    async def play(self, scene: Scene) -> None:
        await self.from_(scene.followers[self.device])

    async def from_(self, follower: Follower) -> None:
        for _ in range(self.pings):
            await follower.line.say("ping")
            while (frame := await follower.line.hear())["type"] != "pong":
                follower.take(frame)
        if self.ack:
            await follower.line.say("ack", seq=follower.position)


class Cut(NamedTuple):
    """A connection ends, with a goodbye or without; the device comes back with what it has stored."""

    device: int
    polite: bool

    async def play(self, scene: Scene) -> None:
        follower = scene.followers[self.device]
        await (follower.line.hang_up() if self.polite else follower.line.cut())
        follower.resume(await scene.guests[self.device].line(lastSeq=follower.position))


class Read(NamedTuple):
    """A device moves the read mark: an entry that is no message."""

    device: int

    async def play(self, scene: Scene) -> None:
        guest = scene.guests[self.device]
        found = (await guest.get("/conversations")).data["conversations"]
        for one in found:
            await guest.post(
                f"/conversations/{one['conversationID']}/read", {"conversationSeq": one["conversationSeq"]}
            )


Step = Send | Post | Hear | Take | Cut | Read

device = st.sampled_from(DEVICES)
steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(Send, device, st.integers(1, 30)),
    st.builds(Post, device),
    st.builds(Hear, st.integers(1, 130)),
    st.builds(Take, device, st.integers(1, 3), st.booleans()),
    st.builds(Cut, device, st.booleans()),
    st.builds(Read, device),
)


class Scene:
    """Two devices of one user, and somebody else."""

    def __init__(self, guests: list[Guest], other: Guest, others_line: Line, followers: list[Follower]) -> None:
        self.guests = guests
        self.other = other
        self.others_line = others_line
        self.followers = followers
        self._sent = 0

    @classmethod
    async def open(cls, house: House) -> Scene:
        phone, other = await house.guest(), await house.guest()
        guests = [phone, await phone.on("desk")]
        followers = [Follower(await guest.line(lastSeq=0)) for guest in guests]
        # What bob sends is not taken here: a full socket of this one would be another story.
        return cls(guests, await house.guest(), await other.line(), followers)

    def message_id(self) -> str:
        self._sent += 1
        return f"m-{self._sent}"

    async def settle(self) -> None:
        """Waits until all that was sent is in the log: what each socket sends last has its receipt."""
        for follower in self.followers:
            last = self.message_id()
            await follower.line.say("private", to=self.other.user_id, content="the last", messageID=last)
            while last not in follower.own.values():
                follower.take(await follower.line.hear("offline", "message", "change", "sent"))

    async def finish(self) -> None:
        """Everything that is in the log is on each device, once, where the log has it."""
        await self.settle()
        log = await self.log()
        for guest, follower in zip(self.guests, self.followers, strict=True):
            await follower.line.hang_up()
            follower.resume(await guest.line(lastSeq=follower.position))
            await follower.read_to(len(log))
            await Take(0, 2, ack=False).from_(follower)
            await follower.line.nothing()
            stored = {seq: entry.get("messageID") for seq, entry in follower.log.items()} | follower.own
            assert [stored[seq] for seq in range(1, len(log) + 1)] == log
            assert len(stored) == len(log)
        messages = [message_id for message_id in log if message_id is not None]
        assert len(set(messages)) == len(messages)

    async def log(self) -> list[str | None]:
        """The log as HTTP gives it: the message id of each entry."""
        entries: list[dict[str, Any]] = []
        while True:
            page = await self.guests[0].sync(len(entries), count=1000)
            entries += sorted(page["messages"] + page["changes"], key=lambda entry: entry["seq"])
            if not page["hasMore"]:
                break
        assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
        return [entry.get("messageID") for entry in entries]


async def perform(serving: Server, play: list[Step]) -> None:
    async with House(serving.port, serving.data, serving) as house:
        scene = await Scene.open(house)
        for step in play:
            await step.play(scene)
        await scene.finish()


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with small batches and a small window, so that plays reach both again and again."""
    server = process(tmp_path_factory.mktemp("tight"), SYNC__BATCH="10", SYNC__WINDOW="40")
    server.start()
    yield server
    server.stop()


@settings(max_examples=settings.default.max_examples // 3)
@given(play=st.lists(steps, max_size=20))
def test_every_entry_once_in_order_on_each_device(tight: Server, play: list[Step]) -> None:
    asyncio.run(perform(tight, play))
