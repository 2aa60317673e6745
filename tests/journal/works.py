"""What the journal's machine is asked to do, and when what it has then is what the model says."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st

from roost.journal.pulling import PIECE
from roost.model.message import Change, Message
from tests.journal.world import Device, Membership, Noted, Pull, Rename, Renamed, Send

USERS = ("ann", "bob", "cat")
DEVICES: tuple[Device, ...] = (("ann", "phone"), ("ann", "tablet"), ("bob", "phone"), ("cat", "phone"))
GROUPS = ("team", "club")

devices = st.sampled_from(DEVICES)
contents = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=8)
sends = st.builds(
    lambda author, to, content, message_id: Send(author, to[0], to[1], content, message_id),
    devices,
    st.sampled_from(
        [(user, False) for user in (*USERS, "nobody")] + [(group, True) for group in (*GROUPS, "team", "none")]
    ),
    contents,
    st.sampled_from([None, None, "a", "b", "c", "A"]),
)
memberships = st.builds(Membership, devices, st.sampled_from(GROUPS), st.booleans())
batches = st.lists(sends, min_size=1, max_size=6)
renames = st.builds(Rename, st.sampled_from(GROUPS), contents)
pulls = st.builds(
    Pull,
    st.frozensets(st.sampled_from(USERS), min_size=1),
    st.sampled_from([None, None, *GROUPS]),
    st.sampled_from([PIECE, PIECE, 1, 4]),
)
works = st.lists(st.one_of(sends, sends, memberships, renames, pulls), min_size=1, max_size=6)


def assert_same_entry(found: Message | Change, expected: Any) -> None:
    if isinstance(found, Message):
        assert_same(found, expected)
    elif found.kind == "group":
        assert Renamed(found.conversation_id[2:], found.name or "") == expected
    else:
        assert Noted(found.conversation_id[2:], found.user_id or "", found.action == "joined") == expected


def assert_same(message: Message, said: Any) -> None:
    assert (message.conversation_id, message.conversation_seq) == (said.conversation, said.number)
    assert (message.sender_id, message.content) == (said.sender, said.content)
    assert said.message_id in (None, message.message_id)
