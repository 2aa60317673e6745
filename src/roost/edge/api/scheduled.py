"""Messages that are sent later."""

from __future__ import annotations

from typing import Annotated

import msgspec

from roost.edge.api.conversations import own_conversation
from roost.edge.api.messages import Outgoing
from roost.edge.api.operations import Call, ConversationID, operation
from roost.errors import InvalidInput
from roost.flow.messages.forwarding import receiver_in
from roost.flow.messages.scheduled import LONGEST_WAIT, Wish
from roost.model.names import Wire
from roost.protocol.answers import Scheduled, ScheduledList

SendTime = Annotated[int, msgspec.Meta(description=f"milliseconds; within {LONGEST_WAIT // 86_400_000} days")]


class ToBeSent(Outgoing, kw_only=True):
    """A message, and when it is to be sent. `createTime` does not count, nor does `to`: it goes to `conversationID`."""

    conversation_id: ConversationID
    send_time: SendTime


class OneScheduled(Wire, kw_only=True):
    """A scheduled message."""

    scheduled_id: str


class Rescheduled(OneScheduled, kw_only=True):
    """What of it is to be another."""

    content: Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1})] | None = None
    send_time: SendTime | None = None


class Cancelled(Wire, kw_only=True):
    """It will not be sent."""

    scheduled_id: str


async def schedule(call: Call, asked: ToBeSent) -> Scheduled:
    """Have a message sent later, once; who may send it is looked at then."""
    conversation = own_conversation(call.author, asked.conversation_id)
    kind, to = receiver_in(call.author, conversation)
    send = kind(
        to=to,
        content=asked.content,
        message_id=asked.message_id,
        message_type=asked.message_type,
        reply_to=asked.reply_to,
        mentions=asked.mentions,
        attachments=asked.attachments,
        ttl=asked.ttl,
        sticker=asked.sticker,
    )
    wish = Wish(conversation, send, asked.send_time)
    return await call.roads.scheduling.schedule(call.author, wish, address=call.address)


async def scheduled(call: Call) -> ScheduledList:
    """List what one has scheduled, the next first."""
    return ScheduledList(scheduled=await call.roads.scheduling.listed(call.author))


async def reschedule(call: Call, asked: Rescheduled) -> Scheduled:
    """Give it another content, another time, or both."""
    if asked.content is None and asked.send_time is None:
        raise InvalidInput("Name a content or a sendTime.")
    return await call.roads.scheduling.change(
        call.author, asked.scheduled_id, asked.content, asked.send_time, address=call.address
    )


async def cancel(call: Call, asked: OneScheduled) -> Cancelled:
    """Have it not sent."""
    await call.roads.scheduling.cancel(call.author, asked.scheduled_id)
    return Cancelled(scheduled_id=asked.scheduled_id)


OPERATIONS = (
    operation("POST", "/messages/scheduled", schedule, everywhere=True, status=201),
    operation("GET", "/messages/scheduled", scheduled, everywhere=True),
    operation("PATCH", "/messages/scheduled/{scheduled_id}", reschedule, everywhere=True),
    operation("DELETE", "/messages/scheduled/{scheduled_id}", cancel, everywhere=True),
)
