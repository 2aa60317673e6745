"""A reader at a position: one connection's place in one user's log.

A reader that stands at the head, with room to write, is in the **fast lane**: a new entry is written to it at
once. Otherwise nothing is queued for it; it only learns how far the log goes, and reads on from the log when it
can. Catching up, live delivery, slow readers and reconnects are this one mechanism, and its memory is a few
integers per reader, however far it is behind (promise 4).

Nothing is passed over between reading the log and the fast lane: the reader is attached to the hub before it
reads. An entry committed after the read is announced after it, so either it raises `announced` before the reader
compares (and it reads again), or it finds the reader in the fast lane.
"""

from __future__ import annotations

from typing import Protocol

from roost.model.message import Message
from roost.protocol.encoded import EncodedEntry

UNBOUNDED = 2**63


class Sink(Protocol):
    """The connection a reader writes to."""

    @property
    def writable(self) -> bool:
        """Whether its buffer has room. A reader whose socket is full stays out of the fast lane."""

    def deliver(self, entry: EncodedEntry, seq: int) -> None:
        """Writes a live entry."""

    def read_on(self) -> None:
        """The reader has left the fast lane and may read: have it read the log from `position`."""


class Reader:
    """One connection's place. `position` is the last entry handed to its socket (or passed over)."""

    __slots__ = (
        "acked",
        "announced",
        "device",
        "fast",
        "follows",
        "held",
        "position",
        "reading",
        "sink",
        "uid",
        "window",
        "written",
    )

    def __init__(self, sink: Sink, uid: int, device: int, *, follows: bool, window: int) -> None:
        """`device` is its did; a reader that `follows` gets every entry and at most `window` beyond its ack.

        It is held until it knows where to start: what is committed meanwhile is announced to it.
        """
        self.sink = sink
        self.uid = uid
        self.device = device
        self.follows = follows
        self.position = 0
        self.acked = UNBOUNDED  # until it has started: no ack is beyond that
        self.announced = 0
        self.written = 0
        self.window = window if follows else UNBOUNDED
        self.fast = False
        self.reading = False
        self.held = True

    def start(self, position: int, head: int) -> None:
        """Stands at `position` of a log whose last entry was `head` when it was read. Still held."""
        self.position = self.acked = self.written = position
        self.announced = max(self.announced, head)

    def hold(self) -> None:
        """What comes next is not retained: nothing is read or written until an ack says where to go on."""
        self.held = True
        self.fast = False

    def go_on(self) -> None:
        """Reads what is ahead, or enters the fast lane at once."""
        self.held = False
        if not self.caught_up():
            self.wake()

    @property
    def room(self) -> int:
        """How many entries may be written before the next ack.

        What was passed over behind the last entry `written` is the device's own: it counts as acked with that.
        """
        return self.acked + self.window - self.position

    def skips(self, origin: int, what: object, via: object) -> bool:
        """Whether an entry is passed over: this device has it already, by its receipt.

        A follower has it only if this very connection sent it: what its device sent over HTTP comes here too. A
        simple reader skips whatever its device sent.
        """
        if self.follows:
            return via is self.sink
        return origin == self.device and isinstance(what, Message)

    def offer(self, entry: EncodedEntry, seq: int, origin: int, via: object) -> None:
        """A committed entry of this log. Written now in the fast lane; otherwise only announced."""
        if self.fast and seq == self.position + 1 and seq <= self.acked + self.window:
            self.announced = self.position = seq
            if origin and self.skips(origin, entry.what, via):
                if self.acked >= self.written:
                    self.acked = seq
                return
            self.written = seq
            self.sink.deliver(entry, seq)
        elif seq > self.position:  # else the log was read between its commit and this
            self.announced = max(self.announced, seq)
            self.fast = False
            self.wake()

    def learn(self, head: int) -> bool:
        """The log goes to `head` at least. Whether that is news; then it reads on."""
        if head <= self.announced:
            return False
        self.announced = head
        self.fast = False
        self.wake()
        return True

    def wake(self) -> None:
        """Reads on if there is something to read, room for it, and no reading under way."""
        if not (self.fast or self.reading or self.held) and self.room > 0:
            self.reading = True
            self.sink.read_on()

    def ack(self, seq: int) -> None:
        """The device has stored everything up to `seq`: the window moves on.

        For a reader that is held it says where to go on; in a log that is still empty that is where it stands: 0.
        """
        if seq > self.acked or (self.held and seq == self.acked):
            self.position = max(self.position, seq)
            self.acked = self.position if seq >= self.written else seq
            self.held = False
            self.wake()

    def wrote(self, through: int, head: int) -> None:
        """Entries up to `through` were read and written; the log's end was `head` then."""
        self.position = self.written = through
        self.announced = max(self.announced, head)

    def leave_fast_lane(self) -> None:
        """The socket is full: from now on entries are only announced."""
        self.fast = False

    def caught_up(self) -> bool:
        """Enters the fast lane if nothing was announced beyond the position and the socket is not full meanwhile.

        False if there is more to do before it is caught up.
        """
        self.fast = self.sink.writable and self.position >= self.announced
        return self.fast
