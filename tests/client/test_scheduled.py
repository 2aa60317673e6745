"""Scheduling with the SDK."""

from __future__ import annotations

import time

from roost.client import ScheduledFailed
from tests.client.conftest import Open
from tests.client.people import Cast, received, take


def in_seconds(seconds: float) -> int:
    return int((time.time() + seconds) * 1000)


async def test_it_is_sent_though_the_author_is_gone(client: Open, cast: Cast) -> None:
    ann, bob = await client(cast, "ann"), await client(cast, "bob")
    never = in_seconds(600)
    one = await ann.schedule(bob.user_id, "now", never)
    other = await ann.schedule(bob.user_id, "never", never)
    await ann.cancel_scheduled(other.scheduled_id)
    await ann.reschedule(one.scheduled_id, content="soon", send_time=in_seconds(2))
    await ann.close()
    assert await received(bob, 1) == ["soon"]


async def test_files_are_sent_later_too(client: Open, cast: Cast) -> None:
    ann, bob = await client(cast, "ann"), await client(cast, "bob")
    photo = await ann.upload(b"milk, tea", name="list.txt")
    made = await ann.schedule(bob.user_id, "", in_seconds(600), attachments=[photo])
    assert made.attachments == [photo.id]
    await ann.reschedule(made.scheduled_id, send_time=in_seconds(1))
    (message,) = await take(bob.messages(), 1)
    assert [one.name for one in message.attachments or []] == ["list.txt"]


async def test_a_refusal_is_told_to_the_author(client: Open, cast: Cast) -> None:
    ann, bob = await client(cast, "ann"), await client(cast, "bob")
    group = await bob.create_group("Tea", [ann.user_id])
    failed = ann.events(ScheduledFailed)
    made = await ann.schedule(group.conversation_id, "late", in_seconds(2))
    await bob.remove_member(group.group_id, ann.user_id)
    (event,) = await take(failed, 1)
    assert (event.message_id, event.error) == (made.message_id, "not_a_member")
    assert await ann.scheduled() == []
