"""What the application is told: each message once, in order, across restarts."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from roost.client import (
    Client,
    ConversationChanged,
    HandlerFailed,
    MembershipChanged,
    MessageReceived,
    ReadMarkMoved,
    State,
    StateChanged,
)
from roost.client.events import Event
from tests.client.conftest import Open
from tests.client.people import Cast, received, take, until


async def test_messages_come_once_and_in_order_across_restarts(client: Open, cast: Cast) -> None:
    await cast.make("ann")
    sent = await cast.send_many("bob", "ann", 700)
    seen: list[str] = []
    for part in (1, 299, 0, 400):
        ann = await client(cast, "ann")
        if part:
            seen += await received(ann, part)
        await ann.close()
    assert seen == sent
    ann = await client(cast, "ann")
    with pytest.raises(TimeoutError):
        await take(ann.messages(), 1, timeout=0.2)


async def test_messages_that_came_before_anybody_listened_are_not_lost(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann")
    sent = await cast.send_many("bob", "ann", 5)
    await until(lambda: ann._following.intake.position == 5)
    assert await received(ann, 5) == sent


async def test_a_handler_may_call_the_client(client: Open, cast: Cast) -> None:
    ann, bob = await client(cast, "ann"), await client(cast, "bob")

    @bob.on(MessageReceived)
    async def _(event: MessageReceived) -> None:
        await bob.mark_read(event.message.conversation_id)
        await bob.history(event.message.conversation_id)
        await bob.send(event.message.sender_id, event.message.content.upper())
        await bob.flush(10)

    for text in ("one", "two", "three"):
        await ann.send(cast["bob"], text)
    assert await received(ann, 3) == ["ONE", "TWO", "THREE"]


async def test_a_slow_handler_does_not_hold_up_the_connection(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann")
    gate = asyncio.Event()

    @ann.on(MessageReceived)
    async def _(_: MessageReceived) -> None:
        await gate.wait()

    await cast.send_many("bob", "ann", 2000)
    await until(lambda: ann._following.intake.position == 2000)  # four windows of the server: all acked
    await ann.send(cast["bob"], "still here")
    await ann.flush(10)
    gate.set()


async def test_a_handler_that_fails_is_told_and_the_next_event_comes(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann")
    seen: list[str] = []
    failures: list[HandlerFailed] = []
    ann.on(HandlerFailed)(failures.append)

    @ann.on(MessageReceived)
    def _(event: MessageReceived) -> None:
        seen.append(event.message.content)
        if len(seen) == 1:
            raise ValueError("first")

    sent = await cast.send_many("bob", "ann", 3)
    await until(lambda: len(seen) == 3 and failures)
    assert seen == sent
    assert str(failures[0].error) == "first"


async def test_iterators_and_handlers_all_get_every_event(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann")
    handled: list[str] = []
    ann.on(MessageReceived)(lambda event: handled.append(event.message.content))
    iterators = [asyncio.ensure_future(received(ann, 20)) for _ in range(2)]
    await asyncio.sleep(0.01)
    sent = await cast.send_many("bob", "ann", 20)
    assert await asyncio.gather(*iterators) == [sent, sent]
    assert handled == sent


async def test_an_iterator_that_gives_up_waiting_loses_nothing(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann")
    seen: list[str] = []
    sending = asyncio.ensure_future(cast.send_many("bob", "ann", 300))
    while len(seen) < 300:
        source = ann.messages()
        try:
            async with asyncio.timeout(0.002):
                async for message in source:
                    seen.append(message.content)  # noqa: PERF401 - it is cut in between
        except TimeoutError:
            pass
        finally:
            await source.aclose()
    assert seen == await sending


async def test_a_handler_that_closes_the_client_has_handled_its_message(client: Open, cast: Cast) -> None:
    await cast.make("ann")
    await cast.send_many("bob", "ann", 3)
    ann = await client(cast, "ann", connect=False)
    closed = asyncio.Event()

    @ann.on(MessageReceived)
    async def _(_: MessageReceived) -> None:
        await ann.close()
        closed.set()

    await ann.connect()
    await asyncio.wait_for(closed.wait(), 10)
    again = await client(cast, "ann")
    assert [text[:12] for text in await received(again, 2)] == ["000000000001", "000000000002"]


DIES = """
import asyncio, os, sys
from roost.client import Client

async def main(url, token, store, last):
    async with Client(url, token=token, store=store) as client:
        async for message in client.messages():
            print(message.content, flush=True)
            if message.content == last:
                os._exit(9)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_killed_while_a_message_is_handled_this_one_comes_again_and_no_other(
    client: Open, cast: Cast, tmp_path: Path
) -> None:
    await cast.make("ann")
    sent = await cast.send_many("bob", "ann", 20)
    store = tmp_path / "ann.db"
    arguments = [sys.executable, "-c", DIES, cast.server.url, cast.token("ann"), str(store), sent[7]]
    run = await asyncio.to_thread(subprocess.run, arguments, capture_output=True, text=True, timeout=30)
    assert run.returncode == 9, run.stderr
    assert run.stdout.splitlines() == sent[:8]
    ann = await client(cast, "ann")
    assert await received(ann, 13) == sent[7:]


async def test_what_this_client_sent_is_not_received_by_it_but_by_the_users_other_devices(
    client: Open, cast: Cast
) -> None:
    await cast.make("bob")
    phone = await client(cast, "ann", store="phone", token=cast.token("ann", "phone"))
    tablet = await client(cast, "ann", store="tablet", token=cast.token("ann", "tablet"))
    await phone.send(cast["bob"], "from the phone")
    (message,) = await take(tablet.messages(), 1)
    assert (message.content, message.sender_id, message.state) == ("from the phone", cast["ann"], "sent")
    with pytest.raises(TimeoutError):
        await take(phone.messages(), 1, timeout=0.1)


async def test_changes_come_in_their_place(client: Open, cast: Cast) -> None:
    await cast.make("bob", "cat")
    ann = await client(cast, "ann")
    group = await ann.create_group("Tea", [cast["bob"]])
    await ann.send(group.conversation_id, "one")
    await ann.flush(10)
    await ann.add_member(group.group_id, cast["cat"])
    await ann.send(group.conversation_id, "two")
    await ann.flush(10)
    bob = await client(cast, "bob")
    await bob.mark_read(group.conversation_id)
    events: list[Any] = await take(bob.events(MessageReceived, MembershipChanged, ReadMarkMoved), 4)
    assert [type(event) for event in events] == [MessageReceived, MembershipChanged, MessageReceived, ReadMarkMoved]
    assert [event.seq for event in events] == [2, 3, 4, 5]
    assert (events[1].user_id, events[1].action) == (cast["cat"], "joined")


async def test_an_edit_is_a_change_and_no_second_message(client: Open, cast: Cast) -> None:
    """No route edits yet: the entry is put into the store as a page brings it."""
    from roost.client import MessageChanged  # noqa: PLC0415
    from roost.client.store.entries import Entries  # noqa: PLC0415

    ann = await client(cast, "ann")
    await cast.send_many("bob", "ann", 1)
    (message,) = await take(ann.messages(), 1)
    message.content, message.version, message.seq = "better", 2, 2
    await ann.disconnect()
    await ann.store.apply(Entries(messages=[message], through=2))
    ann._delivery.wake()
    events: list[Any] = await take(ann.events(MessageReceived, MessageChanged), 1)
    assert [(type(event), event.seq, event.message.content) for event in events] == [(MessageChanged, 2, "better")]


async def test_passing_events_are_bounded(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann", connect=False)
    gate = asyncio.Event()
    seen: list[Event] = []

    @ann.on(StateChanged)
    async def _(event: StateChanged) -> None:
        await gate.wait()
        seen.append(event)

    for n in range(5000):
        ann._delivery.tell(StateChanged(state=State.CONNECTING, reason=str(n)))
    await asyncio.sleep(0)
    gate.set()
    await until(lambda: seen and seen[-1].reason == "4999")
    assert len(seen) <= 1001


async def test_a_conversation_that_changed_often_is_told_once(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann", connect=False)
    for _ in range(100):
        ann._delivery.tell(ConversationChanged(conversation_id="g:tea"))
    seen: list[Event] = []
    ann.on(ConversationChanged)(seen.append)
    await until(lambda: seen)
    await asyncio.sleep(0.01)
    assert len(seen) == 1


def test_the_client_needs_no_part_of_the_server() -> None:
    """Importing the SDK loads no server, so that an application carries none of it."""
    code = "import sys, roost.client; print({'litestar', 'sqlalchemy', 'uvicorn'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert run.stdout.strip() == "set()"


async def test_an_unopened_client_says_so(cast: Cast) -> None:
    from roost.client import ClientClosed  # noqa: PLC0415

    ann = Client(cast.server.url, token=cast.token("ann"), store=":memory:")
    with pytest.raises(ClientClosed):
        await ann.unread()
    with pytest.raises(ClientClosed):
        await ann.send("bob", "hi")
    await ann.close()
