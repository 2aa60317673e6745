"""Sending events: signed, in order, again and again until it works, and not for ever."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import select

from roost.config.webhooks import Webhook, Webhooks
from roost.db.schema import webhook_failures, webhook_outbox
from roost.push.webhook import FIRST_PAUSE, LONGEST_PAUSE, Receiver, pause, signature
from roost.push.webhook_outbox import LEASE, SOON, Ended, HookOutbox
from tests.hooks.listener import SECRET, Listener, listening
from tests.rooms import Clock, Rooms, private


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    async with listening() as found:
        yield found


async def opened(rooms: Rooms, *hooks: Webhook, **settings: Any) -> list[Receiver]:
    """The receivers of a server with these webhooks."""
    rooms.webhooks = Webhooks(endpoints=list(hooks), private=True, **settings)
    await rooms.restart()
    return [
        Receiver(hook, rooms.webhooks, HookOutbox(rooms.database, hook.name, rooms.clock), "epoch", rooms.clock)
        for hook in hooks
    ]


@contextlib.asynccontextmanager
async def running(*receivers: Receiver) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(receiver.run()) for receiver in receivers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def say(rooms: Rooms, *contents: str, to: str = "bob") -> None:
    ann, *_ = await rooms.authors("ann", to)
    for content in contents:
        await rooms.send(private(ann, to, content))


async def left(rooms: Rooms) -> list[Any]:
    query = select(webhook_outbox).order_by(webhook_outbox.c.event_id)
    return list(await rooms.read(lambda connection: connection.execute(query).all()))


async def given_up(rooms: Rooms) -> list[Any]:
    return list(await rooms.read(lambda connection: connection.execute(select(webhook_failures)).all()))


async def until_rows(rooms: Rooms, as_wanted: Callable[[list[Any]], bool]) -> list[Any]:
    async with asyncio.timeout(20):
        while True:
            if as_wanted(found := await left(rooms)):
                return found
            await asyncio.sleep(0.01)


async def until_left(rooms: Rooms, count: int) -> list[Any]:
    return await until_rows(rooms, lambda rows: len(rows) == count)


async def until_tried(rooms: Rooms) -> list[Any]:
    return await until_rows(rooms, lambda rows: any(row.attempt for row in rows))


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The example of the specification's reference libraries."""
    known = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    said = signature([known], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert said == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_events_are_sent_once_signed_and_in_order(rooms: Rooms, listener: Listener) -> None:
    [receiver] = await opened(rooms, listener.hook(secrets=[SECRET, "whsec_" + "b2xk" * 8]))
    await say(rooms, "1", "2", "3")
    async with running(receiver):
        await until_left(rooms, 0)
        await say(rooms, "4")
        receiver.wake()
        await until_left(rooms, 0)
    assert [request.content for request in listener.heard] == ["1", "2", "3", "4"]
    assert len({request.headers["webhook-id"] for request in listener.heard}) == 4
    request = listener.heard[0]
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    keys = (base64.b64decode(text) for text in ("c2VjcmV0" * 5, "b2xk" * 8))
    macs = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys]
    assert request.headers["webhook-signature"] == " ".join(f"v1,{mac}" for mac in macs)


async def test_what_fails_is_sent_again_under_its_id_and_keeps_its_place(
    rooms: Rooms, listener: Listener, clock: Clock
) -> None:
    [receiver] = await opened(rooms, listener.hook())
    await say(rooms, "1", "2")
    await say(rooms, "elsewhere", to="cat")
    listener.judge = lambda request: "500 Oops" if request.content == "1" else "200 OK"
    async with running(receiver):
        await until_left(rooms, 2)
        await until_tried(rooms)
    assert {request.content for request in listener.heard} == {"1", "elsewhere"}
    listener.judge, before = None, listener.heard[:]
    clock.pass_(seconds=FIRST_PAUSE)
    async with running(receiver):
        await until_left(rooms, 0)
    assert [request.content for request in listener.heard[len(before) :]] == ["1", "2"]
    ids = [request.headers["webhook-id"] for request in listener.heard if request.content == "1"]
    assert len(set(ids)) == 1


async def test_a_receiver_is_not_asked_before_it_wants(rooms: Rooms, listener: Listener, clock: Clock) -> None:
    [receiver] = await opened(rooms, listener.hook())
    await say(rooms, "1")
    listener.answers.append("429 Slow down\r\nRetry-After: 120")
    async with running(receiver):
        [row] = await until_tried(rooms)
    assert row.due_at >= clock() + 120_000


@pytest.mark.parametrize("answer", ["410 Gone", "500 Oops"])
async def test_what_is_given_up_leaves_a_row_and_lets_the_next_through(
    rooms: Rooms, listener: Listener, answer: str
) -> None:
    [receiver] = await opened(rooms, listener.hook(), attempts=20 if answer.startswith("410") else 1)
    await say(rooms, "1", "2")
    listener.answers.append(answer)
    async with running(receiver):
        await until_left(rooms, 0)
    assert [request.content for request in listener.heard] == ["1", "2"]
    [row] = await given_up(rooms)
    assert (row.hook, row.topic, row.attempts, row.error) == ("one", "p:ann:bob", 1, answer[:3])


async def test_who_hangs_keeps_nobody_waiting(rooms: Rooms, listener: Listener) -> None:
    async with listening() as other:
        other.judge = lambda _: None
        hooks = listener.hook(), other.hook("other")
        receivers = await opened(rooms, *hooks, timeout=60)
        async with running(*receivers):
            await say(rooms, "1", "2", "3")
            receivers[0].wake()
            assert [request.content for request in await listener.until(3)] == ["1", "2", "3"]
            await until_left(rooms, 3)
        assert {row.hook for row in await left(rooms)} == {"other"}


async def test_a_private_address_is_not_called_unless_it_may(rooms: Rooms, listener: Listener) -> None:
    await opened(rooms, listener.hook())
    rooms.webhooks.private = False
    outbox = HookOutbox(rooms.database, "one", rooms.clock)
    careful = Receiver(listener.hook(), rooms.webhooks, outbox, "epoch", rooms.clock)
    await say(rooms, "1")
    async with running(careful):
        await until_tried(rooms)
    assert listener.heard == []


async def test_two_nodes_share_the_work_and_keep_the_order(rooms: Rooms, clock: Clock) -> None:
    await opened(rooms, Webhook(name="one", url="https://example.com", secrets=[SECRET]))
    here, there = (HookOutbox(rooms.database, "one", clock) for _ in range(2))
    await say(rooms, "1", "2")
    await say(rooms, "3", to="cat")
    [first], [second] = await here.take(2), await there.take(10)
    assert ([event.topic for event in first], [event.topic for event in second]) == (["p:ann:bob"] * 2, ["p:ann:cat"])
    await say(rooms, "4")
    assert await there.take(10) == []  # it waits for what the other node has
    await here.end(Ended("p:ann:bob", [event.event_id for event in first], None, clock(), None))
    [third] = await there.take(10)
    assert len(third) == 1


async def test_what_a_killed_node_had_goes_to_the_others(rooms: Rooms, clock: Clock) -> None:
    await opened(rooms, Webhook(name="one", url="https://example.com", secrets=[SECRET]))
    here, there = (HookOutbox(rooms.database, "one", clock) for _ in range(2))
    await say(rooms, "1")
    assert await here.take(10)
    clock.pass_(seconds=LEASE / 1000 - 1)
    assert await there.take(10) == []
    clock.pass_(seconds=SOON / 1000)
    assert await there.take(10)


def test_pauses_grow_are_spread_and_never_shorter_than_asked() -> None:
    assert [pause(attempt, None, 1) for attempt in range(4)] == [5, 10, 20, 40]
    assert pause(100, None, 1) == LONGEST_PAUSE
    assert pause(0, None, 0) == FIRST_PAUSE / 2
    assert pause(0, 120, 0) == 120
