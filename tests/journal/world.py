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


class Rename(NamedTuple):
    """A group gets another name, which all its members are told."""

    group: str
    name: str


class Pull(NamedTuple):
    """What the logs of these lack of large groups, or of one, is entered: about `most` entries."""

    users: frozenset[str]
    group: str | None
    most: int


Work = Send | Membership | Rename | Pull


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


class Renamed(NamedTuple):
    """A change of a group's name."""

    group: str
    name: str


class Entry(NamedTuple):
    """A log entry; `origin` is the device of the log's own user that caused it, if one did."""

    what: Said | Noted | Renamed
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


@dataclass
class LargeLog:
    """A large group's own log, and up to where each member's has it."""

    entries: list[Said | Renamed] = field(default_factory=list)
    cursors: dict[str, int] = field(default_factory=dict)


class Told(NamedTuple):
    """What is told of a pulling: each entry with the places it has now, (user, seq); and whether there is more."""

    entries: list[tuple[Said | Renamed, list[tuple[str, int]]]]
    more: bool


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
    large: dict[str, LargeLog] = field(default_factory=dict)
    """The large ones among the groups."""
    said: dict[str, list[Said]] = field(default_factory=dict)
    first: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    saved: dict[Device, tuple[int, int]] = field(default_factory=dict)
    unsaved: dict[Device, int] = field(default_factory=dict)
    marks: dict[Device, set[int]] = field(default_factory=dict)

    # --- appending ---

    def work(self, work: Work, now: int) -> Outcome | type[RoostError] | bool | Told | None:
        if isinstance(work, Send):
            return self.send(work, now)
        if isinstance(work, Membership):
            return self.membership(work, now)
        if isinstance(work, Pull):
            return self.pull(work, now)
        self.rename(work, now)
        return None

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
        if send.group and (large := self.large.get(send.to)):
            self.pull_all(user, large, now)
            large.entries.append(said)
            large.cursors[user] = len(large.entries)
            receivers = {user}
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
        members, large = self.groups[work.group], self.large.get(work.group)
        if work.joins == (user in members):
            return False
        told = {user} if large else members | {user}
        (members.add if work.joins else members.remove)(user)
        if large and work.joins:
            large.cursors[user] = len(large.entries)
        elif large:
            self.pull_all(user, large, now)
            del large.cursors[user]
        for member in told:
            noted = Noted(work.group, user, work.joins)
            self.logs[member].entries.append(Entry(noted, device if member == user else None, now))
        return True

    def rename(self, work: Rename, now: int) -> None:
        renamed = Renamed(work.group, work.name)
        if large := self.large.get(work.group):
            large.entries.append(renamed)
            return
        for member in self.groups[work.group]:
            self.logs[member].entries.append(Entry(renamed, None, now))

    # --- large groups ---

    def grow(self, group: str) -> None:
        self.large[group] = LargeLog(cursors=dict.fromkeys(self.groups[group], 0))

    def pull_all(self, user: str, large: LargeLog, now: int) -> None:
        for what in large.entries[large.cursors[user] :]:
            self.logs[user].entries.append(Entry(what, None, now))
        large.cursors[user] = len(large.entries)

    def pull(self, work: Pull, now: int) -> Told:
        """Group by group, in the order of their making; those who lack the same of one get it together."""
        told: list[tuple[Said | Renamed, list[tuple[str, int]]]] = []
        left, more = work.most, False
        for large in [self.large[name] for name in self.groups if name in self.large and work.group in (None, name)]:
            behind = {user: place for user, place in large.cursors.items() if user in work.users}
            for place in sorted({place for place in behind.values() if place < len(large.entries)}):
                if left <= 0:
                    return Told(told, more=True)
                users = sorted(user for user in behind if behind[user] == place)
                count = max(1, left // len(users))
                entries = large.entries[place : place + count]
                for what in entries:
                    for user in users:
                        self.logs[user].entries.append(Entry(what, None, now))
                    told.append((what, [(user, self.logs[user].head) for user in users]))
                large.cursors |= dict.fromkeys(users, place + len(entries))
                left -= len(entries) * len(users)
                more = more or len(entries) == count
        return Told(told, more)

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
