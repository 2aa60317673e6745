"""Devices that hop between two nodes while many write at both and Redis forgets, hangs and dies: each follows its log
without a hole, in order, once, and ends with what the database has.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.blackbox.house import Guest, House
from tests.blackbox.line import Follower, Line
from tests.cluster.recovery import Nodes
from tests.servers.redis import RedisProcess

SEED = 20261123
GROUP = "team"
SENDERS = 4
MESSAGES = 300
VISITS = 12

pytestmark = pytest.mark.faults


async def write(house: House, guest: Guest, dice: random.Random) -> None:
    """One of those who write to the group and to bob, over HTTP, at one node."""
    sender = Guest(house, guest.user_id, guest.token)
    for number in range(MESSAGES // SENDERS):
        if number % 3:
            await sender.ask("POST", "/messages/group", {"group_id": GROUP, "content": f"{guest.user_id} {number}"})
        else:
            await sender.ask("POST", "/messages/user", {"receiver_id": "bob", "content": f"{guest.user_id} {number}"})
        await asyncio.sleep(dice.random() * 0.02)


async def hop(houses: list[House], guest: Guest, follower: Follower, dice: random.Random) -> None:
    """One visit after the other, each at some node, each cut off at some moment."""
    for _ in range(VISITS):
        line = await Guest(dice.choice(houses), guest.user_id, guest.token).line(lastSeq=follower.position)
        follower.resume(line)
        await follow(follower, line, dice.random() * 0.5)
        await line.cut()
        await asyncio.sleep(dice.random() * 0.3)


async def follow(follower: Follower, line: Line, seconds: float) -> None:
    """Takes and acks what comes until the time is over."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                follower.take(await line.hear("offline", "message", "change"))
                await line.say("ack", seq=follower.position)
    except (TimeoutError, ConnectionClosed):
        pass


async def harm(server: RedisProcess, dice: random.Random, over: asyncio.Event) -> None:
    """Empties Redis, takes single keys away, freezes and kills it."""
    while not over.is_set():
        await asyncio.sleep(0.2 + dice.random())
        what = dice.choice(["flush", *["forget"] * 5, "freeze", "kill"])
        if what == "kill":
            server.kill()
            await asyncio.sleep(dice.random() * 0.3)
            server.start()
        elif what == "freeze":
            with server.frozen():
                await asyncio.sleep(dice.random() * 0.3)
        else:
            with server.look() as look:
                keys: list[Any] = look.keys("*")
                if what == "flush":
                    look.flushall()
                elif keys:
                    look.delete(dice.choice(keys))


async def test_devices_that_hop_between_nodes_follow_without_a_hole(
    mortal_nodes: Nodes, mortal_redis: RedisProcess
) -> None:
    dice = random.Random(SEED)
    houses = [await mortal_nodes.start(), await mortal_nodes.start()]
    bob = await houses[0].guest("bob")
    devices = [bob, *[await bob.on(name) for name in ("tablet", "laptop")]]
    senders = [await houses[0].guest(f"sender{number}") for number in range(SENDERS)]
    made = await bob.ask("POST", "/groups", {"groupID": GROUP, "members": [one.user_id for one in senders]})
    assert made.status == 200, made.body
    followers = [Follower(None) for _ in devices]  # type: ignore[arg-type]
    over = asyncio.Event()
    harming = asyncio.create_task(harm(mortal_redis, dice, over))
    await asyncio.gather(
        *(write(houses[number % 2], sender, random.Random(number)) for number, sender in enumerate(senders)),
        *(
            hop(houses, device, follower, random.Random(SEED + place))
            for place, (device, follower) in enumerate(zip(devices, followers, strict=True))
        ),
    )
    over.set()
    await harming
    log = await bob.sync(0)
    whole = {entry["seq"]: entry for entry in log["messages"] + log["changes"]}
    assert len(whole) == log["headSeq"] > MESSAGES
    for device, follower in zip(devices, followers, strict=True):
        line = await Guest(houses[1], "bob", device.token).line(lastSeq=follower.position)
        follower.resume(line)
        await follower.read_to(log["headSeq"])
        assert {seq: one.get("serverMsgID") for seq, one in follower.log.items()} == {
            seq: one.get("serverMsgID") for seq, one in whole.items()
        }
