"""Whoever tampers with the audit log is found, and what is removed because it is old is not taken for that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, delete, select, update

from roost.audit import Act, record
from roost.audit.reading import pages
from roost.audit.retention import DAY, forget
from roost.audit.verifying import Verdict, verify
from roost.db.schema import audit
from tests.rooms import Clock, Rooms, private


async def live(rooms: Rooms) -> None:
    """Two runs of a server, with messages and acts in both: pages 1 to 4, and 5 to 8."""
    ann, _ = await rooms.authors("ann", "bob")
    for run in range(2):
        if run:
            await rooms.restart()
        await rooms.write(record, Act("group.renamed", ann, "g:team"))
        await rooms.batch(private(ann, "bob", "hi"), private(ann, "bob", "ho"))
        await rooms.write(record, Act("group.dissolved", ann, "g:team"))


async def keys(rooms: Rooms) -> list[int]:
    return [placed.page_id for placed in await rooms.read(lambda connection: list(pages(connection)))]


async def verdict(rooms: Rooms, noted: str | None = None) -> Verdict:
    return await rooms.read(verify, noted)


async def test_a_log_that_nobody_touched_has_no_faults(rooms: Rooms) -> None:
    await live(rooms)
    found = await verdict(rooms)
    assert (found.pages, len(found.ends), found.faults) == (8, 2, [])


def at(key: int) -> Any:
    return audit.c.page_id == key


TAMPERING: dict[str, Callable[[Connection, list[int]], object]] = {
    "an act is changed": lambda tx, keys: tx.execute(
        update(audit).where(at(keys[1])).values(body='{"act":"group.renamed","actor":"bob"}')
    ),
    "a message is changed": lambda tx, keys: tx.execute(
        update(audit)
        .where(at(keys[2]))
        .values(body=tx.execute(select(audit.c.body).where(at(keys[2]))).scalar_one().replace('"hi"', '"ha"'))
    ),
    "a time is changed": lambda tx, keys: tx.execute(update(audit).where(at(keys[6])).values(written_at=1)),
    "a digest is changed": lambda tx, keys: tx.execute(update(audit).where(at(keys[6])).values(digest="0" * 64)),
    "a page is removed": lambda tx, keys: tx.execute(delete(audit).where(at(keys[5]))),
    "the first page is removed": lambda tx, keys: tx.execute(delete(audit).where(at(keys[0]))),
    "the end of a chain that was followed is removed": lambda tx, keys: tx.execute(delete(audit).where(at(keys[3]))),
    "a whole chain that was followed is removed": lambda tx, keys: tx.execute(
        delete(audit).where(audit.c.page_id <= keys[3])
    ),
}


@pytest.mark.parametrize("tamper", TAMPERING.values(), ids=TAMPERING)
async def test_tampering_is_found(rooms: Rooms, tamper: Callable[[Connection, list[int]], object]) -> None:
    await live(rooms)
    found = await keys(rooms)
    await rooms.write(lambda tx: tamper(tx, found) and None)
    assert (await verdict(rooms)).faults


async def test_what_is_cut_off_the_end_is_found_by_a_digest_that_was_noted(rooms: Rooms) -> None:
    await live(rooms)
    noted = (await verdict(rooms)).last
    assert not (await verdict(rooms, noted)).faults
    last = (await keys(rooms))[-1]
    await rooms.write(lambda tx: tx.execute(delete(audit).where(at(last))) and None)
    assert not (await verdict(rooms)).faults
    assert (await verdict(rooms, noted)).faults


async def test_what_is_old_goes_and_the_rest_is_whole(rooms: Rooms, clock: Clock) -> None:
    await live(rooms)
    clock.pass_(days=10)
    await rooms.write(record, Act("server.started", "operator"))
    clock.pass_(days=10)
    assert await forget(rooms.database, clock() - 15 * DAY) == 8
    found = await verdict(rooms)
    assert (found.pages, found.faults) == (2, [])  # the act of ten days ago, and the page that tells of the removal
    await rooms.write(record, Act("server.started", "operator"))
    assert await forget(rooms.database, clock() - 5 * DAY) == 1
    assert await forget(rooms.database, clock() - 5 * DAY) == 0
    await rooms.restart()
    await rooms.write(record, Act("server.started", "operator"))
    found = await verdict(rooms)
    assert (found.pages, found.faults) == (5, [])


async def test_a_removal_that_was_interrupted_is_no_fault_and_goes_on(rooms: Rooms, clock: Clock) -> None:
    await live(rooms)
    clock.pass_(days=10)

    async def killed(change: Callable[[Connection], Any]) -> Any:
        done = await write(change)
        raise ConnectionError(done)

    write, rooms.database.write = rooms.database.write, killed  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        await forget(rooms.database, clock() - DAY)
    rooms.database.write = write  # type: ignore[method-assign]
    assert ((await verdict(rooms)).pages, (await verdict(rooms)).faults) == (9, [])
    assert await forget(rooms.database, clock() - DAY) == 8
    assert not (await verdict(rooms)).faults
