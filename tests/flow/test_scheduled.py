"""Messages that are sent later: once, whatever becomes of the node, and only where the author may write by then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from roost.admit.admission import Admission
from roost.admit.ratelimit import RateLimit
from roost.admit.wordfilter import WordFilter
from roost.deliver.bus import Alone
from roost.deliver.hub import Hub
from roost.errors import Conflict, InvalidInput, LimitReached, Unavailable, UnknownAttachment, UnknownMessage
from roost.flow.fanout import Fanout
from roost.flow.messages import scheduled as module
from roost.flow.messages.scheduled import CLAIM, Scheduling, Wish
from roost.flow.moderation.moderators import Moderators, Order
from roost.flow.submit import Submit
from roost.journal.contract import Author
from roost.model.message import Change, Message
from roost.protocol.answers import Scheduled
from roost.protocol.frames import Group, Private
from tests.files.shelf import open_shelf
from tests.rooms import Rooms, private


class NoWords:
    filter = WordFilter({})


class Killed(BaseException):
    """The process ends here."""


async def nothing(_: int) -> None:
    """No group here is large."""


def node(rooms: Rooms, send: Callable[[Submit], None] = lambda _: None) -> Scheduling:
    """A node's road; `send` may make another of how it sends."""
    off = RateLimit(0, lambda: 0.0, "messages")
    admission = Admission((off, off, off), None, lambda: 0.0)
    order = Order(admission, NoWords(), Moderators(rooms.database, rooms.clock))  # type: ignore[arg-type]
    fanout = Fanout(Hub(), Alone())
    submit = Submit(rooms.journal, fanout, order, rooms.clock, max_content=100, pushed=lambda: None, bring=nothing)
    send(submit)
    return Scheduling(rooms.database, rooms.journal, fanout, submit, admission, rooms.clock)


async def plan(rooms: Rooms, author: Author, content: str = "later", *, group: str = "", name: str = "") -> Scheduled:
    at = rooms.clock() + 10_000
    name_or_none = name or None
    if group:
        wish = Wish(f"g:{group}", Group(to=group, content=content, message_id=name_or_none), at)
    else:
        wish = Wish("p:ann:bob", Private(to="bob", content=content, message_id=name_or_none), at)
    return await node(rooms).schedule(author, wish, address="")


async def said(rooms: Rooms, author: Author) -> list[str]:
    return [entry.what.content for entry in await rooms.log(author) if isinstance(entry.what, Message)]


async def test_it_is_sent_when_its_time_has_come_to_all_devices_of_both(rooms: Rooms, ann: Author, bob: Author) -> None:
    await plan(rooms, ann)
    road = node(rooms)
    assert await road.work() == rooms.clock() + 10_000
    assert await said(rooms, bob) == []
    rooms.clock.pass_(seconds=10)
    assert await road.work() is None
    assert await said(rooms, bob) == ["later"]
    assert [entry.origin for entry in await rooms.log(ann)] == [0]
    assert await road.listed(ann) == []


async def test_it_is_listed_changed_and_cancelled_by_its_author_alone(rooms: Rooms, ann: Author, bob: Author) -> None:
    road = node(rooms)
    one, two = await plan(rooms, ann, "one"), await plan(rooms, ann, "two")
    changed = await road.change(ann, one.scheduled_id, "1", one.send_time + 5, address="")
    assert await road.listed(ann) == [two, changed]
    assert (changed.content, changed.send_time) == ("1", one.send_time + 5)
    assert await road.listed(bob) == []
    for asked in (
        road.cancel(bob, one.scheduled_id),
        road.change(bob, one.scheduled_id, "x", None, address=""),
        road.cancel(ann, "77"),
    ):
        with pytest.raises(UnknownMessage):
            await asked
    await road.cancel(ann, two.scheduled_id)
    rooms.clock.pass_(seconds=11)
    await road.work()
    assert await said(rooms, bob) == ["1"]
    with pytest.raises(UnknownMessage):
        await road.cancel(ann, one.scheduled_id)


async def test_asking_again_is_harmless_and_what_can_not_be_is_refused(
    rooms: Rooms, ann: Author, bob: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await plan(rooms, ann, name="m-1")
    assert await plan(rooms, ann, "another", name="m-1") == first
    await rooms.send(private(ann, "bob", message_id="m-2"))
    with pytest.raises(Conflict):
        await plan(rooms, ann, name="m-2")
    monkeypatch.setattr(module, "MOST", 1)
    with pytest.raises(LimitReached):
        await plan(rooms, ann)
    for content, at in (("", 5000), ("x" * 101, 5000), ("hi", 0), ("hi", module.LONGEST_WAIT + 1)):
        wish = Wish("p:ann:bob", Private(to="bob", content=content), rooms.clock() + at)
        with pytest.raises(InvalidInput):
            await node(rooms).schedule(bob, wish, address="")


@pytest.mark.parametrize("stored", [False, True])
async def test_a_node_that_is_killed_while_it_sends_leaves_it_to_the_next_and_it_is_there_once(
    rooms: Rooms, ann: Author, bob: Author, stored: bool
) -> None:
    def kill(submit: Submit) -> None:
        send = submit.send

        async def killed(*arguments: object, **named: object) -> None:
            if stored:
                await send(*arguments, **named)  # type: ignore[arg-type]
            raise Killed

        submit.send = killed  # type: ignore[method-assign,assignment]

    one = await plan(rooms, ann)
    rooms.clock.pass_(seconds=11)
    with pytest.raises(Killed):
        await node(rooms, kill).work()
    await rooms.die()
    road = node(rooms)
    with pytest.raises(Conflict):
        await road.cancel(ann, one.scheduled_id)
    assert await road.work() is not None
    assert await said(rooms, bob) == ["later"] * stored
    rooms.clock.pass_(seconds=CLAIM / 1000)
    await road.work()
    await road.work()
    assert await said(rooms, bob) == ["later"]
    assert await road.listed(ann) == []


async def test_two_nodes_send_it_once(rooms: Rooms, ann: Author, bob: Author) -> None:
    for number in range(5):
        await plan(rooms, ann, str(number))
    rooms.clock.pass_(seconds=11)
    await asyncio.gather(node(rooms).work(), node(rooms).work())
    assert sorted(await said(rooms, bob)) == ["0", "1", "2", "3", "4"]


async def test_who_may_not_write_by_then_is_told_by_the_log(rooms: Rooms, ann: Author, bob: Author) -> None:
    await rooms.group("team", ann, bob)
    one = await plan(rooms, ann, group="team", name="m-1")
    assert one.conversation_id == "g:team"
    await rooms.leave("team", ann)
    rooms.clock.pass_(seconds=11)
    await node(rooms).work()
    await node(rooms).work()
    assert await said(rooms, bob) == []
    [entry] = await rooms.log(ann)
    change = entry.what
    assert isinstance(change, Change)
    assert (change.kind, change.action, change.message_id, change.error) == (
        "scheduled",
        "failed",
        "m-1",
        "not_a_member",
    )
    assert await node(rooms).listed(ann) == []


@pytest.mark.parametrize(("to", "seconds"), [("bob", 5), ("cat", 5), ("cat", 11)])
async def test_its_author_is_told_where_another_message_was_sent_with_its_id(
    rooms: Rooms, ann: Author, bob: Author, cat: Author, to: str, seconds: int
) -> None:
    await plan(rooms, ann, name="m-1")
    rooms.clock.pass_(seconds=seconds)
    await rooms.send(private(ann, to, "at once", message_id="m-1"))
    rooms.clock.pass_(seconds=11 - seconds)
    await node(rooms).work()
    await node(rooms).work()
    assert "later" not in await said(rooms, bob)
    changes = [entry.what for entry in await rooms.log(ann) if isinstance(entry.what, Change)]
    assert [(one.action, one.message_id, one.error) for one in changes] == [("failed", "m-1", "conflict")]


async def test_where_the_server_can_not_take_it_now_it_is_tried_again(rooms: Rooms, ann: Author, bob: Author) -> None:
    def refuse(submit: Submit) -> None:
        async def refused(*_: object, **__: object) -> None:
            raise Unavailable

        submit.send = refused  # type: ignore[method-assign,assignment]

    await plan(rooms, ann)
    rooms.clock.pass_(seconds=11)
    due = await node(rooms, refuse).work()
    assert due == rooms.clock() + module.TRY_AGAIN
    rooms.clock.pass_(seconds=module.TRY_AGAIN / 1000)
    await node(rooms).work()
    assert await said(rooms, bob) == ["later"]


async def test_its_files_wait_for_it_also_where_another_message_that_carried_them_was_recalled(
    rooms: Rooms, ann: Author, bob: Author, tmp_path: Path
) -> None:
    async with open_shelf(rooms, tmp_path) as shelf:
        file, other = await shelf.upload(ann), await shelf.upload(ann)
        first = await shelf.send(ann, "bob", file, other)
        send = Private(to="bob", content="later", attachments=[file.id])
        wish = Wish("p:ann:bob", send, rooms.clock() + 10_000)
        planned = await node(rooms).schedule(ann, wish, address="")
        await node(rooms).change(ann, planned.scheduled_id, None, rooms.clock() + 20_000, address="")
        await shelf.recall(first)
        with pytest.raises(UnknownAttachment):
            await shelf.read(bob, file)
        rooms.clock.pass_(seconds=20)
        assert await shelf.attachments.sweep() == 1
        await node(rooms).work()
        assert await said(rooms, bob) == ["", "later"]
        assert await shelf.read(bob, file) == b"hello"


async def test_its_files_go_a_day_after_its_time_where_it_was_cancelled(
    rooms: Rooms, ann: Author, bob: Author, tmp_path: Path
) -> None:
    async with open_shelf(rooms, tmp_path) as shelf:
        file = await shelf.upload(ann)
        first = await shelf.send(ann, "bob", file)
        wish = Wish("p:ann:bob", Private(to="bob", content="later", attachments=[file.id]), rooms.clock() + 10_000)
        planned = await node(rooms).schedule(ann, wish, address="")
        await shelf.recall(first)
        await node(rooms).cancel(ann, planned.scheduled_id)
        rooms.clock.pass_(days=1, seconds=9)
        assert await shelf.attachments.sweep() == 0
        rooms.clock.pass_(seconds=1)
        assert await shelf.attachments.sweep() == 1
