"""What stands in the audit log, on every kind of database: acts and messages, in the transactions that did them."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, select

from roost.audit import OPERATOR, Act, record
from roost.audit.pages import ACT, BEGINNING, OPENED, SENDS, Page, digest_of
from roost.audit.sends import AT_MOST
from roost.audit.verifying import verify
from roost.config import Audit
from roost.db.schema import audit
from roost.errors import Conflict
from roost.journal.contract import Author
from tests.places import ServerBackend
from tests.rooms import BEGINNING as NOW
from tests.rooms import Clock, Rooms, private, to_group

ALL = select(audit).order_by(audit.c.page_id)


async def pages(rooms: Rooms) -> list[Page]:
    return await rooms.read(lambda connection: [Page(*row[1:]) for row in connection.execute(ALL)])


async def bodies(rooms: Rooms, kind: str) -> list[Any]:
    return [msgspec.json.decode(page.body) for page in await pages(rooms) if page.kind == kind]


async def hang_together(rooms: Rooms) -> bool:
    """Whether each page follows the one before it in its chain, by the definition of a digest."""
    ends: dict[str, tuple[int, str]] = {}
    for page in await pages(rooms):
        position, before = ends.get(page.chain, (0, BEGINNING))
        if page.position != position + 1:
            return False
        if page.digest != digest_of(before, page.chain, page.position, page.kind, page.written_at, page.body):
            return False
        ends[page.chain] = page.position, page.digest
    return True


async def test_an_act_says_who_did_what_where_to_whom(rooms: Rooms, ann: Author) -> None:
    there = msgspec.structs.replace(ann, address="192.0.2.7")
    await rooms.write(record, Act("group.role", there, "g:team", "bob", 17, {"role": "admin"}))
    await rooms.write(record, Act("epoch.renewed", OPERATOR))
    assert await bodies(rooms, ACT) == [
        {
            "act": "group.role",
            "actor": "ann",
            "device": "phone",
            "address": "192.0.2.7",
            "conversation": "g:team",
            "target": "bob",
            "message": "17",
            "details": {"role": "admin"},
        },
        {"act": "epoch.renewed", "actor": "operator"},
    ]
    assert {page.written_at for page in await pages(rooms)} == {NOW}


async def test_the_messages_of_a_batch_are_a_page_of_it(rooms: Rooms, ann: Author, bob: Author) -> None:
    there = msgspec.structs.replace(ann, address="192.0.2.7")
    await rooms.group("team", ann, bob)
    one, other = await rooms.batch(private(there, "bob", "hi"), to_group(bob, "team", "ho"))
    assert await bodies(rooms, SENDS) == [
        [
            [int(one.message.server_msg_id), "ann", "phone", "192.0.2.7", "p:ann:bob", 1, "hi"],
            [int(other.message.server_msg_id), "bob", "phone", "", "g:team", 1, "ho"],
        ]
    ]


async def test_what_was_refused_or_sent_before_is_no_message(rooms: Rooms, ann: Author, bob: Author) -> None:
    await rooms.batch(private(ann, "bob", message_id="m"))
    await rooms.batch(private(ann, "bob", message_id="m"), private(ann, "nobody"))
    await rooms.batch(private(ann, "bob", message_id="m"), private(ann, "bob", message_id="n"))
    assert [len(page) for page in await bodies(rooms, SENDS)] == [1, 1]
    assert await hang_together(rooms)


async def test_pages_hang_together_whatever_is_taken_back(rooms: Rooms, ann: Author, bob: Author) -> None:
    def fail(tx: Connection) -> None:
        record(tx, Act("group.renamed", ann))
        raise Conflict

    for _ in range(3):
        with pytest.raises(Conflict):
            await rooms.write(fail)
        await rooms.batch(private(ann, "bob"), private(bob, "ann"))
        async with rooms.failing("log"):
            await rooms.batch(private(ann, "bob"))
        await rooms.write(record, Act("group.dissolved", ann))
    assert await hang_together(rooms)
    kinds = [page.kind for page in await pages(rooms)]
    assert kinds == [OPENED, *[SENDS, ACT] * 3]


async def test_a_new_chain_names_the_ends_of_the_others(rooms: Rooms, ann: Author) -> None:
    await rooms.write(record, Act("group.renamed", ann))
    await rooms.restart()
    await rooms.write(record, Act("group.dissolved", ann))
    first, *_ = written = await pages(rooms)
    last_of_first = [page for page in written if page.chain == first.chain][-1]
    after = (await bodies(rooms, OPENED))[1]["after"]
    assert after == [[last_of_first.chain, last_of_first.position, last_of_first.digest]]
    assert await hang_together(rooms)


@pytest.mark.parametrize("switched_off", ["acts", "sends", "content"])
async def test_each_part_has_its_switch(rooms: Rooms, switched_off: str) -> None:
    rooms.audited = Audit(**{"content": True, switched_off: False})
    await rooms.restart()
    ann, _ = await rooms.authors("ann", "bob")
    await rooms.write(record, Act("group.renamed", ann))
    await rooms.batch(private(ann, "bob", "hi"))
    sends = await bodies(rooms, SENDS)
    assert bool(await bodies(rooms, ACT)) is (switched_off != "acts")
    assert bool(sends) is (switched_off != "sends")
    assert not sends or sends[0][0][6] == (None if switched_off == "content" else "hi")


async def test_a_large_batch_is_several_pages(rooms: Rooms, ann: Author, bob: Author) -> None:
    outcomes = await rooms.batch(*(private(ann, "bob") for _ in range(AT_MOST + 1)))
    sends = await bodies(rooms, SENDS)
    assert [len(page) for page in sends] == [AT_MOST, 1]
    assert [row[0] for page in sends for row in page] == [int(one.message.server_msg_id) for one in outcomes]
    assert await hang_together(rooms)


async def test_two_nodes_have_chains_of_their_own(shared_backend: ServerBackend, clock: Clock) -> None:
    here, there = [await Rooms.open(shared_backend, clock) for _ in range(2)]
    ann, bob = await here.authors("ann", "bob")
    await asyncio.gather(*(node.batch(private(ann, "bob"), private(bob, "ann")) for node in (here, there) * 3))
    verdict = await here.read(verify)
    assert (len(verdict.ends), verdict.faults) == (2, [])
    assert sum(map(len, await bodies(here, SENDS))) == 12
    for node in (here, there):
        await node.close()
