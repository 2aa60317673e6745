"""How every plan must end: all networks are well, everybody is connected and idle, and then

- each device's store is what a fresh store becomes by reading the log from 0, and agrees with the snapshot;
- each message sent is in every member's log exactly once, in the order of sending, or was reported as failed;
- each application was told of everything exactly once, in the order of the log (see `_told_once` for kills);
- no log has a gap.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from roost.client import Client, State, Store
from roost.client.store import sending
from roost.client.store.rows import DELIVERED, FAILED, SENT, StoredMessage
from roost.errors import NotAMember
from tests.chaos.devices import PATIENCE, Device, Person, Told, Town

DEADLINE = 30.0
"""Seconds from the healing of all networks until everybody is idle, at most; it takes a part of one."""
ALL = 1_000_000
"""Messages of a conversation, at most."""


async def check(town: Town) -> None:
    """Ends a plan: heals, waits and compares."""
    await settle(town)
    for person in {device.person: None for device in town.devices}:
        devices = [device for device in town.devices if device.person is person]
        messages, changes = await person.log()
        _numbered(messages, gaps=person in town.shifting)
        await _sent_once(devices, messages)
        for device in devices:
            assert not device.faults, device.faults
            _told_once(device, messages, changes)
        await _stores_agree(person, devices)
    await _received_by_all(town)
    assert not town.ears.heard, town.ears.heard


# --- idle ---


async def settle(town: Town) -> None:
    """Heals everything and waits until everybody has sent, received and been told all there is."""
    for device in town.devices:
        device.proxy.heal()
        await device.start()
        assert device.client is not None
        await device.client.connect()
    open_matters = [device.name for device in town.devices]
    try:
        async with asyncio.timeout(DEADLINE):
            while open_matters:
                open_matters = [line for device in town.devices if (line := await _open_matters(device))]
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError("\n".join(["not idle in the end:", *open_matters])) from None
    for device in town.devices:
        assert device.client is not None
        await device.client._following.others.ask_marks()


async def _open_matters(device: Device) -> str:
    """What a device has still to do, "" if nothing."""
    client = device.client
    assert client is not None
    pending = await client.store.read(sending.pending_count)
    marks = await client.store.read(sending.read_marks)
    config = await client.store.config()
    untold = await client.store.undelivered(config.delivered_seq, config.delivered_id, 1)
    if not (pending or marks or untold or client.sync.running) and client.state is State.CONNECTED:
        head = await device.person.head()
        known = (await device.person.call("GET", "/devices"))["devices"]
        position = next((one["position"] for one in known if one["deviceID"] == device.device_id), 0)
        if config.last_sync_seq == position == head:
            return ""
        return f"{device.name}: stands at {config.last_sync_seq} of {head}, at {position} as the server knows"
    return (
        f"{device.name}: {client.state} ({client.state_reason}), {pending} pending, marks {marks}, "
        f"syncing {client.sync.running}, at {config.last_sync_seq}, told up to {config.delivered_seq}, untold {untold}"
    )


# --- messages ---


def _numbered(messages: dict[int, dict[str, Any]], *, gaps: bool) -> None:
    """Each conversation is numbered 1, 2, 3 ... in the order of the log; with gaps where one was not a member."""
    ends: dict[str, int] = {}
    for _, message in sorted(messages.items()):
        conversation_id, number = message["conversationID"], message["conversationSeq"]
        due = ends.get(conversation_id, 0) + 1
        assert number == due or (gaps and number > due), f"{message} comes after {ends}"
        ends[conversation_id] = number


async def _sent_once(devices: list[Device], messages: dict[int, dict[str, Any]]) -> None:
    """What these devices of one person sent is in the log once and in order, or has failed; and nothing else is."""
    mine = [one for one in messages.values() if one["senderID"] == devices[0].person.user_id]
    places = {one["messageID"]: one for one in mine}
    assert len(places) == len(mine), "a message was stored twice"
    assert set(places) <= {sending.message_id for device in devices for sending in device.begun}
    for device in devices:
        assert device.client is not None
        unsent = await device.client.unsent()
        failed = {one.message_id for one in unsent if one.state == FAILED}
        outside = failed & {one.message_id for one in unsent if one.error_code == NotAMember.code}
        assert not outside or device.person in device.person.town.shifting
        ends: dict[str, int] = {}
        for sent in device.sent:
            fails = sent.bad or sent.message_id in outside
            assert (sent.message_id in failed) is fails, f"{sent} did not fail as it should"
            assert (sent.message_id in places) is not fails, f"{sent} is not in the log, or is and should not"
            if not fails:
                place = places[sent.message_id]
                assert (place["conversationID"], place["content"]) == (sent.conversation_id, sent.content)
                assert place["conversationSeq"] > ends.get(sent.conversation_id, 0), f"{sent} was overtaken"
                ends[sent.conversation_id] = place["conversationSeq"]


async def _received_by_all(town: Town) -> None:
    """The members of a conversation have the same messages."""
    logs = [(await person.log())[0] for person in {device.person: None for device in town.devices}]
    shared: list[dict[str, set[tuple[Any, ...]]]] = [{"p": set(), "g": set()} for _ in logs]
    for log, found in zip(logs, shared, strict=True):
        for one in log.values():
            kind, *names = one["conversationID"].split(":")
            if len(set(names)) == MEMBERS[kind]:
                fields = ("conversationID", "conversationSeq", "serverMsgID", "messageID", "content")
                found[kind].add(tuple(one[name] for name in fields))
    alices, bobs = shared
    assert alices["p"] == bobs["p"]
    assert alices["g"] == bobs["g"] or (town.shifting and alices["g"] >= bobs["g"])


MEMBERS = {"p": 2, "g": 1}
"""How many names there are in the id of a conversation of several."""


# --- applications ---


def _told_once(device: Device, messages: dict[int, dict[str, Any]], changes: dict[int, dict[str, Any]]) -> None:
    """Everything that is not this device's own was told once, in order.

    The one event that was being handled at a kill may come again, first thing afterwards. Of a user's read marks in
    one conversation, the later makes the earlier one needless.
    """
    again = {at for at in device.killed_at if 0 < at < len(device.told) and device.told[at] == device.told[at - 1]}
    told = [event for at, event in enumerate(device.told) if at not in again]
    seqs = [event.seq for event in told]
    assert seqs == sorted(set(seqs)), f"{device.name} was told twice or out of order: {told}"
    own = {sent.message_id for sent in device.begun}
    expected = {
        Told(seq, "MessageReceived", one["serverMsgID"])
        for seq, one in messages.items()
        if one["messageID"] not in own or one["senderID"] != device.person.user_id
    }
    expected |= {Told(seq, _kind(one, device.person.user_id), "") for seq, one in changes.items()}
    marks = {seq: one for seq, one in sorted(changes.items()) if one["kind"] == "read"}
    last = {(one["conversationID"], one["userID"]): seq for seq, one in marks.items()}
    needless = {event for event in expected if event.seq in marks and event.seq not in last.values()}
    assert expected - set(told) <= needless, f"{device.name} was not told of {sorted(expected - set(told) - needless)}"
    assert set(told) <= expected, f"{device.name} was told of {sorted(set(told) - expected)}"


def _kind(change: dict[str, Any], user_id: str) -> str:
    """The event that a change is to a user."""
    if change["kind"] == "read":
        return "ReadMarkMoved" if change["userID"] == user_id else "MemberRead"
    return {"group": "GroupChanged", "member": "MembershipChanged"}[change["kind"]]


# --- stores ---


async def _stores_agree(person: Person, devices: list[Device]) -> None:
    """Each device's store is what a fresh one becomes, from the log and from a snapshot."""
    fresh = await _from_log(person)
    snapshot = await _from_snapshot(person)
    for device in devices:
        assert device.client is not None
        found = await view(device.client.store)
        assert found == fresh, f"{device.name}: {differences(found, fresh)}"
        with_messages = person not in person.town.shifting
        told, kept = (_as_in_snapshot(one, with_messages=with_messages) for one in (snapshot, found))
        assert kept == told, f"{device.name}: {differences(kept, told)}"


async def view(store: Store) -> dict[str, dict[str, Any]]:
    """All that an application may read in a store, by conversation; without what is unsent."""
    seen = {}
    for one in await store.conversations(limit=ALL, offset=0):
        if not one.last_time:  # nothing but the outbox knows it
            continue
        messages = [found for found in await store.history(one.conversation_id, None, ALL) if found.seq]
        seen[one.conversation_id] = {
            "name": one.name,
            "muted": one.muted,
            "gone": one.gone,
            "read": one.read_seq,
            "last": (one.last_seq, one.last_time, one.last_message and one.last_message.server_msg_id),
            "unread": one.unread,
            "messages": [_shown(found, gone=one.gone) for found in messages],
        }
    counted, shown = await store.unread(), {name: one["unread"] for name, one in seen.items() if one["unread"]}
    assert counted == shown, f"unread: {counted} != {shown}"
    return seen


def _shown(message: StoredMessage, *, gone: bool) -> dict[str, Any]:
    """A message with what became of it. That others have got it is in no log, and not answered to who has gone."""
    fields: dict[str, Any] = msgspec.to_builtins(message)
    return fields | {"state": SENT} if gone and message.state == DELIVERED else fields


async def _from_log(person: Person) -> dict[str, dict[str, Any]]:
    token = person.town.server.token(person.user_id, "fresh")
    async with Client(person.town.server.url, token=token, store=":memory:", patience=PATIENCE) as client:
        await client.connected(DEADLINE)
        head = await person.head()
        assert await client.store.get_last_sync_seq() == head
        await client._following.others.ask_marks()
        return await view(client.store)


async def _from_snapshot(person: Person) -> dict[str, dict[str, Any]]:
    """What a store is that was put where the snapshot is, and was never connected."""
    token = person.town.server.token(person.user_id, "fresh")
    client = Client(person.town.server.url, token=token, store=":memory:")
    await client.open()
    try:
        await client._following.must_reset()
        return await view(client.store)
    finally:
        await client.close()


SHOWN = 20
"""Messages of each conversation in a snapshot."""


def _as_in_snapshot(seen: dict[str, dict[str, Any]], *, with_messages: bool) -> dict[str, dict[str, Any]]:
    """What a snapshot tells as well: the latest messages, without their places in the log.

    Without messages: a snapshot also has those from before one became a member.
    """
    shown = {}
    for name, one in seen.items():
        if one["messages"] and not one["gone"]:
            shown[name] = {what: one[what] for what in ("read", "unread", "muted")}
            if with_messages:
                shown[name]["last"] = one["last"][0]
                shown[name]["messages"] = [found | {"seq": 0} for found in one["messages"][-SHOWN:]]
    if not with_messages:  # of a group that was left and joined again there may be no messages in the store
        shown = {name: one for name, one in shown.items() if name.startswith("p:") or one["unread"]}
    return shown


def differences(found: Any, expected: Any, path: str = "") -> list[str]:
    """Where two values differ, for a person."""
    if isinstance(found, dict) and isinstance(expected, dict):
        keys = sorted({*found, *expected})
        return [line for key in keys for line in differences(found.get(key), expected.get(key), f"{path}/{key}")]
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        pairs = enumerate(zip(found, expected, strict=True))
        return [line for at, (one, other) in pairs for line in differences(one, other, f"{path}/{at}")]
    return [] if found == expected else [f"{path}: {str(found)[:300]} != {str(expected)[:300]}"]
