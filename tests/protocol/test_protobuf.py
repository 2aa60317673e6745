"""Protobuf carries what JSON carries, under the numbers of document C (C4)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import hypothesis.strategies as st
import msgspec
import pytest
from google.protobuf.message import Message as Encoded
from hypothesis import given

from roost.errors import InvalidInput, MalformedInput, UnknownFrameType
from roost.protocol import frames
from roost.protocol import roost_pb2 as pb
from roost.protocol.protobuf import (
    decode_client_protobuf,
    decode_sync_request,
    encode_protobuf,
    encode_sync_response,
    varint,
)
from tests.protocol.shapes import CLIENT_FRAMES, SERVER_FRAMES, structs, wire_type

client_frames = st.one_of([structs(kind, full=True) for kind in CLIENT_FRAMES])
server_frames = st.one_of([structs(kind) for kind in SERVER_FRAMES])


def assert_carries(message: Any, struct: msgspec.Struct) -> None:
    """Field by field: the same value, and for what is not set the zero of its type."""
    for field in msgspec.structs.fields(type(struct)):
        value = getattr(struct, field.name)
        if field.encode_name == "data":  # of errors: JSON only
            continue
        carried = getattr(message, field.encode_name)
        if value is None:
            assert not (carried.ListFields() if hasattr(carried, "ListFields") else carried)
        elif isinstance(value, msgspec.Struct):
            assert_carries(carried, value)
        elif field.encode_name == "reactions":
            assert {one.emoji: list(one.userIDs) for one in carried} == value
        elif isinstance(value, list) and value and isinstance(value[0], msgspec.Struct):
            for one, other in zip(carried, value, strict=True):
                assert_carries(one, other)
        elif isinstance(value, dict):
            assert set(carried) == set(value)
            for key, other in value.items():
                assert_carries(carried[key], other)
        else:
            assert (list(carried) if isinstance(value, list) else carried) == value


@given(client_frames)
def test_a_client_frame_comes_back_as_it_was(frame: Any) -> None:
    values = msgspec.to_builtins(frame)
    if "body" in values:  # of a request: JSON
        values["body"] = msgspec.json.encode(values["body"])
    data = pb.Frame(**{values.pop("type"): values}).SerializeToString()
    assert decode_client_protobuf(data) == frame


@given(server_frames)
def test_a_server_frame_carries_every_field(frame: Any) -> None:
    message = pb.Frame.FromString(encode_protobuf(frame))
    assert message.WhichOneof("type") == wire_type(frame)
    assert_carries(getattr(message, wire_type(frame)), frame)


def test_a_response_carries_json() -> None:
    answer = frames.Response(request_id="7", status=404, body=msgspec.Raw(b'{"code":40400}'))
    message = pb.Frame.FromString(encode_protobuf(answer)).response
    assert (message.requestID, message.status, message.body) == ("7", 404, b'{"code":40400}')


@pytest.mark.parametrize("body", [b"{", b"[]", b"5", b"\xff"])
def test_a_request_whose_body_is_no_json_object_is_named(body: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        decode_client_protobuf(pb.Frame(request=pb.Request(requestID="7", path="/", body=body)).SerializeToString())
    assert caught.value.data == {"requestID": "7"}


@given(structs(frames.Page))
def test_a_sync_response_carries_every_field(page: frames.Page) -> None:
    assert_carries(pb.SyncResponse.FromString(encode_sync_response(page)), page)


@given(structs(frames.SyncRequest, full=True))
def test_a_sync_request_comes_back_as_it_was(request: frames.SyncRequest) -> None:
    assert decode_sync_request(pb.SyncRequest(**msgspec.to_builtins(request)).SerializeToString()) == request


def test_an_empty_sync_request_asks_for_the_first_page() -> None:
    assert decode_sync_request(b"") == frames.SyncRequest(last_seq=0, count=500)


def test_a_last_seq_of_0_is_not_the_same_as_none() -> None:
    follows = decode_client_protobuf(pb.Frame(auth=pb.Auth(token="t", lastSeq=0)).SerializeToString())
    simple = decode_client_protobuf(pb.Frame(auth=pb.Auth(token="t")).SerializeToString())
    assert isinstance(follows, frames.Auth)
    assert isinstance(simple, frames.Auth)
    assert (follows.last_seq, simple.last_seq) == (0, None)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ack", pb.Ack()),
        ("read", pb.Read()),
        ("sync", pb.SyncRequest()),
        ("presence", pb.Presence()),
        ("ping", pb.Ping()),
        ("typing", pb.Typing()),
    ],
)
def test_a_frame_of_zeros_is_a_frame(name: str, message: Encoded) -> None:
    """Protobuf does not write a zero."""
    assert wire_type(decode_client_protobuf(pb.Frame(**{name: message}).SerializeToString())) == name


@pytest.mark.parametrize(
    "name", ["ready", "offline", "sent", "message", "change", "sync_batch", "pong", "error", "response"]
)
def test_a_server_frame_from_a_client_is_of_unknown_type(name: str) -> None:
    data = pb.Frame(**{name: {}}).SerializeToString()
    with pytest.raises(UnknownFrameType, match=name):
        decode_client_protobuf(data)


def test_an_empty_frame_is_of_unknown_type() -> None:
    with pytest.raises(UnknownFrameType):
        decode_client_protobuf(b"")


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x05ab", b"\x0a\x03\x0a\x01\xff", b"{}", b"\x00"])
def test_what_is_no_protobuf_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedInput):
        decode_client_protobuf(data)


@given(st.binary(max_size=60))
def test_no_bytes_do_worse_than_to_be_refused(data: bytes) -> None:
    for decode in (decode_client_protobuf, decode_sync_request):
        with suppress(InvalidInput):
            decode(data)


@pytest.mark.parametrize(
    ("message", "numbers"),
    [
        (
            pb.Message,
            "messageID serverMsgID seq conversationID senderID messageType content createTime serverTime",
        ),
        (pb.SyncRequest, "lastSeq count timestamp"),
        (pb.SyncResponse, "messages maxSeq hasMore totalCount"),
    ],
)
def test_the_numbers_are_those_of_the_document(message: Any, numbers: str) -> None:
    for number, name in enumerate(numbers.split(), 1):
        assert message.DESCRIPTOR.fields_by_name[name].number == number


@pytest.mark.parametrize("kind", [*CLIENT_FRAMES, *SERVER_FRAMES, frames.Response], ids=lambda kind: kind.__name__)
def test_the_proto_has_every_field_of_the_struct_by_its_name(kind: type[Any]) -> None:
    oneof = pb.Frame.DESCRIPTOR.fields_by_name[str(kind.__struct_config__.tag)]
    known = {field.name for field in oneof.message_type.fields}
    assert {field.encode_name for field in msgspec.structs.fields(kind)} - known <= {"data"}


@given(st.integers(0, 2**63 - 1))
def test_a_varint_is_what_protobuf_writes(number: int) -> None:
    assert pb.Ack(seq=number).SerializeToString() == (b"\x08" + varint(number) if number else b"")
