"""Erasing a user's data, on every kind of database: in steps that may each be the last of a process."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import Connection, Insert, insert, select, update

from roost.db import schema
from roost.deliver.bus import Alone
from roost.deliver.hub import Hub
from roost.errors import UnknownReceiver
from roost.flow.fanout import Fanout
from roost.flow.groups.membership import Membership
from roost.flow.messages.changing import recalled
from roost.flow.moderation import reports
from roost.flow.operating.erasing import Erasing
from roost.flow.pulling import Pulling
from roost.journal import rewriting
from roost.journal.contract import Author, Committed
from roost.model.message import Message
from roost.protocol.codec import encode_json
from roost.push.register import Register
from roost.roster import blocks, erasures
from roost.roster import conversations as roster
from roost.roster.erasures import Erasure
from roost.roster.users import change_account
from tests.rooms import Clock, Rooms, private, to_group


class Killed(Exception):
    """The process ends here."""


def erasing(rooms: Rooms, *, shared: bool = False) -> Erasing:
    database, journal, clock = rooms.database, rooms.journal, rooms.clock
    hub, bus = Hub(), Alone()
    fanout = Fanout(hub, bus)
    pulling = Pulling(database, journal, fanout, hub, bus)
    membership = Membership(database, journal, fanout, clock, pulling, max_members=100, small=20)
    register = Register(database, clock, (), shared=True)
    return Erasing(database, journal, fanout, membership, register, clock, positions=rooms.positions, shared=shared)


async def ask(rooms: Rooms, user: Author) -> None:
    def begin(tx: Connection) -> None:
        erasures.begin_erasure(tx, user.uid, rooms.clock())
        change_account(tx, user.uid, erased_at=rooms.clock())

    await rooms.write(begin)


async def state(rooms: Rooms, user: Author) -> Erasure:
    return await rooms.read(erasures.erasure_of, user.uid)


async def contents(rooms: Rooms, user: Author) -> dict[str, Any]:
    """What the user's log says of each message now."""
    entries = [entry.what for entry in await rooms.log(user)]
    return {what.message_id: (what.content, what.recall_reason) for what in entries if isinstance(what, Message)}


async def test_whatever_the_step_it_goes_on_after_a_crash(rooms: Rooms, ann: Author, bob: Author, cat: Author) -> None:
    """Every write may be the last one of a process; what comes of it all is the same, and nobody is told twice."""
    await rooms.group("tea", bob, ann, cat)
    await rooms.batch(*(private(ann, "bob", f"{n}", f"p{n}") for n in range(3)))
    await rooms.batch(*(to_group(ann, "tea", f"{n}", f"g{n}") for n in range(2)))
    await rooms.batch(private(bob, "ann", "bob's own", "b"))
    before = (await rooms.state(bob)).head
    await ask(rooms, ann)
    write, crashes = rooms.database.write, 0
    while True:
        left = 1 + crashes

        async def one_less(*arguments: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return await write(*arguments)

        rooms.database.write = one_less  # type: ignore[method-assign]
        try:
            assert await erasing(rooms).work()
            break
        except Killed:
            crashes += 1
        finally:
            rooms.database.write = write  # type: ignore[method-assign]
    assert crashes > 5
    assert (await state(rooms, ann)).emptied == 5
    assert (await state(rooms, ann)).done_at
    empty = ("", "erased")
    assert await contents(rooms, bob) == dict.fromkeys(("p0", "p1", "p2", "g0", "g1"), empty) | {
        "b": ("bob's own", None)
    }
    assert (await rooms.state(bob)).head == before + 5 + 1, "five messages, and that ann has left"
    members = await rooms.read(lambda tx: roster.members_of(tx, roster.find(tx, "g:tea").cid))
    assert {member.user_id for member in members} == {"bob", "cat"}
    assert not await erasing(rooms).work()


async def test_nobody_writes_to_an_erased_user(rooms: Rooms, ann: Author, bob: Author, cat: Author) -> None:
    """Neither where there is a conversation nor where there is none; who sent before gets that receipt again."""
    first = await rooms.send(private(bob, "ann", message_id="m"))
    await rooms.send(private(bob, "cat"))
    await ask(rooms, ann)
    assert await erasing(rooms).work()
    head = (await rooms.state(ann)).head
    again, more, new, system, other = await rooms.batch(
        private(bob, "ann", message_id="m"),
        private(bob, "ann"),
        private(cat, "ann"),
        structs.replace(private(bob, "ann"), system=True),
        private(bob, "cat"),
    )
    assert (again.message.server_msg_id, again.duplicate) == (first.message.server_msg_id, True)
    assert [type(one) for one in (more, new, system, other)] == [UnknownReceiver] * 3 + [Committed]
    assert (await rooms.state(ann)).head == head


async def test_another_node_goes_on_when_one_is_gone(
    rooms: Rooms, ann: Author, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(rooms, ann)
    one, other = erasing(rooms, shared=True), erasing(rooms, shared=True)

    async def killed(_: Erasure) -> None:
        raise Killed

    monkeypatch.setattr(one, "_leave_conversations", killed)
    with pytest.raises(Killed):
        await one.work()
    assert not await other.work(), "somebody is at it"
    clock.pass_(seconds=61)
    assert await other.work()
    assert (await state(rooms, ann)).done_at


async def test_messages_in_a_dissolved_group_are_emptied_too(rooms: Rooms, ann: Author, bob: Author) -> None:
    await rooms.group("tea", bob, ann)
    sent = await rooms.send(to_group(ann, "tea"))
    await rooms.write(lambda tx: roster.dissolve(tx, roster.find(tx, "g:tea").cid, rooms.clock()))
    await ask(rooms, ann)
    assert await erasing(rooms).work()
    assert (await contents(rooms, bob))[sent.message.message_id] == ("", "erased")


async def test_nobody_knows_whom_the_user_had_blocked(rooms: Rooms, ann: Author, bob: Author) -> None:
    await rooms.write(blocks.block, ann.uid, bob.uid, 0, 0)
    await ask(rooms, ann)
    assert await erasing(rooms).work()
    assert await rooms.read(blocks.of_user, ann.uid) == []


def a_report(message: Message, reporter: Author, **more: Any) -> Insert:
    copy = {"mid": int(message.server_msg_id), "uid": reporter.uid, "copy": encode_json(message).decode()}
    return insert(schema.reports).values(reason="spam", comment="of hers", created_at=1, closed=False, **copy, **more)


async def test_moderation_keeps_that_something_was_reported_and_what_was_found(
    rooms: Rooms, ann: Author, bob: Author, cat: Author
) -> None:
    """Of the erased user's messages, also of what was recalled before; of its own reports; and not of others'."""
    await rooms.group("tea", ann, bob, cat)
    hers, gone, his = [
        sent.message
        for sent in await rooms.batch(
            to_group(ann, "tea", "a secret"), to_group(ann, "tea", "another"), to_group(bob, "tea", "his own")
        )
    ]
    recalling = recalled(gone, rooms.clock(), None)
    recalling.version += 1
    await rooms.write(rewriting.rewrite, recalling)
    found = {"resolution": "upheld", "note": "Warned.", "closed_by": "operator", "closed_at": 5}
    for report in (a_report(hers, bob), a_report(gone, cat), a_report(his, ann), a_report(his, cat)):
        await rooms.write(lambda tx, report=report: tx.execute(report))
    await rooms.write(lambda tx: tx.execute(update(schema.reports).values(**found, closed=True)))
    before = await rooms.read(reports.oldest, "all", 0, 10)
    await ask(rooms, ann)
    assert await erasing(rooms).work()
    after = await rooms.read(reports.oldest, "all", 0, 10)
    assert [one.message.content for one in after] == ["", "", "his own", "his own"]
    assert [one.message.recall_reason for one in after] == ["erased", "erased", None, None]
    assert [(one.message.sender_id, one.reporter_id, one.comment) for one in after] == [
        ("ann", "bob", "of hers"),
        ("ann", "cat", "of hers"),
        ("bob", None, ""),
        ("bob", "cat", "of hers"),
    ]
    for name in ("report_id", "reason", "resolution", "note", "closed_by", "close_time"):
        assert [getattr(one, name) for one in after] == [getattr(one, name) for one in before]


async def test_two_who_reported_the_same_are_both_erased(rooms: Rooms, ann: Author, bob: Author, cat: Author) -> None:
    await rooms.group("tea", ann, bob, cat)
    message = (await rooms.send(to_group(cat, "tea"))).message
    for reporter in (ann, bob):
        await rooms.write(lambda tx, reporter=reporter: tx.execute(a_report(message, reporter)))
        await ask(rooms, reporter)
    assert await erasing(rooms).work()
    assert await erasing(rooms).work()
    assert [one.reporter_id for one in await rooms.read(reports.oldest, "open", 0, 10)] == [None, None]


async def test_what_became_of_pushes_goes_however_much_it_is(rooms: Rooms, ann: Author) -> None:
    one = {"message_id": 1, "push_type": "fcm", "push_status": "sent", "push_time": 1, "created_at": 1, "attempt": 0}
    lines = [{"user_id": name, "device_id": "d", **one} for name in ("ann", "bob") * 1001]
    await rooms.write(lambda tx: tx.execute(insert(schema.push_log), lines))
    await ask(rooms, ann)
    assert await erasing(rooms).work()
    left = select(schema.push_log.c.user_id)
    assert set(await rooms.read(lambda tx: tx.execute(left).scalars().all())) == {"bob"}


async def test_where_a_device_stood_is_not_saved_after_it_is_forgotten(rooms: Rooms, ann: Author, bob: Author) -> None:
    await rooms.send(private(bob, "ann"))
    rooms.positions.ack(ann, 1)
    await ask(rooms, ann)
    assert await erasing(rooms).work()
    await rooms.positions.save()
    standing = select(schema.positions.c.did).where(schema.positions.c.uid == ann.uid)
    assert await rooms.read(lambda tx: tx.execute(standing).all()) == []
