"""Devices that send and follow under load, and remember what they were told, whatever happens to the server.

A `Device` is what an SDK keeps on disk: what it has stored by seq, and what it has sent without a receipt. A `Link`
is one connection of it. The device reconnects with its position and sends again what has no receipt, under the same
messageID (CONTRACT §5.2-3).
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from bench.client import Connection, FullFrame, Message, json_frame
from bench.load import WrongDeliveryError

ACK_EVERY = 25
RESENT = 5
"""Messages with a receipt that a device sends again after each restart, as if the receipt had been lost."""


class Mark(NamedTuple):
    """What must stay the same about a message for ever, whoever reads it."""

    message_id: str
    server_msg_id: str
    conversation_id: str
    conversation_seq: int


@dataclass
class Sending:
    """A message that was sent: who must have it, and its receipt once there is one."""

    message_id: str
    sender: str
    conversation_id: str
    members: tuple[str, ...]
    frame: dict[str, Any]
    mark: Mark | None = None
    seq: int = 0
    """Its place in the sender's log, as the receipt has it."""

    def acknowledge(self, mark: Mark, seq: int) -> None:
        """Takes a receipt; a second one must say the same."""
        if self.mark is not None and (self.mark, self.seq) != (mark, seq):
            raise WrongDeliveryError(f"receipts differ: {self.mark} at {self.seq}, then {mark} at {seq}")
        if (mark.message_id, mark.conversation_id) != (self.message_id, self.conversation_id):
            raise WrongDeliveryError(f"{mark} is no receipt for {self}")
        self.mark, self.seq = mark, seq


class Device:
    """What a device knows. `seen` maps each seq to its message, or to None where the entry is a change."""

    def __init__(self, user: str, token: str) -> None:
        self.user = user
        self.token = token
        self.seen: dict[int, Mark | None] = {}
        self.position = 0
        """Everything up to here is in `seen`."""
        self.pending: dict[str, Sending] = {}
        self.acknowledged: list[Sending] = []
        self.duplicates = 0

    def store(self, seq: int, what: Mark | None) -> None:
        """Keeps an entry; what came before under the same seq must be the same."""
        if self.seen.setdefault(seq, what) != what:
            raise WrongDeliveryError(f"{self.user} had {self.seen[seq]} at {seq}, now {what}")
        while self.position + 1 in self.seen:
            self.position += 1


class Link(Connection):
    """One connection of a device, following its log; sends new messages while `window` is above zero."""

    decode = staticmethod(msgspec.json.Decoder(FullFrame).decode)

    def __init__(self, device: Device, cast: Cast, chance: random.Random) -> None:
        super().__init__(device.token, last_seq=device.position)
        self.device = device
        self.window = 0
        self._cast = cast
        self._chance = chance
        self._streamed = device.position
        self._acked = device.position
        self._again: dict[str, Sending] = {}

    def send_again(self) -> None:
        """What has no receipt, in order, and some of what has one."""
        told = self.device.acknowledged
        again = [*self.device.pending.values(), *self._chance.sample(told, min(RESENT, len(told)))]
        self._again = {sending.message_id: sending for sending in again}
        self.write(b"".join(json_frame(sending.frame) for sending in again))

    def send_on(self, window: int) -> None:
        """Sends from now on, with at most so many messages that have no receipt."""
        self.window = window
        new = [self._cast.sending(self.device.user, self._chance) for _ in range(window - len(self.device.pending))]
        self.device.pending |= {sending.message_id: sending for sending in new}
        if new and not self._transport.is_disconnected:
            self.write(b"".join(json_frame(sending.frame) for sending in new))

    def received(self, frame: FullFrame, last: bool) -> None:
        """Stores, checks, acks and sends on."""
        if frame.type == "sent":
            self._receipt(frame)
        elif frame.type == "message":
            self._stream(frame.seq, mark_of(frame))
        elif frame.type == "change":
            self._stream(frame.seq, None)
        elif frame.type == "offline":
            self._batch(frame)
        if last:
            self._answer()

    def _receipt(self, frame: FullFrame) -> None:
        sending = self.device.pending.pop(frame.message_id, None)
        if sending is not None:
            self.device.acknowledged.append(sending)
            self.device.duplicates += frame.duplicate
        else:
            sending = self._again[frame.message_id]
            if not frame.duplicate:
                raise WrongDeliveryError(f"stored a second time: {frame}")
        sending.acknowledge(mark_of(frame), frame.seq)
        self.device.store(frame.seq, sending.mark)

    def _batch(self, frame: FullFrame) -> None:
        entries = [(message.seq, mark_of(message)) for message in frame.messages]
        entries += [(change.seq, None) for change in frame.changes]
        for seq, what in sorted(entries, key=lambda entry: entry[0]):
            self._stream(seq, what)
        if [frame.from_seq + i for i in range(len(entries))] != sorted(seq for seq, _ in entries):
            raise WrongDeliveryError(f"batch {frame.from_seq}..{frame.through_seq} has holes")
        if self._streamed != frame.through_seq:
            raise WrongDeliveryError(f"batch to {frame.through_seq} ends at {self._streamed}")

    def _stream(self, seq: int, what: Mark | None) -> None:
        """The next entry; those in between are ours, known by their receipts."""
        missing = [gap for gap in range(self._streamed + 1, seq) if gap not in self.device.seen]
        if seq <= self._streamed or missing:
            raise WrongDeliveryError(f"{self.device.user}: seq {seq} after {self._streamed}")
        self._streamed = seq
        self.device.store(seq, what)

    def _answer(self) -> None:
        if self.device.position - self._acked >= ACK_EVERY:
            self._acked = self.device.position
            self.send({"type": "ack", "seq": self._acked})
        if self.window:
            self.send_on(self.window)


class Cast:
    """Who takes part, and the record of everything sent."""

    def __init__(self, users: list[str], group: str, members: tuple[str, ...]) -> None:
        self.users = users
        self.group = group
        self.members = members
        self.sendings: list[Sending] = []

    def sending(self, user: str, chance: random.Random) -> Sending:
        """A new message of this user, to another user or to the group."""
        if user in self.members and chance.random() < 0.4:
            return self._new(user, f"g:{self.group}", self.members, {"type": "group", "to": self.group})
        other = chance.choice([name for name in self.users if name != user])
        pair = tuple(sorted((user, other)))
        return self._new(user, "p:{}:{}".format(*pair), pair, {"type": "private", "to": other})

    def _new(self, user: str, conversation: str, members: tuple[str, ...], frame: dict[str, Any]) -> Sending:
        message_id = str(uuid.uuid4())
        frame |= {"messageID": message_id, "content": f"number {len(self.sendings)}, of {user}"}
        self.sendings.append(Sending(message_id, user, conversation, members, frame))
        return self.sendings[-1]


def mark_of(frame: FullFrame | Message) -> Mark:
    """The lasting parts of a message or a receipt."""
    return Mark(frame.message_id, frame.server_msg_id, frame.conversation_id, frame.conversation_seq)
