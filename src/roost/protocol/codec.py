"""JSON: bytes to client frames, server frames to bytes (CONTRACT §4), and the error of each failure."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from roost.errors import InvalidInput, MalformedInput, RoostError, UnknownFrameType
from roost.model.names import accept_snake_case
from roost.protocol.frames import AnyClientFrame, ChangeMessage, Error, Request, Send

T = TypeVar("T")

NAMING = {"messageID": "message_id", "requestID": "request_id"}
"""Fields that name what a client has sent, in both spellings; a refusal repeats them."""
LONGEST_NAME = 64
"""Characters of them that are repeated."""

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
    if isinstance(raw, dict):
        for name, spelled in NAMING.items():
            named = raw.get(name, raw.get(spelled))
            if isinstance(named, str | int) and not isinstance(named, bool):
                refusal.data[name] = str(named)[:LONGEST_NAME]
    return refusal


def read_json(data: bytes) -> Any:
    """A JSON body as plain values, its names as wire names. Raises `MalformedInput`."""
    try:
        return accept_snake_case(_decode_any(data))
    except UNREADABLE as error:
        raise MalformedInput(f"This is not JSON: {error}") from None


def convert(values: Any, kind: type[T], *, strict: bool = True) -> T:
    """Plain values as `kind`. Raises `InvalidInput`, which names the field, or `MalformedInput`."""
    try:
        return msgspec.convert(values, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise InvalidInput(str(error)) from None
    except RecursionError:
        raise MalformedInput("This is too deep.") from None


def error_frame(refusal: RoostError, frame: AnyClientFrame | None = None) -> Error:
    """The `error` frame of a refusal, naming what it is about: what `frame` names, or was found in one of no form."""
    data = dict(refusal.data)
    named = {name: data.pop(name, None) for name in NAMING}
    return Error(
        code=refusal.code,
        error=refusal.slug,
        message=str(refusal),
        message_id=_text(frame.message_id) if isinstance(frame, Send) else named["messageID"],
        server_msg_id=_text(frame.server_msg_id) if isinstance(frame, ChangeMessage) else None,
        request_id=_text(frame.request_id) if isinstance(frame, Request) else named["requestID"],
        retry_after=refusal.retry_after,
        data=data or None,
    )


def _text(named: str | int | None) -> str | None:
    return None if named is None else str(named)
