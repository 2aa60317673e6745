"""`ready` comes first: whoever is being let in hears of nothing else before it (CONTRACT §4)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from websockets.asyncio.client import connect

from tests.edge.people import Town

PATIENCE = 20


async def test_a_hint_that_comes_during_recovery_does_not_come_before_ready(
    settle: Callable[..., Awaitable[Town]],
) -> None:
    town = await settle()
    alice, bob = await town.person(), await town.person()
    await alice.send(bob)
    catchup = town.roads.catchup
    reached, go_on = asyncio.Event(), asyncio.Event()
    open_log = catchup.open

    async def waits(*arguments: Any) -> Any:
        reached.set()
        await go_on.wait()
        return await open_log(*arguments)

    async with connect(socket_of(town)) as phone, connect(socket_of(town)) as laptop, connect(socket_of(town)) as his:
        for socket, person in ((phone, alice), (his, bob)):
            await say(socket, type="auth", token=person.token)
            await hear(socket, "ready")
        catchup.open = waits
        await say(laptop, type="auth", token=alice.token, deviceID="laptop")
        await reached.wait()
        await say(his, type="typing", conversationID=alice.conversation(bob))
        await hear(phone, "typing")
        go_on.set()
        await hear(laptop, "ready")
        await say(his, type="typing", conversationID=alice.conversation(bob))
        await hear(laptop, "typing")


def socket_of(town: Town) -> str:
    """Where the node takes connections."""
    return str(town.http.base_url.join("/ws")).replace("http", "ws", 1)


async def say(socket: Any, **frame: Any) -> None:
    await socket.send(json.dumps(frame))


async def hear(socket: Any, kind: str) -> None:
    """The next frame, which must be of this kind; what waits for who has just come is passed over."""
    async with asyncio.timeout(PATIENCE):
        frame = json.loads(await socket.recv())
        while frame["type"] == "offline":
            frame = json.loads(await socket.recv())
    assert frame["type"] == kind, frame
