"""Replies on every kind of database: what they are to may be named by the author's own id, also in the same batch."""

from __future__ import annotations

import pytest

from roost.errors import UnknownMessage
from roost.journal.contract import Author, Draft
from roost.model.message import Extra, Message
from tests.rooms import Rooms, private


def reply(author: Author, user: str, to: str, message_id: str | None = None) -> Draft:
    draft = private(author, user, "yes", message_id)
    draft.reply_to, draft.extra = to, Extra()
    return draft


async def replies(rooms: Rooms, reader: Author) -> list[str | None]:
    return [entry.what.reply_to for entry in await rooms.log(reader) if isinstance(entry.what, Message)]


@pytest.mark.parametrize("name", ["mine", "7000000", "Zu spät"])
async def test_ones_own_id_becomes_the_servers(rooms: Rooms, ann: Author, bob: Author, name: str) -> None:
    first = (await rooms.send(private(ann, "bob", message_id=name))).message
    sent = await rooms.send(reply(ann, "bob", name))
    assert sent.message.reply_to == first.server_msg_id
    assert await replies(rooms, bob) == await replies(rooms, ann) == [None, first.server_msg_id]


async def test_a_servers_id_comes_before_ones_own(rooms: Rooms, ann: Author, bob: Author) -> None:
    first = (await rooms.send(private(ann, "bob"))).message
    await rooms.send(private(ann, "bob", message_id=first.server_msg_id))
    assert (await rooms.send(reply(ann, "bob", first.server_msg_id))).message.reply_to == first.server_msg_id


async def test_what_is_replied_to_may_have_come_just_before(rooms: Rooms, ann: Author, bob: Author) -> None:
    """Also where the batch is settled a second time, because something else of it was stored before."""
    await rooms.send(private(ann, "bob", message_id="before"))
    drafts = [private(ann, "bob", message_id="mine"), reply(ann, "bob", "mine", "second"), reply(ann, "bob", "second")]
    first, second, third, again = await rooms.batch(*drafts, private(ann, "bob", message_id="before"))
    assert again.duplicate
    assert second.message.reply_to == first.message.server_msg_id
    assert third.message.reply_to == second.message.server_msg_id
    assert await replies(rooms, bob) == [None, None, second.message.reply_to, third.message.reply_to]


async def test_a_reply_is_to_a_message_of_ones_own_or_of_the_server_and_of_the_same_conversation(
    rooms: Rooms, ann: Author, bob: Author, cat: Author
) -> None:
    await rooms.send(private(ann, "cat", message_id="elsewhere"))
    await rooms.send(private(bob, "ann", message_id="theirs"))
    drafts = [private(ann, "cat", message_id="as well"), reply(ann, "bob", "as well")]
    _, *outcomes = await rooms.batch(*drafts, reply(ann, "bob", "elsewhere"), reply(ann, "bob", "theirs"))
    assert [type(outcome) for outcome in outcomes] == [UnknownMessage] * 3
