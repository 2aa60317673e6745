"""Protobuf: the same structs as JSON, through the generated classes of `roost.proto` (C4).

One generic walk serves every message. The names of the .proto are the wire names, so a struct as plain
values is already the argument list of its Protobuf class. Protobuf has no "absent" for most scalars: on the
way in, a field that the struct requires is read even at its zero value, an optional one only where set.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
from google.protobuf.message import DecodeError, Message

from roost.errors import InvalidInput, MalformedInput, UnknownFrameType
from roost.model.message import Change
from roost.model.message import Message as ChatMessage
from roost.protocol import roost_pb2 as pb
from roost.protocol.codec import FRAME_TYPES, LONGEST_NAME, NAMING, convert, read_json
from roost.protocol.frames import AnyClientFrame, Page, Response, ServerFrame, SyncRequest

SEQ_TAG = bytes([pb.Message.DESCRIPTOR.fields_by_name["seq"].number << 3])
"""The key of `Message.seq`, a varint: seq is spliced behind a message that was encoded once."""
MESSAGE_TAG = pb.Frame(message=pb.Message()).SerializeToString()[:2]
"""The key of `Frame.message`, length-delimited."""


@lru_cache(maxsize=256)
def _fields(kind: type[msgspec.Struct]) -> tuple[tuple[str, bool], ...]:
    return tuple((field.encode_name, field.required) for field in msgspec.structs.fields(kind))


def _plain(message: Message, kind: type[msgspec.Struct] | None = None) -> dict[str, Any]:
    values = {field.name: _value(field, value) for field, value in message.ListFields()}
    if kind is not None:
        known = message.DESCRIPTOR.fields_by_name
        for name, required in _fields(kind):
            if required and name not in values and name in known:
                values[name] = [] if known[name].is_repeated else getattr(message, name)
    return values


def _value(field: Any, value: Any) -> Any:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return {key: _plain(item) for key, item in value.items()}
    if field.is_repeated:
        return [_plain(item) if isinstance(item, Message) else item for item in value]
    return _plain(value) if isinstance(value, Message) else value


def _parse(message: Message, data: bytes) -> None:
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise MalformedInput(f"This is not a Protobuf {message.DESCRIPTOR.name}.") from None


def decode_client_protobuf(data: bytes) -> AnyClientFrame:
    """One binary frame. Raises `MalformedInput`, `UnknownFrameType` or `InvalidInput`."""
    frame = pb.Frame()
    _parse(frame, data)
    name = frame.WhichOneof("type")
    kind = FRAME_TYPES.get(name)
    if kind is None:
        raise UnknownFrameType(f"Unknown frame type {name!r}; known are {', '.join(sorted(FRAME_TYPES))}")
    values = _plain(getattr(frame, name), kind) | {"type": name}
    try:
        if name == "request" and "body" in values:
            values["body"] = read_json(values["body"])
        frame_of_kind: AnyClientFrame = convert(values, kind)
    except InvalidInput as refusal:
        refusal.data |= {naming: values[naming][:LONGEST_NAME] for naming in NAMING if values.get(naming)}
        raise
    return frame_of_kind


def decode_sync_request(data: bytes) -> SyncRequest:
    """The Protobuf body of `POST /messages/sync`."""
    request = pb.SyncRequest()
    _parse(request, data)
    return convert(_plain(request, SyncRequest), SyncRequest)


def _spelled(values: dict[str, Any]) -> dict[str, Any]:
    """Reactions as Protobuf has them, which knows no map of lists: in a message, or in all messages of a page."""
    for message in (values, *values.get("messages", ())):
        if "reactions" in message:
            named = message["reactions"].items()
            message["reactions"] = [{"emoji": emoji, "userIDs": user_ids} for emoji, user_ids in named]
    return values


def encode_sync_response(page: Page) -> bytes:
    """A page as a `SyncResponse`."""
    return bytes(pb.SyncResponse(**_spelled(msgspec.to_builtins(page))).SerializeToString())


def encode_protobuf(frame: ServerFrame | msgspec.Struct) -> bytes:
    """A server frame as a Protobuf `Frame`."""
    if isinstance(frame, Response):  # its body is JSON in either encoding
        answer = pb.Response(requestID=frame.request_id, status=frame.status, body=bytes(frame.body))
        return bytes(pb.Frame(response=answer).SerializeToString())
    values = _spelled(msgspec.to_builtins(frame))
    values.pop("data", None)
    return bytes(pb.Frame(**{values.pop("type"): values}).SerializeToString())


def encode_message_body(message: ChatMessage) -> bytes:
    """A message without its seq, as the bytes of a `Message`."""
    return bytes(pb.Message(**_spelled(msgspec.to_builtins(message))).SerializeToString())


_MORE = 0x80
"""The bit of a varint's byte that says another follows."""


def varint(number: int) -> bytes:
    """A non-negative number in Protobuf's base-128 form."""
    out = bytearray()
    while number >= _MORE:
        out.append(number & (_MORE - 1) | _MORE)
        number >>= 7
    out.append(number)
    return bytes(out)


def message_frame(body: bytes, seq: int) -> bytes:
    """The `Frame` of a message encoded by `encode_message_body`, for the reader in whose log it is at `seq`."""
    place = SEQ_TAG + varint(seq)
    return MESSAGE_TAG + varint(len(body) + len(place)) + body + place


def change_frame(change: Change, seq: int) -> bytes:
    """The `Frame` of a change, for the reader in whose log it is at `seq`."""
    return bytes(pb.Frame(change=msgspec.to_builtins(change) | {"seq": seq}).SerializeToString())
