"""A message and a change, as they are announced; and two devices."""

from __future__ import annotations

from roost.model.message import Change, Message
from roost.protocol.encoded import EncodedEntry

PHONE, TABLET = 10, 11
CHANGE = EncodedEntry(Change(kind="read", conversation_id="p:a:b"))
MESSAGE = EncodedEntry(
    Message(
        message_id="m",
        server_msg_id="1",
        conversation_id="p:a:b",
        conversation_seq=1,
        sender_id="a",
        message_type=1,
        content="hi",
        create_time=0,
        server_time=0,
        version=1,
    )
)
