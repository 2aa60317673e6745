"""`roost trace`: what it says of a message for each receiver and device, on every kind of database."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert

from roost.commands.trace import lines
from roost.config import Push
from roost.db.schema import push_log, push_outbox
from roost.errors import UnknownMessage, UnknownReceiver
from roost.flow.operating.trace import AtDevice, AtReceiver, Trace, trace
from roost.journal.contract import Author
from roost.journal.retention import clear
from roost.model.message import Change
from roost.operations import moment
from roost.roster import conversations as roster
from tests.rooms import BEGINNING, Clock, Rooms, private, to_group


async def traced(rooms: Rooms, message: Any, user: str | None = None, **push: Any) -> Trace:
    return await rooms.read(lambda connection: trace(connection, Push(**push), str(message), moment, user))


def of(found: Trace, user: str) -> AtReceiver:
    return next(receiver for receiver in found.receivers if receiver.user_id == user)


def at(found: Trace, user: str, device: str) -> AtDevice:
    return next(one for one in of(found, user).devices if one.device_id == device)


async def test_it_tells_how_far_a_message_has_come(rooms: Rooms, ann: Author, bob: Author) -> None:
    laptop, tablet = await rooms.author("ann", "laptop"), await rooms.author("bob", "tablet")
    await rooms.send(private(bob, "ann"))
    sent = await rooms.send(private(ann, "bob", message_id="my/own"))
    for device, seq in ((bob, 2), (laptop, 1)):
        rooms.positions.ack(device, seq)
    await rooms.positions.save()
    found = await traced(rooms, sent.message.server_msg_id)
    assert [receiver.user_id for receiver in found.receivers] == ["ann", "bob"]
    assert (of(found, "bob").seq, of(found, "bob").logged, of(found, "bob").not_logged) == (2, BEGINNING, None)
    said = {(one, two): at(found, one, two) for one, two in (("ann", "phone"), ("ann", "laptop"), ("bob", "phone"))}
    assert {name: (one.sent_here, one.stored) for name, one in said.items()} == {
        ("ann", "phone"): (True, True),
        ("ann", "laptop"): (False, False),
        ("bob", "phone"): (False, True),
    }
    assert not at(found, "bob", "tablet").stored
    rooms.positions.ack(tablet, 0)
    await rooms.positions.mark_synced(tablet, [sent.message.server_msg_id])
    assert at(await traced(rooms, "ann/my/own"), "bob", "tablet").stored  # beyond a hole, by its mark


async def test_it_tells_who_has_read(rooms: Rooms, ann: Author, bob: Author) -> None:
    one, two = [await rooms.send(private(ann, "bob")) for _ in range(2)]

    def read(tx: Any) -> None:
        roster.set_read_mark(tx, roster.find(tx, "p:ann:bob"), bob.uid, one.message.conversation_seq)

    await rooms.write(read)
    assert of(await traced(rooms, one.message.server_msg_id), "bob").read
    assert not of(await traced(rooms, two.message.server_msg_id), "bob").read


async def test_it_tells_why_a_message_is_in_no_log(
    rooms: Rooms, ann: Author, bob: Author, cat: Author, clock: Clock
) -> None:
    await rooms.group("team", ann, bob)
    sent = await rooms.send(to_group(ann, "team"))
    clock.pass_(days=30)
    await rooms.join("team", cat)
    rooms.positions.ack(bob, 1)
    await rooms.positions.save()
    await rooms.write(lambda tx: clear(tx, bob.uid, logged_before=clock() - 1, active_since=0))
    mid = sent.message.server_msg_id
    assert of(await traced(rooms, mid), "cat").not_logged == "joined later"
    assert of(await traced(rooms, mid), "bob").not_logged == "cleared since: the log begins after 1"
    await rooms.author("dan")
    assert of(await traced(rooms, mid, "dan"), "dan").not_logged == "was no member then"


async def test_who_has_left_is_told_of_by_name(rooms: Rooms, ann: Author, bob: Author) -> None:
    await rooms.group("team", ann, bob)
    sent = await rooms.send(to_group(ann, "team"))
    await rooms.leave("team", bob)
    mid = sent.message.server_msg_id
    assert [receiver.user_id for receiver in (await traced(rooms, mid)).receivers] == ["ann"]
    assert of(await traced(rooms, mid, "bob"), "bob").seq == 1


async def test_it_tells_what_became_of_pushes(rooms: Rooms, ann: Author, bob: Author) -> None:
    sent = await rooms.send(private(ann, "bob"))
    mid = int(sent.message.server_msg_id)
    assert of(await traced(rooms, mid), "bob").no_push == "bob has registered no push address"
    assert of(await traced(rooms, mid), "ann").no_push == "sent it"
    row = {
        "user_id": "bob",
        "message_id": mid,
        "push_type": "apns",
        "push_status": "dropped",
        "push_time": 5,
        "error_msg": "a device of the user has stored it",
        "created_at": 1,
        "device_id": "phone",
        "attempt": 0,
    }
    waiting = {
        "aid": 1,
        "uid": bob.uid,
        "did": bob.did,
        "mid": mid,
        "seq": 1,
        "attempt": 2,
        "due_at": 9,
        "created_at": 1,
    }
    await rooms.write(lambda tx: tx.execute(insert(push_log).values(row)) and None)
    await rooms.write(lambda tx: tx.execute(insert(push_outbox).values({**waiting, "taken_at": 0})) and None)
    found = await traced(rooms, mid)
    assert of(found, "bob").no_push is None
    tried, due = at(found, "bob", "phone").pushes
    assert (tried.platform, tried.status, tried.error) == ("apns", "dropped", "a device of the user has stored it")
    assert (due.status, due.due, due.attempt) == ("waits", 9, 2)


async def test_a_change_has_a_place_of_its_own(rooms: Rooms, ann: Author, bob: Author, clock: Clock) -> None:
    sent = await rooms.send(private(ann, "bob"))
    clock.pass_(seconds=5)
    await rooms.write(rooms.journal.record, sent.message, [ann.uid, bob.uid], None)
    await rooms.record(Change(kind="read", conversation_id="p:ann:bob"), [bob])
    found = await traced(rooms, sent.message.server_msg_id)
    assert (of(found, "bob").seq, of(found, "bob").changed_seq) == (1, 2)


async def test_a_message_to_a_large_group_waits_in_its_log(
    rooms: Rooms, ann: Author, bob: Author, clock: Clock
) -> None:
    await rooms.group("town", ann, bob)
    await rooms.grow("town")
    sent = await rooms.send(to_group(ann, "town"))
    mid = sent.message.server_msg_id
    assert of(await traced(rooms, mid), "ann").seq == 1
    assert of(await traced(rooms, mid), "bob").not_logged == "in the group's log, until a device comes"
    clock.pass_(days=1)
    await rooms.pull(bob)
    found = of(await traced(rooms, mid), "bob")
    assert (found.seq, found.not_logged, found.devices[0].stored) == (1, None, False)


async def test_a_trace_has_so_many_receivers_and_says_how_many_more(
    rooms: Rooms, ann: Author, bob: Author, cat: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roost.flow.operating.trace.MOST", 2)
    await rooms.group("team", ann, bob, cat)
    sent = await rooms.send(to_group(cat, "team"))
    found = await traced(rooms, sent.message.server_msg_id)
    assert ([one.user_id for one in found.receivers], found.more) == (["cat", "ann"], 1)


async def test_what_is_not_there_is_refused(rooms: Rooms, ann: Author, bob: Author) -> None:
    sent = await rooms.send(private(ann, "bob", message_id="m"))
    for name in ("99999", "m", "bob/m", "ann/", "/", "nonsense"):
        with pytest.raises(UnknownMessage):
            await traced(rooms, name)
    with pytest.raises(UnknownReceiver):
        await traced(rooms, sent.message.server_msg_id, "nobody")


async def test_a_person_reads_a_table(rooms: Rooms, ann: Author, bob: Author) -> None:
    sent = await rooms.send(private(ann, "bob", message_id="m"))
    mid = sent.message.server_msg_id
    assert lines(await traced(rooms, mid)) == [
        f"Message {mid} of ann in p:ann:bob, 2023-11-14T22:13:20Z:",
        "number 1 there, messageID m, as it was sent",
        "",
        "USER  DEVICE  SEQ  STORED     READ  ONLINE  LAST SEEN  PUSH",
        "ann   phone   1    sent here  yes   ?       never      none: sent it",
        "bob   phone   1    no, at 0   no    ?       never      none: bob has registered no push address",
    ]
