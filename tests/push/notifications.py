"""Notifications that tests send."""

from __future__ import annotations

import msgspec

from roost.push.contract import Missed, Notification
from tests.rooms import BEGINNING

HOUR = 3_600_000
"""Milliseconds."""

LONG_TEXTS = {
    "ascii": "abc " * 3000,
    "two bytes": "Grüße aus Köln " * 600,
    "three bytes": "山路を登りながら、こう考えた。" * 500,
    "four bytes": "🦆" * 5000,
    "escaped": '"\\\n\t' * 2000,
}
"""Texts that are longer than a phone's notification may be, in all that UTF-8 and JSON make longer."""


def notification(**changes: object) -> Notification:
    """A message of ann's, worth an hour; `changes` are other fields."""
    message = Missed(
        conversation_id="p:ann:ben",
        conversation_name="Ann",
        sender_id="ann",
        sender_name="Ann",
        server_msg_id="01K0",
        seq=41,
        text="hello",
        time=BEGINNING,
    )
    usual = Notification(
        user_id="ben",
        title="Ann",
        body="hello",
        badge=3,
        collapse="p:ann:ben",
        expires_at=BEGINNING + HOUR,
        missed=(message,),
    )
    return msgspec.structs.replace(usual, **changes)


def trial() -> Notification:
    """A push that a user asked for to see whether any arrives."""
    return notification(title="Roost", body="It works.", badge=0, collapse="", missed=())
