"""An entry is encoded once; each reader's seq is spliced in, and nobody can tell."""

from __future__ import annotations

import json
from typing import Any

import hypothesis.strategies as st
import msgspec
from hypothesis import given

from roost.model.message import Change, Message
from roost.protocol import roost_pb2 as pb
from roost.protocol.encoded import EncodedEntry, Encoding, ReceivedEntry
from roost.protocol.frames import Pong
from tests.protocol.shapes import changes, messages

seqs = st.lists(st.integers(1, 2**63 - 1), min_size=1, max_size=4)


def frame_of(what: Message | Change, seq: int) -> dict[str, Any]:
    kind = "message" if isinstance(what, Message) else "change"
    return {"type": kind} | msgspec.to_builtins(msgspec.structs.replace(what, seq=seq))


@given(st.one_of(messages, changes), seqs)
def test_json_is_that_of_the_whole_frame_for_every_reader(what: Message | Change, places: list[int]) -> None:
    entry = EncodedEntry(what)
    for seq in places:
        assert json.loads(entry.json(seq)) == frame_of(what, seq)


@given(st.one_of(messages, changes), seqs)
def test_protobuf_is_that_of_the_whole_frame_for_every_reader(what: Message | Change, places: list[int]) -> None:
    entry = EncodedEntry(what)
    for seq in places:
        values = frame_of(what, seq)
        if values.get("reactions"):
            values["reactions"] = [{"emoji": emoji, "userIDs": ids} for emoji, ids in values["reactions"].items()]
        assert pb.Frame.FromString(entry.protobuf(seq)) == pb.Frame(**{values.pop("type"): values})


@given(st.one_of(messages, changes), seqs)
def test_what_another_node_has_encoded_is_written_as_if_it_were_ones_own(
    what: Message | Change, places: list[int]
) -> None:
    own = EncodedEntry(what)
    received = ReceivedEntry(own.body, is_message=own.is_message)
    for seq in places:
        assert received.json(seq) == own.json(seq)
        assert received.protobuf(seq) == own.protobuf(seq)
    assert received.what == what


@given(messages, seqs)
def test_a_long_message_is_spliced_like_a_short_one(message: Message, places: list[int]) -> None:
    """Lengths of more than one byte."""
    entry = EncodedEntry(msgspec.structs.replace(message, content="é" * 5000))
    for seq in places:
        decoded = pb.Frame.FromString(entry.protobuf(seq)).message
        assert (decoded.seq, decoded.content) == (seq, "é" * 5000)
        assert json.loads(entry.json(seq))["content"] == "é" * 5000


@given(messages)
def test_what_was_given_is_not_changed(message: Message) -> None:
    before = msgspec.structs.replace(message)
    entry = EncodedEntry(message)
    entry.json(7)
    entry.protobuf(7)
    assert message == before


def test_each_encoding_writes_frames_in_its_own_way() -> None:
    pong = Pong(server_time=5)
    assert json.loads(Encoding.JSON.encode(pong)) == {"type": "pong", "serverTime": 5}
    assert pb.Frame.FromString(Encoding.PROTOBUF.encode(pong)) == pb.Frame(pong=pb.Pong(serverTime=5))
