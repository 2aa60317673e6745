"""Who may do what over HTTP: every operation there is, asked by everybody there is (D6)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from roost.edge.api import OPERATIONS
from roost.errors import RoostError
from tests.edge.authorisation.cells import OK, ROLES
from tests.edge.authorisation.operations import TABLE, Row
from tests.edge.authorisation.world import Cast, World
from tests.edge.conftest import UNLIMITED
from tests.edge.people import Answer, Town

AT_ONCE = 8
"""Rows that are played at once: their worlds share nothing but the users."""
READING = {"GET", "HEAD"}
REGISTERED = {f"{operation.method} {operation.path}" for operation in OPERATIONS}


def statuses() -> dict[str, int]:
    """The HTTP status of every error."""
    kinds, found = [RoostError], {}
    for kind in kinds:
        kinds += kind.__subclasses__()
        found[kind.slug] = kind.status
    return found


STATUS = statuses()


def outcome(row: Row, role: str, answer: Answer) -> str:
    """What an answer is, in the words of the table. HEAD has no body, so its status must do."""
    if answer.status < 400:
        return OK
    if row.method == "HEAD":
        expected = row.cells[role]
        return expected if answer.status == STATUS.get(expected) else str(answer.status)
    return answer.error


async def play(row: Row, cast: Cast) -> dict[str, str]:
    """What each role gets. Who may change something has a world of its own; the others see one that nobody changed."""
    shared = World(cast)
    found = {}
    for role in ROLES:
        alone = row.cells[role] == OK and row.method not in READING
        world = World(cast) if alone else shared
        path, body = await world.fill(row.path), await world.fill(row.body)
        answer = await cast.user(role).ask(row.method, path, body, **row.options)
        found[role] = outcome(row, role, answer)
    return found


def test_every_operation_has_a_row_and_every_row_all_cells() -> None:
    assert {row.operation for row in TABLE} == REGISTERED
    for row in TABLE:
        assert set(row.cells) == set(ROLES), row.operation
        assert set(row.cells.values()) <= {OK, *STATUS}, row.operation


async def test_who_may_do_what(settle: Callable[..., Awaitable[Town]]) -> None:
    cast = Cast(await settle(limits=UNLIMITED))
    await cast.arrive()
    turns = asyncio.Semaphore(AT_ONCE)
    wrong: list[str] = []

    async def look(row: Row) -> None:
        async with turns:
            found = await play(row, cast)
        for role, cell in row.cells.items():
            if found[role] != cell:
                wrong.append(f"{row.operation} ({row.path}) by {role}: {found[role]}, not {cell}")

    async with asyncio.TaskGroup() as rows:
        for row in TABLE:
            rows.create_task(look(row))
    assert not wrong, "\n".join(wrong)
