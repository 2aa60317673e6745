"""Delivered is derived from positions and logs, and is what counting by hand finds, on every database."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from sqlalchemy import Connection

from roost.journal import delivered, rewriting
from roost.journal.contract import Author
from roost.journal.delivered import Asked
from roost.roster import conversations as roster
from tests.backends import Backend
from tests.rooms import Clock, Rooms, private, to_group

CONVERSATIONS = ("g:team", "p:ann:bob")


@dataclass
class Ledger:
    """What was said, counted by hand: each user's log as (conversation, number, sender), and what each has stored."""

    logs: dict[str, list[tuple[str, int, str] | None]] = field(default_factory=lambda: {"ann": [], "bob": []})
    heads: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CONVERSATIONS, 0))
    stored: dict[str, set[int]] = field(default_factory=lambda: {"ann": set(), "bob": set()})

    def delivered(self, user: str, conversation: str) -> int:
        missed = [
            entry[1]
            for seq, entry in enumerate(self.logs[user], 1)
            if entry and entry[0] == conversation and entry[2] != user and seq not in self.stored[user]
        ]
        return min(missed, default=self.heads[conversation] + 1) - 1


class Stage:
    """Two users with two devices each, in a private conversation and in a group."""

    def __init__(self, rooms: Rooms, clock: Clock, chance: random.Random) -> None:
        self.rooms, self.clock, self.chance = rooms, clock, chance
        self.devices: dict[str, list[Author]] = {}
        self.ledger = Ledger()
        self.mids: list[int] = []

    async def begin(self) -> None:
        for user in ("ann", "bob"):
            self.devices[user] = [await self.rooms.author(user, device) for device in ("phone", "tablet")]
        await self.rooms.group("team", *(devices[0] for devices in self.devices.values()))

    async def send(self) -> None:
        name = self.chance.choice(["ann", "bob"])
        author = self.chance.choice(self.devices[name])
        other = "bob" if name == "ann" else "ann"
        draft = to_group(author, "team") if self.chance.random() < 0.5 else private(author, other)
        sent = (await self.rooms.send(draft)).message
        self.mids.append(int(sent.server_msg_id))
        self.ledger.heads[sent.conversation_id] = sent.conversation_seq
        for log in self.ledger.logs.values():
            log.append((sent.conversation_id, sent.conversation_seq, name))

    async def change(self) -> None:
        """A message of before is another now, and again in all logs."""
        if not self.mids:
            return
        mid = self.chance.choice(self.mids)

        def enter(tx: Connection) -> None:
            uids = [devices[0].uid for devices in self.devices.values()]
            self.rooms.journal.record(tx, rewriting.read(tx, mid), uids, None)

        await self.rooms.write(enter)
        for log in self.ledger.logs.values():
            log.append(None)

    async def ack(self) -> None:
        name = self.chance.choice(["ann", "bob"])
        seq = self.chance.randint(0, len(self.ledger.logs[name]))
        self.rooms.positions.ack(self.chance.choice(self.devices[name]), seq)
        self.ledger.stored[name] |= set(range(1, seq + 1))

    async def mark(self) -> None:
        name = self.chance.choice(["ann", "bob"])
        if self.mids:
            device = self.chance.choice(self.devices[name])
            number = self.chance.randrange(len(self.mids))
            if await self.rooms.positions.mark_synced(device, [self.mids[number]]):
                seqs = [seq for seq, entry in enumerate(self.ledger.logs[name], 1) if entry]
                self.ledger.stored[name].add(seqs[number])

    async def save(self) -> None:
        await self.rooms.positions.save()

    async def compare(self) -> None:
        def derive(tx: Connection) -> dict[tuple[str, str], int]:
            found = {}
            for conversation in CONVERSATIONS:
                if not self.ledger.heads[conversation]:
                    continue
                known = roster.find(tx, conversation)
                for name, devices in self.devices.items():
                    uid = devices[0].uid
                    asked = Asked(uid, known.cid, known.head, self.clock())
                    furthest = self.rooms.positions.furthest(tx, [uid])
                    found[name, conversation] = delivered.delivered(tx, [asked], furthest)[0]
            return found

        for (name, conversation), through in (await self.rooms.read(derive)).items():
            assert through == self.ledger.delivered(name, conversation), (name, conversation)


@pytest.mark.parametrize("seed", range(2))
async def test_delivered_is_what_counting_finds(
    rooms: Rooms, clock: Clock, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivered, "SKEW", 0)
    stage = Stage(rooms, clock, random.Random(seed))
    await stage.begin()
    steps: list[Callable[[], object]] = [stage.send, stage.send, stage.change, stage.ack, stage.mark, stage.save]
    for _ in range(80):
        clock.pass_(seconds=1)
        await stage.chance.choice(steps)()  # type: ignore[misc]
        await stage.compare()


async def test_what_nobody_has_stored_is_not_delivered(rooms: Rooms, clock: Clock, backend: Backend) -> None:
    ann, bob = await rooms.authors("ann", "bob")
    await asyncio.gather(*(rooms.send(private(ann, "bob")) for _ in range(3)))

    def derive(tx: Connection) -> int:
        cid = roster.find(tx, "p:ann:bob").cid
        asked = [Asked(bob.uid, cid, 3, clock())]
        return delivered.delivered(tx, asked, rooms.positions.furthest(tx, [bob.uid]))[0]

    assert await rooms.read(derive) == 0
    rooms.positions.ack(bob, 2)
    assert await rooms.read(derive) == 2
    await rooms.positions.save()
    await rooms.restart()
    assert await rooms.read(derive) == 2
    rooms.positions.ack(bob, 3)
    assert await rooms.read(derive) == 3
