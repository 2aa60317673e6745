"""What three users do, and what a plain count says of it: the stage of `test_unread_machine`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from roost.client.store import expiry, reset, sending
from roost.client.store import reading as books
from roost.client.store.entries import Book, Entries, apply
from roost.client.store.schema import open_file
from roost.db.database import Database
from roost.edge.api.operations import Call
from roost.edge.api.snapshot import snapshot
from roost.edge.roads import Roads
from roost.errors import RoostError
from roost.flow.groups.groups import Wish
from roost.flow.messages.expiring import Expiring
from roost.journal.contract import Author
from roost.protocol.frames import Group, Private
from roost.roster.erasures import begin_erasure
from roost.wiring import now_ms

NAMES = ("ann", "bob", "cat")
HOUR = 3600
"""Seconds."""
HERE = ""
"""An address that has no limits."""


class Step(NamedTuple):
    """What somebody does; `at` chooses the message or the place."""

    who: int
    what: str
    at: int


@dataclass
class Said:
    """A message, wherever it is."""

    sender: str
    recalled: bool = False
    expires: bool = False


@dataclass
class Model:
    """What was said in each conversation, who is in it, and how far each has read: counted by hand."""

    said: dict[str, list[Said]] = field(default_factory=dict)
    read: dict[tuple[str, str], int] = field(default_factory=dict)
    team: set[str] = field(default_factory=set)

    def unread(self, user: str) -> dict[str, int]:
        found: dict[str, int] = {}
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
        self.erased = False

    async def begin(self, *members: str) -> None:
        for name in NAMES:
            self.people[name] = await self.author(name, "phone")
        await self.roads.groups.create(self.people["ann"], "team", Wish(), members)
        self.model.team = {"ann", *members}
        self.online = Device(await self.author("bob", "online"))
        self.late = Device(await self.author("bob", "late"))

    async def author(self, name: str, device: str) -> Author:
        identity = await self.roads.users.identify(name, device)
        return Author(identity.uid, identity.did, name, device)

    async def do(self, step: Step) -> None:
        """What is refused changes nothing, in the model either."""
        name, what = NAMES[step.who], step.what
        if what in {"recall", "edit", "forward"}:
            if self.mids:
                await getattr(self, what)(name, *self.mids[-1 - step.at % len(self.mids)])
        elif what in {"block", "unblock", "announce", "silence"}:
            await self.hinder(name, what, step.at)
        elif what == "look":
            await self.look(self.online if step.who else self.late, step.at)
        elif what == "late":
            await self.catch_up(self.late)
        elif what == "expire":
            await self.expire(self.online if step.who else self.late)
        elif what.startswith("reset"):
            await self.start_again(self.late if what == "reset late" else self.online)
        else:
            await getattr(self, what)(name, step.at)

    async def mute(self, name: str, at: int) -> None:
        await self.refusable(self.roads.conversations.mute(self.people[name], "g:team", muted=bool(at % 2)))

    async def clear(self, name: str, at: int) -> None:
        await self.roads.conversations.clear(self.people[name], 0)

    async def refusable(self, work: Any) -> Any:
        try:
            return await work
        except RoostError:
            return None

    def note(self, sent: Any, sender: str, *, expires: bool = False) -> None:
        if sent is not None:
            self.model.said.setdefault(sent.conversation_id, []).append(Said(sender, expires=expires))
            self.mids.append((sent.conversation_id, sent.conversation_seq, sent.server_msg_id))

    async def send(self, name: str, at: int) -> None:
        other = NAMES[(NAMES.index(name) + 1 + at % 2) % 3]
        frame = Private(to=other, content=f"word {at}")
        self.note(await self.refusable(self.roads.submit.send(self.people[name], frame, address=HERE)), name)

    async def whisper(self, name: str, at: int) -> None:
        """What expires, in the group or to another."""
        other = NAMES[(NAMES.index(name) + 1 + at % 2) % 3]
        frame = Group(to="team", content="hush", ttl=HOUR) if at > 3 else Private(to=other, content="hush", ttl=HOUR)
        sent = await self.refusable(self.roads.submit.send(self.people[name], frame, address=HERE))
        self.note(sent, name, expires=True)

    async def expire(self, device: Device) -> None:
        """The time of all that expires is over: one store knows it first, by its own clock."""

        def later() -> int:
            return now_ms() + 2000 * HOUR

        await self.catch_up(device)
        expiry.expire(device.book, later())
        for said in self.model.said.values():
            for one in said:
                one.recalled = one.recalled or one.expires
        assert books.unread(device.book) == self.model.unread("bob")
        groups: Any = self.roads.groups
        await Expiring(self.database, groups._journal, groups._fanout, later).work()

    async def hinder(self, name: str, what: str, at: int) -> None:
        """Who may write to whom is another: nothing of what was said before is more or less unread by it."""
        other = NAMES[(NAMES.index(name) + 1 + at % 2) % 3]
        if what in {"block", "unblock"}:
            work: Any = getattr(self.roads.blocks, what)(self.people[name], other)
        elif what == "announce":
            work = self.roads.groups.change(self.people[name], "team", Wish(announcement_only=bool(at % 2)))
        else:
            work = self.roads.membership.mute(self.people[name], "team", other, HOUR * (at % 3))
        await self.refusable(work)

    async def ban(self, name: str, at: int) -> None:
        if name != "ann":
            await self.roads.membership.ban(self.people["ann"], "team", name)
            self.model.team.discard(name)

    async def unban(self, name: str, at: int) -> None:
        await self.roads.membership.unban(self.people["ann"], "team", name)

    async def erase(self, name: str, at: int) -> None:
        """What Cat has ever said is gone, and Cat from the group."""
        cat = self.people["cat"]
        if name != "cat" or self.erased:
            return
        self.erased = True
        await self.database.write(lambda tx: begin_erasure(tx, cat.uid, now_ms()))
        assert await self.roads.erasing.work()
        self.model.team.discard("cat")
        for said in self.model.said.values():
            for one in said:
                one.recalled = one.recalled or one.sender == "cat"

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
        """Ann brings in whom she may: who was banned, or has blocked her, stays out."""
        if name in self.model.team:
            return
        if await self.refusable(self.roads.membership.add(self.people["ann"], "team", name, None)):
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
