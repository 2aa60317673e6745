"""What may happen, as plans: lists of steps that Hypothesis draws and a `Scene` carries out.

A step is a verb of `Scene` and its arguments; a plan that failed is repeated by giving it to `play` again. Devices
and conversations are numbers, so that a plan means the same whoever plays it.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any, Self

from hypothesis import strategies as st

from roost.client import SyncStopped
from tests.chaos.devices import Device, Person, Town
from tests.chaos.proxy import Manner, Way, Weather

DEVICES = 3
"""Two of alice, one of bob."""
CONVERSATIONS = 3
"""alice and bob, their group, and each one with oneself."""

Step = tuple[Any, ...]
Plan = list[Step]


class Scene:
    """alice on a phone and a tablet, bob on a phone, and the verbs of plans."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.devices = town.devices

    @classmethod
    async def set(cls, town: Town) -> Self:
        """Makes everybody; nothing has been said yet, and nobody is online."""
        scene = cls(town)
        alice, bob = await town.person("alice"), await town.person("bob")
        await alice.call("POST", "/groups", {"groupID": scene.group_of(alice), "members": [bob.user_id]})
        await town.device(alice, "phone")
        await town.device(alice, "tablet", iterates=True)
        await town.device(bob, "phone")
        return scene

    @staticmethod
    def group_of(alice: Person) -> str:
        return f"of-{alice.user_id}"

    def conversation(self, device: Device, number: int) -> str:
        alice, bob = self.devices[0].person, self.devices[2].person
        me = device.person.user_id
        pair = ":".join(sorted((alice.user_id, bob.user_id)))
        return (f"p:{pair}", f"g:{self.group_of(alice)}", f"p:{me}:{me}")[number]

    async def play(self, plan: Plan) -> None:
        """Carries a plan out."""
        for verb, *arguments in plan:
            await getattr(self, verb)(*arguments)

    # --- what people do ---

    async def send(self, number: int, conversation: int, count: int) -> None:
        device = self.devices[number]
        for _ in range(count):
            await device.send(self.conversation(device, conversation))

    async def send_too_much(self, number: int, conversation: int) -> None:
        device = self.devices[number]
        await device.send(self.conversation(device, conversation), bad=True)

    async def read(self, number: int, conversation: int, back: int) -> None:
        """Marks as read: the last message, or one so far before it."""
        device = self.devices[number]
        if device.client is None:
            return
        conversation_id = self.conversation(device, conversation)
        known = await device.client.store.conversation(conversation_id)
        if known is not None and known.last_seq > back:
            await device.client.mark_read(conversation_id, known.last_seq - back)

    async def mark_synced(self, number: int, seed: int) -> None:
        """The application tells the server itself what its device has stored: some of the log, stored or not."""
        device = self.devices[number]
        messages, _ = await device.person.log()
        chance = random.Random(seed)
        chosen = [one["serverMsgID"] for one in messages.values() if chance.random() < 0.5]
        await device.person.call("POST", "/messages/mark_synced", {"message_ids": chosen}, device=device.device_id)

    async def membership(self, member: bool) -> None:
        """alice takes bob into the group, or removes him."""
        alice, bob = self.devices[0].person, self.devices[2].person
        self.town.shifting.add(bob)
        path = f"/groups/{self.group_of(alice)}/members/{bob.user_id}"
        await alice.call("PUT" if member else "DELETE", path)

    async def refresh(self, number: int) -> None:
        """Pulls beside what comes live."""
        device = self.devices[number]
        if device.client is not None:
            device.spawn(device.client.refresh())

    async def stop_refresh(self, number: int) -> None:
        client = self.devices[number].client
        if client is not None:
            await client.sync.stop_sync()

    async def reset(self, number: int) -> None:
        """Forgets what the log brought, and pulls everything again."""
        device = self.devices[number]
        if device.client is not None:
            task = await device.client.sync.reset_sync()
            device.spawn(_outcome(task))

    async def offline(self, number: int) -> None:
        client = self.devices[number].client
        if client is not None:
            await client.disconnect()

    async def online(self, number: int) -> None:
        client = self.devices[number].client
        if client is not None:
            await client.connect()

    # --- what happens to programs ---

    async def start(self, number: int) -> None:
        await self.devices[number].start()

    async def close(self, number: int) -> None:
        await self.devices[number].close()

    async def kill(self, number: int) -> None:
        await self.devices[number].kill()

    async def kill_sending(self, number: int, conversation: int) -> None:
        """Is killed while it takes a message."""
        device = self.devices[number]
        device.spawn(device.send(self.conversation(device, conversation)))
        await asyncio.sleep(0)
        await device.kill()

    async def restart_server(self, how: str) -> None:
        await asyncio.to_thread(getattr(self.town.server, how))
        await asyncio.to_thread(self.town.server.start)

    # --- what networks do ---

    async def cut(self, number: int, manner: Manner) -> None:
        self.devices[number].proxy.cut(manner)

    async def cut_after(self, number: int, way: Way, count: int, manner: Manner) -> None:
        self.devices[number].proxy.cut_after(way, count, manner)

    async def stall(self, number: int, way: Way) -> None:
        self.devices[number].proxy.stall(way)

    async def resume(self, number: int) -> None:
        self.devices[number].proxy.resume()

    async def delay(self, number: int, milliseconds: int) -> None:
        self.devices[number].proxy.delay(milliseconds / 1000)

    async def split(self, number: int, size: int) -> None:
        self.devices[number].proxy.split(size)

    async def refuse(self, number: int) -> None:
        self.devices[number].proxy.refuse()

    async def linger(self, number: int) -> None:
        self.devices[number].proxy.linger()

    async def vanish(self, number: int) -> None:
        self.devices[number].proxy.vanish()

    async def weather(self, number: int, seed: int) -> None:
        self.devices[number].proxy.weather = Weather(seed)

    async def heal(self, number: int) -> None:
        self.devices[number].proxy.heal()

    async def pass_time(self, milliseconds: int) -> None:
        await asyncio.sleep(milliseconds / 1000)


async def _outcome(task: asyncio.Task[Any]) -> None:
    """Waits for a sync that somebody may stop."""
    try:
        await asyncio.shield(task)
    except SyncStopped:
        return


def steps(*, server_too: bool) -> st.SearchStrategy[Step]:
    """One step. What is said, and time that passes, come more often than what goes wrong."""
    device = st.integers(0, DEVICES - 1)
    conversation = st.integers(0, CONVERSATIONS - 1)
    manner, way, seed = st.sampled_from(Manner), st.sampled_from(Way), st.integers(0, 999)
    said = [
        st.tuples(st.just("send"), device, conversation, st.integers(1, 12)),
        st.tuples(st.just("send"), device, st.just(0), st.integers(1, 3)),
        st.tuples(st.just("read"), device, conversation, st.integers(0, 3)),
        st.tuples(st.just("pass_time"), st.sampled_from([0, 1, 3, 10, 30])),
        st.tuples(st.just("start"), device),
    ]
    asked = [
        st.tuples(st.just("send_too_much"), device, conversation),
        st.tuples(st.just("mark_synced"), device, seed),
        st.tuples(st.just("membership"), st.booleans()),
        st.tuples(st.sampled_from(["refresh", "refresh", "stop_refresh", "reset", "offline", "online"]), device),
        st.tuples(st.sampled_from(["close", "kill", "kill"]), device),
        st.tuples(st.just("kill_sending"), device, conversation),
    ]
    torn = [
        st.tuples(st.just("cut"), device, manner),
        st.tuples(st.just("cut_after"), device, way, st.integers(1, 3000), manner),
        st.tuples(st.just("stall"), device, way),
        st.tuples(st.sampled_from(["resume", "refuse", "linger", "vanish", "heal", "heal"]), device),
        st.tuples(st.just("delay"), device, st.sampled_from([1, 5, 20])),
        st.tuples(st.just("split"), device, st.sampled_from([1, 2, 7, 50])),
        st.tuples(st.just("weather"), device, seed),
    ]
    server = [st.tuples(st.just("restart_server"), st.sampled_from(["stop", "kill"]))] if server_too else []
    return st.one_of(*said, *said, *asked, *torn, *server)


def plans(*, size: int, server_too: bool = False) -> st.SearchStrategy[Plan]:
    """Plans of at most `size` steps. Everybody is there at first, or else most steps would do nothing."""
    there: Plan = [("start", number) for number in range(DEVICES)]
    return st.lists(steps(server_too=server_too), min_size=1, max_size=size).map(lambda plan: there + plan)
