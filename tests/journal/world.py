"""The journal as plain Python: what `test_machine` compares the real one with. Nothing here is clever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from roost.errors import NotAMember, RoostError, UnknownConversation, UnknownReceiver
from roost.model import ids

Device = tuple[str, str]
"""(user id, device id)"""


class Send(NamedTuple):
    """A draft: from a device to a user, or to a group where `group`."""

    author: Device
    to: str
    group: bool
    content: str
    message_id: str | None


class Membership(NamedTuple):
    """A user joins or leaves a group; every member's log tells of it."""

    author: Device
    group: str
    joins: bool


Work = Send | Membership


class Said(NamedTuple):
    """A message, wherever it is."""

    conversation: str
    number: int
    sender: str
    content: str
    message_id: str | None


class Noted(NamedTuple):
    """A change of membership."""

    group: str
    user: str
    joins: bool


class Entry(NamedTuple):
    """A log entry; `origin` is the device of the log's own user that caused it, if one did."""

    what: Said | Noted
    origin: str | None
    logged_at: int


@dataclass
class Log:
    """A user's log: everything ever entered, of which the first `floor` entries are gone."""

    entries: list[Entry] = field(default_factory=list)
    floor: int = 0

    @property
    def head(self) -> int:
        return len(self.entries)


class Outcome(NamedTuple):
    """What the sender is told: the message and its place in the sender's log."""

    said: Said
    author_seq: int
    duplicate: bool


@dataclass
class World:
    """All of it."""

    logs: dict[str, Log]
    groups: dict[str, set[str]]
    said: dict[str, list[Said]] = field(default_factory=dict)
    first: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    saved: dict[Device, tuple[int, int]] = field(default_factory=dict)
    unsaved: dict[Device, int] = field(default_factory=dict)
    marks: dict[Device, set[int]] = field(default_factory=dict)

    # --- appending ---

    def work(self, work: Work, now: int) -> Outcome | type[RoostError] | bool:
        return self.send(work, now) if isinstance(work, Send) else self.membership(work, now)

    def send(self, send: Send, now: int) -> Outcome | type[RoostError]:
        if (first := self.known(send)) is not None:
            return first._replace(duplicate=True)
        refusal, receivers = self.receivers(send)
        if refusal is not None:
            return refusal
        user, device = send.author
        conversation = conversation_of(send)
        messages = self.said.setdefault(conversation, [])
        said = Said(conversation, len(messages) + 1, user, send.content, send.message_id)
        messages.append(said)
        for receiver in receivers:
            self.logs[receiver].entries.append(Entry(said, device if receiver == user else None, now))
        outcome = Outcome(said, self.logs[user].head, duplicate=False)
        if send.message_id is not None:
            self.first[user, send.message_id] = outcome
        return outcome

    def known(self, send: Send) -> Outcome | None:
        return None if send.message_id is None else self.first.get((send.author[0], send.message_id))

    def receivers(self, send: Send) -> tuple[type[RoostError] | None, set[str]]:
        user = send.author[0]
        if not send.group:
            return (None, {user, send.to}) if send.to in self.logs else (UnknownReceiver, set())
        members = self.groups.get(send.to)
        if members is None:
            return UnknownConversation, set()
        return (None, members) if user in members else (NotAMember, set())

    def membership(self, work: Membership, now: int) -> bool:
        user, device = work.author
        members = self.groups[work.group]
        if work.joins == (user in members):
            return False
        told = members | {user}
        (members.add if work.joins else members.remove)(user)
        for member in told:
            noted = Noted(work.group, user, work.joins)
            self.logs[member].entries.append(Entry(noted, device if member == user else None, now))
        return True

    # --- positions ---

    def mark(self, device: Device) -> int:
        return self._passed(device, max(self.saved.get(device, (0, 0))[0], self.unsaved.get(device, 0)))

    def _passed(self, device: Device, mark: int) -> int:
        waiting = self._waiting(device, mark)
        return max(mark, waiting[0] - 1 if waiting else self.logs[device[0]].head)

    def _waiting(self, device: Device, mark: int) -> list[int]:
        user, name = device
        log, marked = self.logs[user], self.marks.get(device, set())
        return [
            seq
            for seq, entry in enumerate(log.entries, 1)
            if seq > max(mark, log.floor)
            and isinstance(entry.what, Said)
            and entry.origin != name
            and seq not in marked
        ]

    def offline(self, device: Device) -> list[int]:
        return self._waiting(device, self.mark(device))

    def ack(self, device: Device, seq: int) -> None:
        if seq > self.unsaved.get(device, 0):
            self.unsaved[device] = seq

    def save(self, now: int) -> None:
        for device, seq in self.unsaved.items():
            self._advance(device, seq, now)
        self.unsaved.clear()

    def _advance(self, device: Device, seq: int, now: int) -> None:
        if device not in self.saved or self.saved[device][0] <= seq:
            self.saved[device] = seq, now
        self.marks[device] = {marked for marked in self.marks.get(device, set()) if marked > seq}

    def mark_synced(self, device: Device, seqs: Sequence[int], now: int) -> int:
        new = set(seqs) & set(self.offline(device))
        before = self.mark(device)
        self.marks.setdefault(device, set()).update(new)
        mark = self._passed(device, before)
        self._advance(device, mark, now)
        self.ack(device, mark)
        return len(new)

    # --- the rest ---

    def clear(self, user: str, logged_before: int, active_since: int) -> int:
        stored = [mark for (owner, _), (mark, at) in self.saved.items() if owner == user and at >= active_since]
        log = self.logs[user]
        floor = log.floor
        while log.floor < min(stored, default=0) and log.entries[log.floor].logged_at < logged_before:
            log.floor += 1
        for device, marked in self.marks.items():
            if device[0] == user:
                marked.difference_update(range(log.floor + 1))
        return log.floor - floor

    def crash(self) -> None:
        """What was only in memory is gone."""
        self.unsaved.clear()


def conversation_of(send: Send) -> str:
    return ids.group_conversation(send.to) if send.group else ids.private_conversation(send.author[0], send.to)
