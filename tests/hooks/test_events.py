"""Events are written in the transaction of what they tell of, for who wants them, on every kind of database."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, select

from roost.config.webhooks import Webhook, Webhooks
from roost.db.schema import webhook_outbox
from roost.errors import Conflict
from roost.hooks.events import Moderation, emit
from roost.model.message import Change
from tests.hooks.listener import SECRET
from tests.rooms import BEGINNING, Rooms, private, to_group

ROWS = select(webhook_outbox).order_by(webhook_outbox.c.event_id)


def hook(name: str, *events: Any) -> Webhook:
    wanted = {"events": list(events)} if events else {}
    return Webhook(name=name, url="https://example.com", secrets=[SECRET], **wanted)


async def outbox(rooms: Rooms) -> list[Any]:
    return list(await rooms.read(lambda connection: connection.execute(ROWS).all()))


async def told(rooms: Rooms) -> list[tuple[str, Any]]:
    return [(row.hook, msgspec.json.decode(row.body)) for row in await outbox(rooms)]


async def with_hooks(rooms: Rooms, *hooks: Webhook) -> None:
    rooms.webhooks = Webhooks(endpoints=list(hooks))
    await rooms.restart()


async def test_a_message_is_told_in_its_own_transaction(rooms: Rooms) -> None:
    await with_hooks(rooms, hook("one"), hook("two", "message"), hook("three", "recall"))
    ann, bob = await rooms.authors("ann", "bob")
    await rooms.group("team", ann, bob)
    first, second = await rooms.batch(private(ann, "bob", "50 % off: %s \\ '\"", "m"), to_group(bob, "team", "ho"))
    await rooms.batch(private(ann, "bob", message_id="m"), private(ann, "nobody"))
    async with rooms.failing("log"):
        await rooms.batch(private(ann, "bob"))
    expected = [
        (name, {"type": "message", "time": BEGINNING, "data": msgspec.to_builtins(sent.message)})
        for sent in (first, second)
        for name in ("one", "two")
    ]
    assert await told(rooms) == expected
    [row, *_] = await outbox(rooms)
    assert (row.topic, row.event, row.attempt, row.due_at) == ("p:ann:bob", "message", 0, BEGINNING)


async def test_a_flagged_message_is_told_of_twice(rooms: Rooms) -> None:
    await with_hooks(rooms, hook("one", "message", "moderation"))
    ann, _ = await rooms.authors("ann", "bob")
    draft = private(ann, "bob", "hi")
    draft.flagged = ("hi",)
    [sent] = await rooms.batch(draft)
    message, flagged = [event for _, event in await told(rooms)]
    assert (message["type"], flagged["type"]) == ("message", "moderation")
    assert flagged["data"] == {
        "what": "flagged",
        "userID": "ann",
        "conversationID": "p:ann:bob",
        "serverMsgID": sent.message.server_msg_id,
        "content": "hi",
        "words": ["hi"],
    }


async def test_a_change_of_membership_is_told_and_a_read_mark_is_not(rooms: Rooms) -> None:
    await with_hooks(rooms, hook("one"))
    ann, bob = await rooms.authors("ann", "bob")
    await rooms.record(Change(kind="read", conversation_id="g:team"), [ann, bob])
    await rooms.record(Change(kind="member", conversation_id="g:team", action="joined", user_id="bob"), [ann, bob])
    [(_, event)] = await told(rooms)
    assert (event["type"], event["data"]["action"], event["data"]["userID"]) == ("membership", "joined", "bob")


async def test_a_recalled_message_is_told_whoever_recalls_it(rooms: Rooms) -> None:
    await with_hooks(rooms, hook("one", "recall"))
    ann, bob = await rooms.authors("ann", "bob")
    [sent] = await rooms.batch(private(ann, "bob"))
    await rooms.write(rooms.journal.record, sent.message, [ann.uid, bob.uid], None)  # a reaction, say
    recalled = msgspec.structs.replace(sent.message, content="", recall_time=5)
    await rooms.write(rooms.journal.record, recalled, [ann.uid, bob.uid], None)
    assert [event["data"]["recallTime"] for _, event in await told(rooms)] == [5]


async def test_what_is_taken_back_is_not_told(rooms: Rooms) -> None:
    await with_hooks(rooms, hook("one"))

    def fail(tx: Connection) -> None:
        emit(tx, "moderation", "", Moderation(what="spam", user_id="ann"))
        raise Conflict

    with pytest.raises(Conflict):
        await rooms.write(fail)
    assert await told(rooms) == []


async def test_without_webhooks_nothing_is_written(rooms: Rooms) -> None:
    ann, _ = await rooms.authors("ann", "bob")
    await rooms.batch(private(ann, "bob"))
    await rooms.record(Change(kind="member", conversation_id="g:team"), [ann])
    assert await outbox(rooms) == []
