"""JSON: bytes to client frames, server frames to bytes (CONTRACT §4), and the error of each failure."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from roost.errors import InvalidInput, MalformedInput, RoostError, UnknownFrameType
from roost.model.names import accept_snake_case
from roost.protocol.frames import AnyClientFrame, Error

T = TypeVar("T")

encode_json = msgspec.json.Encoder().encode
"""Any struct of `frames` (or plain value) as JSON bytes."""

_decode_frame = msgspec.json.Decoder(AnyClientFrame).decode
_decode_any = msgspec.json.Decoder().decode

UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)
"""What decoding raises where it is not JSON, not UTF-8, has thousands of digits, or is thousands deep."""

FRAME_TYPES: dict[str, type[Any]] = {str(kind.__struct_config__.tag): kind for kind in AnyClientFrame.__args__}
"""The client frames by their `type`."""


def decode_client_json(data: bytes) -> AnyClientFrame:
    """One text frame. Raises `MalformedInput`, `UnknownFrameType` or `InvalidInput` naming the field.

    Only a frame with an underscore somewhere can be spelled in snake_case, so only those pay for the look.
    """
    try:
        if b"_" not in data:
            frame: AnyClientFrame = _decode_frame(data)
        else:
            frame = msgspec.convert(accept_snake_case(_decode_any(data)), type=AnyClientFrame)
    except msgspec.ValidationError as error:
        raise _refusal_of(data, error) from None
    except UNREADABLE as error:
        raise MalformedInput(f"This is not JSON: {error}") from None
    return frame


def _refusal_of(data: bytes, error: msgspec.ValidationError) -> RoostError:
    try:
        raw = _decode_any(data)
    except UNREADABLE as deeper:
        return MalformedInput(f"This is not JSON: {deeper}")
    kind = raw.get("type") if isinstance(raw, dict) else None
    if isinstance(kind, str) and kind not in FRAME_TYPES:
        return UnknownFrameType(f"Unknown frame type {kind[:40]!r}; known are {', '.join(sorted(FRAME_TYPES))}")
    refusal = InvalidInput(str(error))
    if isinstance(raw, dict) and isinstance(message_id := raw.get("messageID", raw.get("message_id")), str):
        refusal.data["messageID"] = message_id[:64]
    return refusal


def decode_json(data: bytes, kind: type[T]) -> T:
    """A JSON body as `kind`, in wire names or snake_case. Raises `MalformedInput` or `InvalidInput`."""
    try:
        return msgspec.convert(accept_snake_case(_decode_any(data)), kind)
    except msgspec.ValidationError as error:
        raise InvalidInput(str(error)) from None
    except UNREADABLE as error:
        raise MalformedInput(f"This is not JSON: {error}") from None


def error_frame(refusal: RoostError, message_id: str | None = None, server_msg_id: str | None = None) -> Error:
    """The `error` frame of a refusal, about the message that it names if it is about one."""
    data = dict(refusal.data)
    named = data.pop("messageID", None)
    return Error(
        code=refusal.code,
        error=refusal.slug,
        message=str(refusal),
        message_id=message_id or named,
        server_msg_id=server_msg_id,
        retry_after=refusal.retry_after,
        data=data or None,
    )
