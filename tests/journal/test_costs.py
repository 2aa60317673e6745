"""What reading and writing cost: what they return or store, whatever lies before or behind (B5, A12).

SQLite tells how it would run a statement (EXPLAIN QUERY PLAN) and how many steps of its machine it took. Both are
the same on every run and every machine, unlike time.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from roost.errors import NotFound, RoostError, UnknownSticker
from roost.files import register
from roost.flow.moderation import reports
from roost.flow.operating import forgetting
from roost.journal import attachments, avatars, delivered, reading, retention, stickers
from roost.journal.avatars import Holder
from roost.journal.contract import Author
from roost.journal.delivered import Asked
from roost.model.attachment import Attachment
from roost.model.message import Change, GroupSettings
from roost.model.sticker import StickerName
from roost.roster import blocks, groups, invitations, marks, profiles
from roost.roster import conversations as roster
from roost.roster.invitations import Invitation
from roost.roster.users import accounts_named
from tests.backends import MAIN, Hasty, SQLiteBackend
from tests.rooms import Clock, Rooms, private, to_group

SORTED_ON_PURPOSE = ("members.joined_at", "coalesce(messages.server_time", "devices.last_seen, positions.synced_at")
"""Three lists are sorted by what is no key: the members of one group, one user's conversations and devices."""
WRITTEN_OR_READ = {"SELECT", "INSERT", "UPDATE", "DELETE"}
MADE_HERE = re.compile(r"SCAN (json_each|wanted|saved|anon_\d+|\(subquery-\d+\)|CONSTANT ROW|\d+ )")
"""What a statement may go through whole: its own parameters and partial results."""


class Listening(Hasty):
    """Remembers every statement that any of its connections runs, with its values."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.heard: list[str] = []

    def writer(self) -> Connection:
        return self._listen(super().writer())

    def reader(self, *, limited: bool = False) -> Connection:
        return self._listen(super().reader())

    def _listen(self, connection: Connection) -> Connection:
        driver: Any = connection.connection.dbapi_connection
        driver.set_trace_callback(self.heard.append)
        return connection


@pytest.fixture
def backend(tmp_path: Path) -> SQLiteBackend:
    return SQLiteBackend(tmp_path / "life-0")


@pytest.fixture
async def listened(backend: SQLiteBackend, clock: Clock) -> AsyncIterator[tuple[Rooms, Listening]]:
    engine = Listening(backend.directory / MAIN)
    rooms = await Rooms.open(backend, clock, engine)
    yield rooms, engine
    await rooms.close()


def look_at_marks(rooms: Rooms, connection: Connection, cid: int, ann: Author, bob: Author) -> None:
    """Who has got and who has read what; profiles, and who sees whom."""
    for presence in profiles.AUDIENCES:
        found = profiles.of(connection, ["ann", "bob"])["bob"]._replace(presence=presence)
        assert found.uid == bob.uid
        profiles.hidden_from(connection, ann.uid, ["ann", "bob"])
        profiles.blind(connection, "bob", [ann.uid])
    profiles.peers(connection, ann.uid, 20, 100)
    marks.of_small(connection, ann.uid, ["g:team", "p:ann:bob"], 20)
    marks.members_if_small(connection, cid, 20)
    marks.receivers(connection, cid, ann.uid, 2**52, 0, 10)
    marks.count(connection, cid, ann.uid, 2**52, 1)
    marks.senders(connection, cid, 0, 1)
    marks.unread_between(connection, cid, ann.uid, 0, 3, 10)
    everyone = [Asked(uid, cid, 1, 2**52) for uid in (ann.uid, bob.uid)]
    delivered.delivered(connection, everyone, rooms.positions.furthest(connection, [ann.uid, bob.uid]))
    delivered.delivered(connection, everyone, {})
    delivered.stored(connection, bob.uid, 0, 3, 10)


def change_files(tx: Connection, cid: int, ann: Author) -> None:
    """A file from its first byte to its last."""
    file = Attachment(id="0" * 32, name="x", size=1)
    register.begin(tx, file, ann.uid, quota=10, now=0, expires_at=1)
    register.finish(tx, file, 2)
    register.find(tx, file.id)
    attachments.hold(tx, ann.uid, [file.id], 3)
    attachments.send(tx, [attachments.Use(1, cid, [file])])
    attachments.take_away(tx, 1, 4)
    assert register.expired(tx, 4, 10) == [file.id]
    change_avatar(tx, cid, ann)
    register.condemn(tx, file.id, now=4, until=5)
    register.forget(tx, file.id)


def change_avatar(tx: Connection, cid: int, ann: Author) -> None:
    """A picture of a user and of a group, and then of none."""
    picture = Attachment(id="1" * 32, name="x", size=1, thumbnail=True)
    register.begin(tx, picture, ann.uid, quota=0, now=0, expires_at=1)
    register.finish(tx, picture, 2)
    profiles.lock(tx, ann.uid)
    for avatar in (picture.id, None):
        for holder in (Holder(uid=ann.uid), Holder(cid=cid)):
            avatars.put(tx, holder, avatar, ann.uid, 1)
            assert bool(avatars.shown(tx, ann.uid, picture.id)) == (avatar is not None or bool(holder.uid))


async def everything(rooms: Rooms) -> None:
    """All that the rooms do while a server serves."""
    ann, bob, cat = await rooms.authors("ann", "bob", "cat")
    await rooms.author("ann", "tablet")
    await rooms.group("team", ann, bob)
    await rooms.join("team", cat)
    await rooms.batch(private(ann, "bob", message_id="m"), to_group(ann, "team"), private(bob, "cat"))
    sent = await rooms.batch(private(ann, "bob", message_id="m"), private(ann, "bob"), private(ann, "nobody"))
    await rooms.record(Change(kind="read", conversation_id="g:team"), [ann, bob], ann)
    await rooms.leave("team", cat)
    await rooms.log(bob)
    await rooms.positions.mark_synced(bob, [sent[1].message.server_msg_id, "m"])
    rooms.positions.ack(bob, 2)
    await rooms.positions.save()
    rooms.positions.ack(bob, 3)
    await rooms.positions.save()
    await rooms.positions.of_user(bob.uid)
    await rooms.offline(bob)
    await rooms.offline(bob, "g:team")
    await rooms.read(reading.messages_by_mid, [1, 2, 3])
    await rooms.users.account("ann")
    await rooms.users.seen([ann.did])

    def look(connection: Connection) -> None:
        group = roster.find(connection, "g:team")
        reading.history(connection, group.cid, 10, 10)
        roster.members_of(connection, group.cid)
        roster.membership(connection, group.cid, ann.uid)
        roster.listed(connection, ann.uid, 0, 50)
        roster.unread_counts(connection, bob.uid)
        look_at_marks(rooms, connection, group.cid, ann, bob)
        with pytest.raises(UnknownSticker):
            stickers.find(connection, StickerName(pack_id="p", sticker_id="s"))

    def change(tx: Connection) -> None:
        group = roster.find(tx, "g:team")
        roster.set_read_mark(tx, group, bob.uid, 1)
        for presence in profiles.AUDIENCES:
            profiles.store(tx, profiles.of(tx, ["bob"])["bob"]._replace(presence=presence), 1)
            profiles.blind(tx, "bob", [ann.uid])
        roster.set_muted(tx, group.cid, bob.uid, muted=True)
        roster.set_role(tx, group.cid, bob.uid, roster.ADMIN)
        change_files(tx, group.cid, ann)
        retention.clear(tx, bob.uid, logged_before=2**52, active_since=0)

    await rooms.read(look)
    await rooms.write(change)
    await rules(rooms, ann, bob, cat)


async def rules(rooms: Rooms, ann: Author, bob: Author, cat: Author) -> None:
    """Who may write, who comes in, whom one does not hear of."""

    def change(tx: Connection) -> None:
        group = roster.find(tx, "g:team")
        groups.set_settings(tx, group.cid, "Team", GroupSettings(announcement_only=True))
        groups.mute(tx, group.cid, bob.uid, 2**50, 0)
        blocks.block(tx, bob.uid, ann.uid, 0, 0)
        roster.restrict(tx, roster.find(tx, "p:ann:bob").cid, restricted=True)
        rooms.journal.forget("p:ann:bob")
        groups.ban(tx, group.cid, cat.uid, ann.uid, 0)
        groups.lift_ban(tx, group.cid, cat.uid)
        invited = Invitation(b"x" * 32, "g:team", "ann", 0, 1, 0, 0)
        invitations.make(tx, group.cid, ann.uid, invited)
        assert invitations.find(tx, invited.digest) in invitations.of_group(tx, group.cid)
        invitations.use(tx, invited.digest)
        invitations.revoke(tx, invited.digest)
        with pytest.raises(NotFound):
            reports.close(tx, "operator", 7, "upheld", "", 0)
        forgetting.forget_reports(tx, cat.uid)
        forgetting.empty_reported(tx, [1, 2], 0)
        forgetting.forget_pushes(tx, "cat")

    def look(connection: Connection) -> None:
        blocks.of_user(connection, bob.uid)
        blocks.count(connection, bob.uid)
        blocks.is_blocked(connection, ann.uid, by=bob.uid)
        blocks.blockers(connection, ann.uid, ["bob", "cat"])
        blocks.read_by_blockers(connection, ann.uid, [bob.uid, cat.uid])
        groups.banned(connection, roster.find(connection, "g:team").cid)
        accounts_named(connection, "a", "ann", 10)
        for state in reports.STATES:
            reports.oldest(connection, state, 0, 10)
            reports.newest(connection, 10, state)

    await rooms.write(change)
    await rooms.read(look)
    await rooms.batch(to_group(bob, "team"), to_group(ann, "team"), private(ann, "bob"), private(cat, "ann"))
    await rooms.write(blocks.unblock, bob.uid, ann.uid)


async def test_every_statement_goes_by_a_key_and_none_sorts(listened: tuple[Rooms, Listening]) -> None:
    rooms, engine = listened
    engine.heard.clear()
    await everything(rooms)
    statements = [
        sql
        for sql in dict.fromkeys(engine.heard)
        if sql.split(maxsplit=1)[0] in {"SELECT", "INSERT", "UPDATE", "DELETE"}
    ]
    assert len(statements) > 40

    def plans(tx: Connection) -> dict[str, list[str]]:
        driver: Any = tx.connection.dbapi_connection
        return {sql: [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {sql}")] for sql in statements}

    for sql, plan in (await rooms.write(plans)).items():
        for step in plan:
            assert not step.startswith("SCAN") or MADE_HERE.match(step), f"{step}\n{sql}"
            if "TEMP B-TREE" in step:
                assert any(key in sql for key in SORTED_ON_PURPOSE), f"{step}\n{sql}"


def steps(connection: Connection, query: Callable[[Connection], Any]) -> int:
    """How many steps SQLite's machine takes for a query."""
    count = 0

    def step() -> None:
        nonlocal count
        count += 1

    driver: Any = connection.connection.dbapi_connection
    driver.set_progress_handler(step, 1)
    try:
        query(connection)
    finally:
        driver.set_progress_handler(None, 0)
    return count


QUERIES: dict[str, Callable[[Connection, Author, int], Any]] = {
    "the state of a log": lambda connection, bob, cid: reading.log_state(connection, bob.uid),
    "a page of a log": lambda connection, bob, cid: reading.log_page(connection, bob.uid, 7, 50),
    "a page of history": lambda connection, bob, cid: reading.history(connection, cid, 60, 50),
    "a position": lambda connection, bob, cid: reading.passed(connection, bob.uid, bob.did, 7),
    "a conversation": lambda connection, bob, cid: roster.find(connection, "p:ann:bob"),
    "the members": lambda connection, bob, cid: roster.members_of(connection, cid),
}


async def write_to_bob(rooms: Rooms, ann: Author, count: int) -> None:
    await rooms.batch(*(private(ann, "bob") for _ in range(count)))


async def test_reading_costs_the_same_however_long_the_log_is(rooms: Rooms, ann: Author, bob: Author) -> None:
    async def costs() -> dict[str, int]:
        cid = await rooms.read(reading.cid_of, "p:ann:bob")
        return {
            name: await rooms.read(lambda connection: steps(connection, lambda it: query(it, bob, cid)))  # noqa: B023
            for name, query in QUERIES.items()
        }

    await write_to_bob(rooms, ann, 100)
    short = await costs()
    for _ in range(4):
        await write_to_bob(rooms, ann, 1000)
    assert await costs() == short


async def test_sending_costs_the_same_however_long_the_logs_are(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    ann, _ = await rooms.authors("ann", "bob")
    draft = private(ann, "bob", message_id="again")

    async def cost() -> int:
        """Of a duplicate, and of a message after a restart, when nothing is remembered."""
        rooms.statements.rolled_back()

        def run(tx: Connection) -> int:
            return steps(tx, lambda it: rooms.journal._append(it, [draft, private(ann, "bob")]))

        return await rooms.write(run)

    await rooms.send(draft)
    await write_to_bob(rooms, ann, 20)
    short = await cost()
    for _ in range(3):
        await write_to_bob(rooms, ann, 1000)
    assert await cost() < short * 1.02


async def test_a_page_of_what_is_offline_costs_what_it_shows_apart_from_the_counting(
    rooms: Rooms, ann: Author, bob: Author
) -> None:
    async def cost() -> tuple[int, int]:
        """Of the count, and of the page."""
        parameters = {"uid": bob.uid, "did": bob.did, "after": 0, "upto": reading.NO_LIMIT}
        count, rows = reading.OFFLINE
        return (
            await rooms.read(lambda tx: steps(tx, lambda it: it.execute(count, parameters).scalar())),
            await rooms.read(
                lambda tx: steps(tx, lambda it: it.execute(rows, parameters | {"count": 20, "offset": 0}).all())
            ),
        )

    await write_to_bob(rooms, ann, 100)
    short_count, short_page = await cost()
    await write_to_bob(rooms, ann, 900)
    long_count, long_page = await cost()
    assert long_page == short_page
    assert long_count < 11 * short_count


async def test_what_is_refused_costs_no_write(listened: tuple[Rooms, Listening]) -> None:
    rooms, engine = listened
    [ann] = await rooms.authors("ann")
    await rooms.send(private(ann, "ann"))
    engine.heard.clear()
    [outcome] = await rooms.batch(private(ann, "nobody"))
    assert isinstance(outcome, RoostError)
    assert not any(sql.startswith(("UPDATE", "DELETE", "INSERT INTO appending")) for sql in engine.heard)
