"""Users who write to each other at several nodes, whatever happens to these; and what must be true of it in the end.

Two kinds at once, so that both roads are walked: six raw connections at the nodes themselves, each of which goes to
another node when its own is gone, and three devices of two people on the Python SDK, behind the balancer. The verdict
on the first is the ledger's (`tests.faults.ledger`): acknowledged and lost 0, shown twice 0, gaps 0. The verdict on the
others is that of the chaos tests (`tests.chaos.endings`): each device's store is the log.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from bench.client import RefusedError

from roost.client import Client, SendFailed, State, StateChanged
from tests.chaos.devices import Town
from tests.chaos.endings import check
from tests.chaos.plans import CONVERSATIONS, DEVICES, Scene
from tests.client.people import until
from tests.cluster.house import Cluster
from tests.faults.devices import Cast, Device, Link
from tests.faults.ledger import Ledger

USERS = ("ann", "ben", "cleo", "dan", "eve")
MEMBERS = 4
"""How many of them are in the group."""
AT_ONCE = 8
"""New messages that a raw user sends at once, if those before have their receipts."""
PAUSE = 0.02
"""Seconds between two looks of a raw user, and of a device, whether to write."""
TRY_AGAIN = 0.1
"""Seconds before a raw user tries the next node."""
SETTLED_WITHIN = 60.0
"""Seconds from the end of the load until everybody has everything, at most; it takes a part of one."""

_numbers = itertools.count(1)


class Crowd:
    """The raw users. `live` runs one device until `resting` is set and it has all that its log has."""

    def __init__(self, cluster: Cluster, chance: random.Random) -> None:
        self.cluster = cluster
        self.chance = chance
        run = next(_numbers)
        users = [f"{name}{run}" for name in USERS]
        members = tuple(users[:MEMBERS])
        self.tokens = {user: cluster.token(user) for user in users}
        for token in self.tokens.values():
            cluster.request("GET", "/conversations", None, token)  # a user exists from its first token on
        made = cluster.request("POST", "/groups", {"members": list(members[1:])}, self.tokens[users[0]])
        self.cast = Cast(users, made["groupID"], members)
        self.devices = [Device(user, token) for user, token in self.tokens.items()]
        self.devices.append(Device(users[0], cluster.token(users[0], "tablet")))
        self.resting = False
        self.ended = False
        self.losses = 0
        """How often a connection was lost."""

    async def live(self, number: int) -> None:
        """One device: connects to a node, writes and follows; when it is lost, at the next node."""
        device, nodes = self.devices[number], self.cluster.nodes
        for attempt in itertools.count(number):
            link = Link(device, self.cast, self.chance)
            try:
                await link.connect(nodes[attempt % len(nodes)].port)
                await self._use(link)
                if self.ended:
                    await link.close()
                    return
                link.closed.result()
            except RefusedError as refusal:
                if not str(refusal).startswith(("closed with 4000", "the server closed")):
                    raise
            except (OSError, TimeoutError):
                await asyncio.sleep(TRY_AGAIN)
                continue
            self.losses += 1

    async def _use(self, link: Link) -> None:
        link.send_again()
        while not (link.closed.done() or self.ended):
            if not self.resting:
                link.send_on(AT_ONCE)
                link.window = 0  # no more before the next look
            await asyncio.sleep(PAUSE)

    async def settle(self) -> None:
        """Without new messages, until nothing is open and every device stands at the end of its log."""
        self.resting = True
        await until(lambda: not any(device.pending for device in self.devices), timeout=SETTLED_WITHIN)
        ledger = Ledger(self.tokens)
        await asyncio.to_thread(ledger.read_on, self.cluster)
        ends = {user: len(log) for user, log in ledger.logs().items()}
        await until(lambda: all(one.position >= ends[one.user] for one in self.devices), timeout=SETTLED_WITHIN)
        self.ended = True

    def verdict(self) -> str:
        """Raises `AssertionError` unless all is well; otherwise the counts."""
        ledger = Ledger(self.tokens)
        ledger.read_on(self.cluster)
        ledger.check(self.cast.sendings)
        assert all(sending.mark is not None for sending in self.cast.sendings)
        shown = sum(ledger.check_device(device) for device in self.devices)
        for user, log in ledger.logs().items():
            known = {mark.message_id for mark in log if mark is not None}
            assert known == {sending.message_id for sending in self.cast.sendings if user in sending.members}
        for device in self.devices:
            assert len(device.seen) == device.position == len(ledger.logs()[device.user])
        again = sum(device.duplicates for device in self.devices)
        return (
            f"{len(self.cast.sendings):,} raw messages acknowledged, {again} of them by a second connection, and "
            f"{shown:,} entries seen over {self.losses} lost connections"
        )


class Load:
    """Everybody. `errors` is what applications on the SDK were told of that is no good news."""

    def __init__(self, crowd: Crowd, scene: Scene) -> None:
        self.crowd = crowd
        self.scene = scene
        self.errors: list[Any] = []
        self.counts = ""
        """What there was of everything, after the verdict."""
        self.longest = 0.0
        """Seconds that a device on the SDK was not connected, at most."""
        self._resting = False

    def watch(self, client: Client) -> None:
        """Takes down what the SDK tells of failures, and how long it is away."""
        away_since: float | None = None

        def changed(event: StateChanged) -> None:
            nonlocal away_since
            if event.error is not None:
                self.errors.append(event)
            if event.state is State.CONNECTED and away_since is not None:
                self.longest = max(self.longest, time.monotonic() - away_since)
                away_since = None
            elif event.retry_in is not None:
                away_since = away_since or time.monotonic()

        client.on(SendFailed)(self.errors.append)
        client.on(StateChanged)(changed)

    async def write(self) -> None:
        """What the people on the SDK do all the time."""
        chance = random.Random(1)
        while not self._resting:
            number, conversation = chance.randrange(DEVICES), chance.randrange(CONVERSATIONS)
            await self.scene.send(number, conversation, 1)
            if chance.random() < 0.1:
                await self.scene.read(number, conversation, 0)
            await asyncio.sleep(PAUSE)

    def rest(self) -> None:
        """Nobody on the SDK writes any more."""
        self._resting = True


@contextlib.asynccontextmanager
async def under_load(cluster: Cluster, folder: Path, chance: random.Random) -> AsyncIterator[Load]:
    """Everybody writes while the block runs. After it everything settles, and is checked."""
    crowd = await asyncio.to_thread(Crowd, cluster, chance)
    async with Town(cluster, folder) as town:
        load = Load(crowd, await Scene.set(town))
        for device in town.devices:
            await device.start()
            assert device.client is not None
            load.watch(device.client)
        async with asyncio.TaskGroup() as tasks:
            for number in range(len(crowd.devices)):
                tasks.create_task(crowd.live(number))
            writing = tasks.create_task(load.write())
            await asyncio.sleep(0.5)
            yield load
            await asyncio.sleep(0.5)
            load.rest()
            await writing
            await crowd.settle()
        raw = await asyncio.to_thread(crowd.verdict)
        await check(town)
        sent, told = (sum(map(len, ones)) for ones in zip(*((d.sent, d.told) for d in town.devices), strict=True))
        load.counts = (
            f"{raw}; {sent:,} messages of the SDK, {told:,} events told once each, "
            f"away for {load.longest:.2f} s at most"
        )
