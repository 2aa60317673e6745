"""A committed entry, encoded once per encoding however many readers there are."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import msgspec

from roost.model.message import Change, Message
from roost.protocol import protobuf
from roost.protocol.codec import encode_json

_decode_message = msgspec.json.Decoder(Message).decode
_decode_change = msgspec.json.Decoder(Change).decode

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

    __slots__ = ("_body", "_head", "_protobuf", "_what", "is_message")

    def __init__(self, what: Message | Change) -> None:
        """`what` has `seq` 0: it is the same for all."""
        self._what: Message | Change | None = what
        self._body = b""
        self._begin(is_message=isinstance(what, Message))

    def _begin(self, *, is_message: bool) -> None:
        self.is_message = is_message
        self._head = b'{"type":"message","seq":' if is_message else b'{"type":"change","seq":'
        self._protobuf = b""

    @property
    def what(self) -> Message | Change:
        """What was logged, with `seq` 0."""
        if self._what is None:
            self._what = (_decode_message if self.is_message else _decode_change)(b"{" + self._body)
        return self._what

    @property
    def body(self) -> bytes:
        """Its JSON without the brace that opens it."""
        if not self._body:
            self._body = encode_json(self._what)[1:]
        return self._body

    def json(self, seq: int) -> bytes:
        """The text frame for a reader in whose log this stands at `seq`."""
        return b"%b%d,%b" % (self._head, seq, self._body or self.body)

    def protobuf(self, seq: int) -> bytes:
        """The binary frame, likewise."""
        what = self.what
        if isinstance(what, Change):
            return protobuf.change_frame(what, seq)
        if not self._protobuf:
            self._protobuf = protobuf.encode_message_body(what)
        return protobuf.message_frame(self._protobuf, seq)


class ReceivedEntry(EncodedEntry):
    """An entry of which another node has sent the `body`. It is decoded only where somebody needs that."""

    __slots__ = ()

    def __init__(self, body: bytes, *, is_message: bool) -> None:
        self._what = None
        self._body = body
        self._begin(is_message=is_message)
