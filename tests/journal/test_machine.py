"""The journal against a plain model of itself: whatever is done in whatever order, and wherever it is killed, the
two agree. See `roost.journal.contract` for what is promised.
"""

from __future__ import annotations

import asyncio
import copy
import shutil
import tempfile
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import hypothesis.strategies as st
from hypothesis import note
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Connection

from roost.errors import RoostError
from roost.journal import large, reading, retention
from roost.journal.contract import Author, Committed
from roost.journal.pulling import SHOWN, Pulled
from roost.model import ids
from roost.model.message import Message
from tests.backends import SQLiteBackend
from tests.journal.hands import Hands
from tests.journal.works import (
    DEVICES,
    GROUPS,
    USERS,
    assert_same,
    assert_same_entry,
    batches,
    devices,
    works,
)
from tests.journal.world import (
    Device,
    LargeLog,
    Log,
    Outcome,
    Said,
    Send,
    Told,
    Work,
    World,
)
from tests.rooms import Clock, Rooms

T = TypeVar("T")


class JournalMachine(RuleBasedStateMachine):
    """Rules do the same to both; the invariant compares everything that can be read."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="roost-journal-"))
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.world = World(logs={user: Log() for user in USERS}, groups={"team": {*USERS}, "club": set()})
        self.seen: dict[Device, int] = {}
        self.server_ids: dict[str, dict[int, int]] = {}
        self.steps = 0

    @initialize(checkpoint_pages=st.sampled_from([1, 8, 1000]), grown=st.sampled_from([True, False]))
    def open(self, checkpoint_pages: int, grown: bool) -> None:
        self.run(self._open(SQLiteBackend(self.directory / "life-0", checkpoint_pages=checkpoint_pages)))
        if grown:
            self.a_group_grows()

    async def _open(self, backend: SQLiteBackend) -> None:
        self.rooms = await Rooms.open(backend, self.clock)
        self.rooms.prepare = lambda _: None  # looking for new migrations is most of a restart
        self.authors: dict[Device, Author] = {names: await self.rooms.author(*names) for names in DEVICES}
        self.hands = Hands(self.rooms, self.authors)
        for group, members in self.world.groups.items():
            await self.rooms.group(group, *(self.authors[user, "phone"] for user in sorted(members)))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        self.clock.pass_(seconds=1)
        return self.runner.run(work)

    def teardown(self) -> None:
        try:
            if hasattr(self, "rooms"):
                self.compare()
        finally:
            if hasattr(self, "rooms"):
                self.runner.run(self.rooms.close())
            self.runner.close()
            shutil.rmtree(self.directory)

    # --- rules: appending ---

    @rule(works=works)
    def one_transaction(self, works: list[Work]) -> None:
        self.told(works, self.run(self.hands.hand_in(works)))

    @rule(batch=batches)
    def one_transaction_of_messages_only(self, batch: list[Send]) -> None:
        self.told(batch, self.run(self.hands.hand_in(batch)))

    @precondition(lambda self: len(self.world.large) < len(GROUPS))
    @rule()
    def a_group_grows(self) -> None:
        """It has a log of its own from now on."""
        group = next(name for name in GROUPS if name not in self.world.large)
        self.run(self.rooms.grow(group))
        self.world.grow(group)

    @rule(batch=batches, table=st.sampled_from(["messages", "log", "conversation_log"]))
    def a_batch_that_fails(self, batch: list[Send], table: str) -> None:
        """All of it fails; if there is nothing to store there, nothing does."""

        async def fail() -> list[Any]:
            async with self.rooms.failing(table):
                return await self.hands.hand_in(batch)

        outcomes = self.run(fail())
        world = copy.deepcopy(self.world)
        stored = [send for send in batch if isinstance(done := world.send(send, 0), Outcome) and not done.duplicate]
        if any(table != "conversation_log" or (send.group and send.to in world.large) for send in stored):
            assert all(isinstance(outcome, Exception) for outcome in outcomes)
            assert not any(isinstance(outcome, RoostError) for outcome in outcomes)
        else:
            self.told(batch, outcomes)

    def told(self, works: Sequence[Work], outcomes: list[Any]) -> None:
        """The world does the same, and everyone was told what it says."""
        for work, outcome in zip(works, outcomes, strict=True):
            expected = self.world.work(work, self.clock.now)
            if isinstance(expected, Told):
                self.compare_told(outcome, expected)
                continue
            if expected is None:
                assert outcome is None
                continue
            if not isinstance(expected, Outcome):
                assert outcome == expected if isinstance(expected, bool) else type(outcome) is expected
                continue
            assert isinstance(outcome, Committed)
            assert_same(outcome.message, expected.said)
            assert (outcome.author_seq, outcome.duplicate) == (expected.author_seq, expected.duplicate)
            assert outcome.duplicate == (not outcome.places)

    def compare_told(self, pulled: Pulled, expected: Told) -> None:
        """Where each entry is now; of very many only the last are told."""
        users = {author.uid: user for (user, _), author in self.authors.items()}
        assert pulled.more == expected.more
        for told in pulled.told:
            places = sorted((users[uid], seq) for uid, seq in told.places)
            [what] = [what for what, there in expected.entries if there == places]
            assert_same_entry(told.what, what)
        if len(expected.entries) <= SHOWN:
            assert len(pulled.told) == len(expected.entries)

    # --- rules: positions ---

    @rule(device=devices, where=st.floats(0, 1))
    def ack(self, device: Device, where: float) -> None:
        seq = round(where * self.world.logs[device[0]].head)
        self.rooms.positions.ack(self.authors[device], seq)
        self.world.ack(device, seq)

    @rule()
    def save(self) -> None:
        unsaved = len(self.world.unsaved)
        assert self.run(self.rooms.positions.save()) == unsaved
        self.world.save(self.clock.now)

    @rule(device=devices, data=st.data(), by_sender_id=st.booleans())
    def mark_synced(self, device: Device, data: st.DataObject, by_sender_id: bool) -> None:
        """Any of the log's messages, out of order, more than once, with ids that don't exist."""
        self.compare([device[0]])
        log = self.world.logs[device[0]]
        entries = {
            seq: entry.what for seq, entry in enumerate(log.entries, 1) if seq > log.floor and type(entry.what) is Said
        }
        chosen = data.draw(st.lists(st.sampled_from(sorted(entries)), max_size=5)) if entries else []
        names: list[int | str] = ["no such id", 2**52]
        meant = set(chosen)
        for seq in chosen:
            message_id = entries[seq].message_id
            if by_sender_id and message_id is not None:
                names.append(message_id)
                meant |= {other for other, said in entries.items() if said.message_id == message_id}
            else:
                names.append(self.server_ids[device[0]][seq])
        note(f"marking {names}")
        count = self.run(self.rooms.positions.mark_synced(self.authors[device], names))
        assert count == self.world.mark_synced(device, sorted(meant), self.clock.now)

    # --- rules: time, and the end of it ---

    @rule(user=st.sampled_from(USERS), seconds=st.integers(0, 40), ttl=st.sampled_from([10, 10_000]))
    def clear(self, user: str, seconds: int, ttl: int) -> None:
        uid = next(author.uid for author in self.authors.values() if author.user_id == user)
        before, since = self.clock.now + 1000 - seconds * 1000, self.clock.now + 1000 - ttl * 1000

        def change(tx: Connection) -> int:
            return retention.clear(tx, uid, logged_before=before, active_since=since)

        assert self.run(self.rooms.database.write(change)) == self.world.clear(user, before, since)

    @rule()
    def restart(self) -> None:
        """An orderly end saves the positions."""
        self.save()
        self.run(self.rooms.restart())
        self.compare()

    @rule()
    def kill(self) -> None:
        self.run(self.rooms.die())
        self.crashed()

    @rule(batch=batches, part=st.floats(0, 1))
    def kill_while_a_batch_is_written(self, batch: list[Send], part: float) -> None:
        """Nobody was told: the batch is there as a whole, or not at all. All that was told before is there."""
        before = self.rooms.backend.killed()
        outcomes = self.run(self.hands.hand_in(batch))
        left = self.rooms.backend.killed_since(before, part)
        self.run(self.rooms.restart(left))
        if self.is_there(batch):
            self.told(batch, outcomes)
        self.crashed()

    def is_there(self, batch: list[Send]) -> bool:
        world = copy.deepcopy(self.world)
        for send in batch:
            world.send(send, 0)
        heads = {user: self.run(self.rooms.journal.state(self.uid(user))).head for user in USERS}
        with_it = {user: log.head for user, log in world.logs.items()}
        without = {user: log.head for user, log in self.world.logs.items()}
        assert heads in (with_it, without)
        return heads == with_it

    def uid(self, user: str) -> int:
        return self.authors[user, "phone"].uid

    def crashed(self) -> None:
        self.world.crash()
        self.seen.clear()
        self.compare()

    # --- what always holds ---

    @precondition(lambda self: hasattr(self, "rooms"))
    @invariant()
    def the_two_agree(self) -> None:
        """After each step about one user in turn; about everything after a new start, and in the end."""
        self.steps += 1
        self.compare([USERS[self.steps % len(USERS)]])

    def compare(self, users: Sequence[str] = USERS) -> None:
        def look(connection: Connection) -> None:
            for user in users:
                self.compare_log(connection, user, self.world.logs[user])
                for device in DEVICES:
                    if device[0] == user:
                        self.compare_position(connection, device)
            if len(users) == len(USERS):
                for conversation, said in self.world.said.items():
                    self.compare_history(connection, conversation, said)
                for group, log in self.world.large.items():
                    self.compare_large(connection, group, log)

        self.run(self.rooms.database.read(look))

    def compare_log(self, connection: Connection, user: str, log: Log) -> None:
        uid = self.uid(user)
        assert reading.log_state(connection, uid) == (log.head, log.floor)
        after, found = log.floor, []
        while page := reading.log_page(connection, uid, after, 3).entries:
            found += page
            after = page[-1].seq
        assert [entry.seq for entry in found] == list(range(log.floor + 1, log.head + 1))
        server_ids = self.server_ids[user] = {}
        origins = {author.did: author.device_id for author in self.authors.values() if author.user_id == user}
        for entry in found:
            expected = log.entries[entry.seq - 1]
            assert origins.get(entry.origin) == expected.origin
            assert entry.what.seq == entry.seq
            if isinstance(entry.what, Message):
                assert_same(entry.what, expected.what)
                server_ids[entry.seq] = int(entry.what.server_msg_id)
            else:
                assert_same_entry(entry.what, expected.what)
        assert len(set(server_ids.values())) == len(server_ids)
        numbers: dict[str, int] = {}
        for entry in found:
            if isinstance(entry.what, Message):
                assert entry.what.conversation_seq > numbers.get(entry.what.conversation_id, 0), "in order, and once"
                numbers[entry.what.conversation_id] = entry.what.conversation_seq

    def compare_large(self, connection: Connection, group: str, log: LargeLog) -> None:
        cid = reading.cid_of(connection, ids.group_conversation(group))
        assert large.head(connection, cid) == len(log.entries)
        cursors = large.members(connection, cid, [self.uid(user) for user in USERS])
        assert cursors == {self.uid(user): place for user, place in log.cursors.items()}

    def compare_history(self, connection: Connection, conversation: str, said: list[Said]) -> None:
        cid = reading.cid_of(connection, conversation)
        found = reading.history(connection, cid, len(said) + 1, len(said) + 1)
        assert [message.conversation_seq for message in found] == list(range(1, len(said) + 1))
        for message, expected in zip(found, said, strict=True):
            assert_same(message, expected)

    def compare_position(self, connection: Connection, device: Device) -> None:
        author, mark = self.authors[device], self.rooms.positions.mark(connection, self.authors[device])
        assert mark == self.world.mark(device)
        assert mark >= self.seen.get(device, 0)
        self.seen[device] = mark
        waiting = self.world.offline(device)
        assert self.offline(connection, author, mark, None) == waiting
        if waiting:  # one conversation each time, or most of the test would be this
            entry = self.world.logs[device[0]].entries[waiting[self.clock.now % len(waiting)] - 1]
            assert isinstance(entry.what, Said)
            expected = [seq for seq in waiting if self.conversation(device, seq) == entry.what.conversation]
            assert self.offline(connection, author, mark, entry.what.conversation) == expected

    def conversation(self, device: Device, seq: int) -> str | None:
        what = self.world.logs[device[0]].entries[seq - 1].what
        return what.conversation if isinstance(what, Said) else None

    def offline(self, connection: Connection, author: Author, mark: int, conversation: str | None) -> list[int]:
        """All pages of four, each of which knows how many there are in all."""
        found: list[int] = []
        while True:
            page, total = reading.offline(
                connection, author.uid, author.did, mark, conversation=conversation, offset=len(found), count=4
            )
            found += [message.seq for message in page]
            if len(page) < 4:
                assert total == len(found)
                return found


TestJournal = JournalMachine.TestCase
