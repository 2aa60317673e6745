"""Frames from the server, decoded: JSON text to the structs of `roost.protocol`."""

from __future__ import annotations

import msgspec

from roost.model.message import Change, Message
from roost.protocol import frames


class LiveMessage(Message, tag_field="type", tag="message", kw_only=True):
    """A message as it comes live."""


class LiveChange(Change, tag_field="type", tag="change", kw_only=True):
    """A change as it comes live."""


ServerFrame = (
    frames.Ready
    | frames.Offline
    | frames.Sent
    | frames.SyncBatch
    | frames.TypingNotice
    | frames.PresenceNotice
    | frames.ReceiptsNotice
    | frames.ProfileNotice
    | frames.Pong
    | frames.Response
    | frames.Error
    | LiveMessage
    | LiveChange
)

_decode = msgspec.json.Decoder(ServerFrame).decode
_peek = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def decode_server_frame(data: bytes) -> ServerFrame | None:
    """One text frame; None for a type that this version does not know. Raises `msgspec.DecodeError`."""
    try:
        frame: ServerFrame = _decode(data)
    except msgspec.ValidationError:
        kind = _peek(data).get("type")
        if kind is None or bytes(kind).strip(b'"').decode() in KNOWN:
            raise
        return None
    return frame


KNOWN = frozenset(str(kind.__struct_config__.tag) for kind in ServerFrame.__args__)
