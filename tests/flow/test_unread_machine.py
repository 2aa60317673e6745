"""Unread is what a recount finds: on the server, in stores of the SDK and in the badge of a push, whatever was done."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from roost.app import now_ms, open_roads
from roost.client.store import reading as books
from roost.client.store import reset, sending
from roost.client.store.entries import Book, Entries, apply
from roost.client.store.schema import open_file
from roost.config import Config
from roost.db.database import Database
from roost.db.schema import push_addresses, push_outbox
from roost.edge.api.operations import Call
from roost.edge.api.snapshot import snapshot
from roost.edge.roads import Roads
from roost.errors import RoostError
from roost.flow.groups.groups import Wish
from roost.flow.people import conversations
from roost.flow.push import notify
from roost.journal.contract import Author
from roost.protocol.frames import Group, Private
from roost.push import plan
from roost.push.contract import Task

NAMES = ("ann", "bob", "cat")
HERE = ""
"""An address that has no limits."""


class Step(NamedTuple):
    """What somebody does; `at` chooses the message or the place."""

    who: int
    what: str
    at: int


steps = st.builds(
    Step,
    st.integers(0, 2),
    st.sampled_from(
        [
            *["send", "tell", "tell"] * 2,
            *["read", "recall", "recall", "edit", "forward", "leave", "join", "mute", "clear"],
            *["look", "late", "reset", "reset", "reset late"],
        ]
    ),
    st.integers(0, 7),
)
plans = st.lists(steps, min_size=5, max_size=40)
TOLD = [Step(0, "tell", number) for number in range(5)]


@dataclass
class Said:
    """A message, wherever it is."""

    sender: str
    recalled: bool = False


@dataclass
class Model:
    """What was said in each conversation, who is in it, and how far each has read: counted by hand."""

    said: dict[str, list[Said]] = field(default_factory=dict)
    read: dict[tuple[str, str], int] = field(default_factory=dict)
    team: set[str] = field(default_factory=lambda: set(NAMES))

    def unread(self, user: str) -> dict[str, int]:
        found = {}
        for name, said in self.said.items():
            inside = user in self.team if name == "g:team" else user in name.split(":")
            mark = self.read.get((name, user), 0)
            count = sum(one.sender != user and not one.recalled for one in said[mark:])
            found |= {name: count} if inside and count else {}
        return found


class Device:
    """A store of the SDK, and its place: `book` is what the SDK knows."""

    def __init__(self, author: Author) -> None:
        self.author = author
        self.book = Book(open_file(":memory:", author.device_id))
        self.book.execute("UPDATE sync SET user_id = ?", (author.user_id,))
        self.book.user_id = author.user_id

    @property
    def position(self) -> int:
        return int(self.book.execute("SELECT last_sync_seq FROM sync").fetchone()[0])


class Play:
    """Three users on one server; Bob has two stores, of which one is late."""

    def __init__(self, roads: Roads, database: Database) -> None:
        self.roads = roads
        self.database = database
        self.model = Model(said={"g:team": []})
        self.people: dict[str, Author] = {}
        self.mids: list[tuple[str, int, str]] = []

    async def begin(self) -> None:
        for name in NAMES:
            self.people[name] = await self.author(name, "phone")
        await self.roads.groups.create(self.people["ann"], "team", Wish(), ["bob", "cat"])
        self.online = Device(await self.author("bob", "online"))
        self.late = Device(await self.author("bob", "late"))

    async def author(self, name: str, device: str) -> Author:
        identity = await self.roads.users.identify(name, device)
        return Author(identity.uid, identity.did, name, device)

    async def do(self, step: Step) -> None:
        """What is refused changes nothing, in the model either."""
        name = NAMES[step.who]
        with_mid = {"recall": self.recall, "edit": self.edit, "forward": self.forward}
        alone = {"send": self.send, "tell": self.tell, "read": self.read, "leave": self.leave, "join": self.join}
        if step.what in with_mid:
            if self.mids:
                await with_mid[step.what](name, *self.mids[-1 - step.at % len(self.mids)])
        elif step.what in alone:
            await alone[step.what](name, step.at)
        elif step.what == "mute":
            await self.refusable(self.roads.conversations.mute(self.people[name], "g:team", muted=bool(step.at % 2)))
        elif step.what == "clear":
            await self.roads.conversations.clear(self.people[name], 0)
        elif step.what == "look":
            await self.look(self.online if step.who else self.late, step.at)
        elif step.what == "late":
            await self.catch_up(self.late)
        else:
            await self.start_again(self.late if step.what == "reset late" else self.online)

    async def refusable(self, work: Any) -> Any:
        try:
            return await work
        except RoostError:
            return None

    def note(self, sent: Any, sender: str) -> None:
        if sent is not None:
            self.model.said.setdefault(sent.conversation_id, []).append(Said(sender))
            self.mids.append((sent.conversation_id, sent.conversation_seq, sent.server_msg_id))

    async def send(self, name: str, at: int) -> None:
        other = NAMES[(NAMES.index(name) + 1 + at % 2) % 3]
        frame = Private(to=other, content=f"word {at}")
        self.note(await self.roads.submit.send(self.people[name], frame, address=HERE), name)

    async def tell(self, name: str, at: int) -> None:
        frame = Group(to="team", content=f"word {at}", mentions=["bob"] if at == 7 else None)
        self.note(await self.refusable(self.roads.submit.send(self.people[name], frame, address=HERE)), name)

    async def read(self, name: str, at: int) -> None:
        mine = [one for one in self.model.said if one == "g:team" or name in one.split(":")]
        conversation = mine[at % len(mine)]
        place = max(0, len(self.model.said[conversation]) - at // 2)
        try:
            await self.roads.marks.read(self.people[name], conversation, place)
        except RoostError:
            return
        key = (conversation, name)
        self.model.read[key] = max(place, self.model.read.get(key, 0))

    async def recall(self, name: str, conversation: str, place: int, mid: str) -> None:
        if await self.refusable(self.roads.changing.recall(self.people[name], mid, address=HERE)):
            self.model.said[conversation][place - 1].recalled = True

    async def edit(self, name: str, conversation: str, place: int, mid: str) -> None:
        await self.refusable(self.roads.changing.edit(self.people[name], mid, f"other {place}", address=HERE))

    async def forward(self, name: str, conversation: str, place: int, mid: str) -> None:
        other = NAMES[(NAMES.index(name) + 1) % 3]
        to = ["p:" + ":".join(sorted((name, other)))]
        sent = await self.refusable(self.roads.forwarding.forward(self.people[name], mid, to, None, address=HERE))
        for receipt in sent or ():
            self.note(receipt, name)

    async def leave(self, name: str, at: int) -> None:
        if name != "ann" and name in self.model.team:
            await self.roads.membership.leave(self.people[name], "team")
            self.model.team.discard(name)

    async def join(self, name: str, at: int) -> None:
        if name not in self.model.team:
            await self.roads.membership.add(self.people["ann"], "team", name, None)
            self.model.team.add(name)
            self.model.read["g:team", name] = len(self.model.said["g:team"])

    # --- the stores of the SDK ---

    async def look(self, device: Device, at: int) -> None:
        """Bob reads in the store, which knows of it at once, and tells the server."""
        known = [one for one in books.conversations(device.book, limit=10, offset=0) if not one.gone]
        if not known:
            return
        chosen = known[at % len(known)]
        sending.mark_read(device.book, chosen.conversation_id, max(0, chosen.last_seq - at // 3))
        for mark in sending.read_marks(device.book):
            if await self.refusable(self.told(mark)):
                key = (mark.conversation_id, "bob")
                self.model.read[key] = max(mark.conversation_seq, self.model.read.get(key, 0))
            sending.mark_known(device.book, mark)

    async def told(self, mark: sending.ReadMark) -> bool:
        await self.roads.marks.read(self.people["bob"], *mark)
        return True

    async def catch_up(self, device: Device) -> None:
        while True:
            page = await self.roads.catchup.page(device.author, device.position, 7, None)
            if page.reset_required:
                await self.start_again(device)
                continue
            through = max(page.max_seq, device.position)
            apply(device.book, Entries(messages=page.messages, changes=page.changes, through=through), now_ms())
            self.roads.positions.ack(device.author, through)
            if not page.has_more:
                return

    async def start_again(self, device: Device) -> None:
        found = await snapshot(Call(self.roads, HERE, device.author, None))  # type: ignore[arg-type]
        reset.apply_snapshot(device.book, msgspec.json.decode(msgspec.json.encode(found), type=type(found)), now_ms())
        self.roads.positions.ack(device.author, found.max_seq)

    # --- what must hold ---

    async def compare(self) -> None:
        for name, author in self.people.items():
            assert await self.roads.conversations.unread(author) == self.model.unread(name), name
            listed = await self.roads.conversations.listed(author, 0, 100)
            assert {one.listed.conversation_id: one.listed.unread for one in listed if one.listed.unread} == (
                self.model.unread(name)
            )
        await self.catch_up(self.online)
        assert books.unread(self.online.book) == self.model.unread("bob")
        assert await self.badge() in (None, sum(self.model.unread("bob").values()))

    async def badge(self) -> int | None:
        """What a push of Bob's newest message would show, whoever the phone is; None where the log has none."""
        bob = self.people["bob"]
        state = await self.roads.catchup.page(bob, 0, 1000, None)
        if not state.messages:
            return None
        message = state.messages[-1]
        task = Task(
            task_id=1,
            aid=1,
            uid=bob.uid,
            did=bob.did,
            mid=int(message.server_msg_id),
            seq=message.seq,
            attempt=0,
            created_at=1,
            taken_at=1,
        )

        def ask(tx: Any) -> int:
            for table in (push_addresses, push_outbox):
                tx.execute(delete(table))
            address = '{"platform": "apns", "token": "aa"}'
            common = {"aid": 1, "uid": bob.uid, "did": bob.did, "created_at": 1}
            where = {"platform": "apns", "address": address, "address_hash": "x", "preview": True, "muted": False}
            tx.execute(insert(push_addresses).values(**common, **where))
            due = {"task_id": 1, "mid": task.mid, "seq": task.seq, "attempt": 0, "due_at": 1, "taken_at": 1}
            tx.execute(insert(push_outbox).values(**common, **due))
            facts = notify.look(tx, task, lambda _tx, _uid, _seqs: set(), preview=True)
            tx.execute(delete(push_addresses))
            tx.execute(delete(push_outbox))
            return plan.notification(facts.user_id, facts.missed, facts.badge, 0).badge

        return await self.database.write(ask)


async def play(steps: list[Step], folder: Path) -> None:
    limits = {"messages_per_minute": 0, "login_attempts_per_minute": 0}
    config = msgspec.convert({"server": {"data": str(folder)}, "limits": limits, "moderation": {"spam": False}}, Config)
    async with open_roads(config) as (roads, database):
        stage = Play(roads, database)
        await stage.begin()
        for step in steps:
            await stage.do(step)
            await stage.compare()
        await stage.catch_up(stage.late)
        assert books.unread(stage.late.book) == stage.model.unread("bob")


@pytest.fixture(autouse=True)
def small_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that much lies before them."""
    monkeypatch.setattr(conversations, "SNAPSHOT_MESSAGES", 2)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
@given(plans)
@example([*TOLD, Step(0, "reset", 0), Step(0, "recall", 4), Step(1, "read", 8), Step(0, "recall", 3)])
@example([*TOLD, Step(2, "tell", 0), Step(0, "reset", 0), Step(1, "read", 6), Step(1, "look", 9), Step(2, "leave", 0)])
@example([*TOLD, Step(1, "leave", 0), *TOLD, Step(1, "join", 0), Step(0, "recall", 7), *TOLD, Step(0, "reset late", 0)])
@example([*TOLD, Step(0, "late", 0), Step(0, "recall", 4), Step(0, "clear", 0), Step(0, "reset late", 0)])
def test_unread_is_what_a_recount_finds(plan: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(plan, Path(folder)))
