"""A connection of one user's log, whatever happens in whatever order: commits, their announcements, readings that
take their time, a socket that fills and empties, acks, clearing. What must be delivered is, once and in order.

The real Hub, Reader and `Catchup.read_on` are driven by hand: there is no event loop and no time in between.
"""

from __future__ import annotations

import types
from collections.abc import Coroutine, Generator
from typing import Any, NamedTuple

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from roost.deliver.hub import Hub
from roost.deliver.reader import Reader
from roost.flow.catchup import Catchup
from roost.journal.contract import LogPage, LogState
from roost.model.message import Change, Entry, Message
from roost.protocol.encoded import EncodedEntry
from roost.protocol.frames import Offline
from tests.rooms import Clock

UID, PHONE, TABLET = 1, 10, 11
WINDOW, BATCH = 7, 4
MOST = 100_000


class Logged(NamedTuple):
    """An entry: its origin, and the connection that sent it."""

    message: bool
    origin: int
    via: object


KINDS = {
    "from another user": (True, 0, False),
    "sent on this connection": (True, PHONE, True),
    "sent by this device over HTTP": (True, PHONE, False),
    "sent by the user's tablet": (True, TABLET, False),
    "a change by another user": (False, 0, False),
    "a change by this device": (False, PHONE, False),
}


def what(logged: Logged, seq: int) -> Message | Change:
    """The entry, as it was first logged."""
    if not logged.message:
        return Change(kind="member", conversation_id="p:a:b", conversation_seq=seq)
    return Message(
        message_id=f"m{seq}",
        server_msg_id=str(seq),
        conversation_id="p:a:b",
        conversation_seq=seq,
        sender_id="a",
        message_type=1,
        content="hi",
        create_time=0,
        server_time=0,
        version=1,
    )


def seq_of(entry: Message | Change) -> int:
    return entry.conversation_seq


@types.coroutine
def suspended() -> Generator[None, None, None]:
    yield


class LogInMemory(Catchup):
    """Catchup whose pages come from a list, at the moment the test chooses."""

    def __init__(self) -> None:
        super().__init__(None, None, "epoch", Clock(), batch=BATCH)  # type: ignore[arg-type]
        self.entries: list[Logged] = []
        self.floor = 0

    async def _read(self, uid: int, after: int, count: int) -> LogPage:
        assert after >= 0
        assert 1 <= count <= BATCH
        await suspended()  # before the database looks
        page = self.entries[max(after, self.floor) : max(after, self.floor) + count]
        found = [
            Entry(seq, logged.origin, what(logged, seq)) for seq, logged in enumerate(page, max(after, self.floor) + 1)
        ]
        for entry in found:
            entry.what.seq = entry.seq
        state = LogState(len(self.entries), self.floor)
        await suspended()  # before its answer is here
        return LogPage(found, state)


class Connection(RuleBasedStateMachine):
    """The socket is the machine itself: it is the reader's sink and catchup's socket."""

    writable = True
    reader: Reader

    def __init__(self) -> None:
        super().__init__()
        self.hub, self.log = Hub(), LogInMemory()
        self.announced = 0
        self.got: list[int] = []
        self.read: Coroutine[Any, Any, None] | None = None
        self.resetting = False
        self.passed: set[int] = set()
        self.acked = 0
        self.queued = 0

    # --- what the server's side calls ---

    def deliver(self, entry: EncodedEntry, seq: int) -> None:
        assert entry.what.seq == 0
        self.receive(seq, entry.what)

    def send(self, frame: Offline) -> None:
        entries = sorted([*frame.messages, *frame.changes], key=lambda entry: entry.seq)
        assert 1 <= len(entries) <= BATCH
        assert (frame.from_seq, frame.through_seq) == (entries[0].seq, entries[-1].seq)
        assert frame.remaining >= 0
        for entry in entries:
            self.receive(entry.seq, entry)

    def receive(self, seq: int, entry: Message | Change) -> None:
        assert not self.resetting, "nothing is delivered until the client says where to go on"
        assert seq_of(entry) == seq
        assert seq > (self.got[-1] if self.got else self.start)
        self.got.append(seq)
        self.queued += not self.writable
        assert self.queued <= BATCH, "a full socket gets the page that was under way, and no more"

    def read_on(self) -> None:
        assert self.read is None, "one reading at a time"
        self.read = self.log.read_on(self.reader, self)  # a task, which begins at its next turn

    def must_reset(self, state: LogState) -> None:
        self.resetting = True
        self.reader.hold()

    # --- what happens ---

    @initialize(follows=st.booleans(), old=st.integers(0, 12), at=st.integers(0, 12), early=st.integers(0, 3))
    def begin(self, follows: bool, old: int, at: int, early: int) -> None:
        """Attached first, told where it starts later: what is committed between is announced meanwhile."""
        self.log.entries = [Logged(message=True, origin=0, via=None)] * old
        self.announced = old
        self.reader = Reader(self, UID, PHONE, follows=follows, window=WINDOW)
        self.hub.attach(self.reader)
        for _ in range(early):
            self.commit("from another user")
        self.start = self.acked = min(at, old) if follows else old
        self.announce(early)
        self.reader.start(self.start, old)
        self.reader.go_on()

    @rule(kind=st.sampled_from(sorted(KINDS)))
    def commit(self, kind: str) -> None:
        message, origin, here = KINDS[kind]
        self.log.entries.append(Logged(message, origin, self if here else None))

    @rule(count=st.integers(1, 5))
    def announce(self, count: int) -> None:
        """Announcements come in order, at any time after the commit."""
        for seq in range(self.announced + 1, min(self.announced + count, len(self.log.entries)) + 1):
            logged = self.log.entries[seq - 1]
            self.hub.announce(EncodedEntry(what(logged, seq)), [(UID, seq)], UID, logged.origin, logged.via)
            self.announced = seq

    @rule(kind=st.sampled_from(sorted(KINDS)))
    def commit_and_announce(self, kind: str) -> None:
        self.commit(kind)
        self.announce(MOST)

    @precondition(lambda self: self.read is not None)
    @rule(steps=st.integers(1, 4))
    def the_database_works(self, steps: int) -> None:
        for _ in range(steps):
            if self.read is None:
                return
            try:
                self.read.send(None)
            except StopIteration:
                self.read = None

    @rule()
    def the_socket_is_full(self) -> None:
        self.writable, self.queued = False, 0
        self.reader.leave_fast_lane()

    @rule()
    def the_socket_has_room(self) -> None:
        self.writable = True
        self.reader.wake()

    @rule(part=st.floats(0, 1))
    def ack_what_was_delivered(self, part: float) -> None:
        if self.got and not self.resetting:
            self.ack(self.got[round(part * (len(self.got) - 1))])

    @rule(part=st.floats(0, 1))
    def ack_what_came_another_way(self, part: float) -> None:
        """By `POST /messages/sync`, as far as the connection knows that the log goes."""
        before = max([self.acked, *self.got])
        seq = before + round(part * (self.reader.announced - before))
        if seq > before and not self.resetting:
            self.passed |= set(range(before + 1, seq + 1))
            self.ack(seq)

    def ack(self, seq: int) -> None:
        assert seq <= self.reader.announced, "what was delivered may be acked"
        self.acked = max(self.acked, seq)
        self.reader.ack(seq)

    @rule(part=st.floats(0, 1))
    def clear(self, part: float) -> None:
        """This device may have lost its claim: beyond its position, too."""
        self.log.floor = max(self.log.floor, round(part * self.announced))

    @precondition(lambda self: self.resetting)
    @rule()
    def take_the_snapshot(self) -> None:
        """It has the state of now, and goes on from the head."""
        self.resetting = False
        before = max([self.start, self.acked, *self.got])
        self.passed |= set(range(before + 1, self.announced + 1))
        self.ack(self.announced)

    # --- what always holds ---

    @precondition(lambda self: hasattr(self, "reader"))
    @invariant()
    def nothing_is_missing_in_between(self) -> None:
        if self.got:
            expected = [seq for seq in range(self.start + 1, self.got[-1] + 1) if self.is_due(seq)]
            assert [seq for seq in self.got if self.is_due(seq)] == expected

    @precondition(lambda self: hasattr(self, "reader"))
    @invariant()
    def no_more_than_the_window_waits_for_an_ack(self) -> None:
        if self.reader.follows:
            assert sum(seq > self.acked for seq in self.got) <= WINDOW

    @precondition(lambda self: hasattr(self, "reader") and not self.reader.follows)
    @invariant()
    def a_simple_connection_gets_nothing_of_its_own(self) -> None:
        entries = self.log.entries
        assert not any(entries[seq - 1].message and entries[seq - 1].origin == PHONE for seq in self.got)

    def is_due(self, seq: int) -> bool:
        """Whether an entry must be delivered; the others may be (a follower that reads from the log gets its own)."""
        logged = self.log.entries[seq - 1]
        own = logged.via is self if self.reader.follows else logged.message and logged.origin == PHONE
        return not own and seq not in self.passed

    def teardown(self) -> None:
        """When all is quiet and the client acks what it gets, it has everything and stands in the fast lane."""
        if not hasattr(self, "reader"):
            return
        self.announce(MOST)
        self.the_socket_has_room()
        for _ in range(MOST):
            if self.resetting:
                self.take_the_snapshot()
            elif self.read is not None:
                self.the_database_works(1)
            elif self.got and self.acked < self.got[-1]:
                self.ack(self.got[-1])
            else:
                break
        self.nothing_is_missing_in_between()
        left = [seq for seq in range(max([self.start, *self.got]) + 1, self.announced + 1) if self.is_due(seq)]
        assert left == []
        assert self.reader.fast
        assert self.reader.position == self.announced
        self.commit_and_announce("from another user")
        assert self.got[-1] == self.announced


TestConnection = Connection.TestCase
TestConnection.settings = settings(max_examples=5 * settings().max_examples)  # each takes little
