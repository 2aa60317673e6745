"""A committed entry, encoded once per encoding however many readers there are."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import msgspec

from roost.model.message import Change, Message
from roost.protocol import protobuf
from roost.protocol.codec import encode_json

Encode = Callable[[msgspec.Struct], bytes]


class Encoding(Enum):
    """What a connection speaks: the subprotocol's name, and how a frame becomes bytes."""

    JSON = "roost.v1.json"
    PROTOBUF = "roost.v1.proto"

    @property
    def encode(self) -> Encode:
        """The function from a server frame to the payload of a WebSocket message."""
        return encode_json if self is Encoding.JSON else protobuf.encode_protobuf


class EncodedEntry:
    """What was logged, ready to be written to many readers: only `seq` is theirs alone, and spliced in."""

    __slots__ = ("_head", "_json", "_protobuf", "what")

    def __init__(self, what: Message | Change) -> None:
        """`what` has `seq` 0: it is the same for all."""
        self.what = what
        self._head = b'{"type":"message","seq":' if isinstance(what, Message) else b'{"type":"change","seq":'
        self._json = b""
        self._protobuf = b""

    def json(self, seq: int) -> bytes:
        """The text frame for a reader in whose log this stands at `seq`."""
        if not self._json:
            self._json = encode_json(self.what)[1:]
        return b"%b%d,%b" % (self._head, seq, self._json)

    def protobuf(self, seq: int) -> bytes:
        """The binary frame, likewise."""
        if isinstance(self.what, Change):
            return protobuf.change_frame(self.what, seq)
        if not self._protobuf:
            self._protobuf = protobuf.encode_message_body(self.what)
        return protobuf.message_frame(self._protobuf, seq)
