"""The Protobuf spelling of frames: plain fields to bytes and back, by `roost.proto` alone."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message

from roost.protocol import roost_pb2 as pb
from tests.blackbox.line import Fields, Speech


def write(frame: Fields) -> bytes:
    fields = dict(frame)
    return bytes(pb.Frame(**{fields.pop("type"): fields}).SerializeToString())


def read(data: str | bytes) -> Fields:
    assert isinstance(data, bytes), f"text on a Protobuf connection: {data!r}"
    frame = pb.Frame.FromString(data)
    kind = frame.WhichOneof("type")
    assert kind is not None
    return {"type": kind} | plain(getattr(frame, kind))


def plain(message: Message) -> Fields:
    """All fields, those at their zero value too."""
    return {field.name: _value(field, getattr(message, field.name)) for field in message.DESCRIPTOR.fields}


def _value(field: Any, value: Any) -> Any:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return {key: plain(value[key]) for key in value}
    if field.is_repeated:
        return [plain(item) if isinstance(item, Message) else item for item in value]
    return plain(value) if isinstance(value, Message) else value


PROTOBUF = Speech(write, read)
