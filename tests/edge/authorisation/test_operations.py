"""Who may do what: every operation there is, asked by everybody there is, over HTTP and in `request` frames (D6)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from roost.edge.api import OPERATIONS
from roost.errors import OverHTTPOnly, RoostError
from tests.edge.authorisation.cells import OK, ROLES, USERS, Cells
from tests.edge.authorisation.operations import TABLE, Row
from tests.edge.authorisation.world import Cast, World
from tests.edge.conftest import UNLIMITED
from tests.edge.people import Answer, Town
from tests.edge.sockets import Socket, socket

AT_ONCE = 8
"""Rows that are played at once: their worlds share nothing but the users."""
READING = {"GET", "HEAD"}
REGISTERED = {f"{operation.method} {operation.path}" for operation in OPERATIONS}
OVER_HTTP_ONLY = {
    f"{operation.method} {operation.path}"
    for operation in OPERATIONS
    if operation.scope is not None or operation.raw is not None
}


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


def in_frames(row: Row) -> Cells:
    """What users get who ask in a frame: the same, but for what is asked over HTTP only."""
    only = row.operation in OVER_HTTP_ONLY
    return {role: OverHTTPOnly.slug if only else row.cells[role] for role in USERS}


async def play_in_frames(row: Row, cast: Cast, lines: dict[str, Socket]) -> dict[str, str]:
    """What each user gets. Nobody changes a world that another sees, but for whoever may and comes last."""
    expected = in_frames(row)
    world = World(cast)
    found = {}
    changes = [role for role in USERS if expected[role] == OK and row.method not in READING]
    for role in [role for role in USERS if role not in changes] + changes[-1:]:
        path, body = await world.fill(row.path), await world.fill(row.body)
        answer = await lines[role].ask(row.method, path, body)
        found[role] = OK if answer.status < 400 else answer.error
    return found


def test_every_operation_has_a_row_and_every_row_all_cells() -> None:
    assert {row.operation for row in TABLE} == REGISTERED
    for row in TABLE:
        assert set(row.cells) == set(ROLES), row.operation
        assert set(row.cells.values()) <= {OK, *STATUS}, row.operation


async def test_who_may_ask_for_what_in_frames(settle: Callable[..., Awaitable[Town]]) -> None:
    """The same rows. Of those who may change something one has a turn: over HTTP all of them have."""
    cast = Cast(await settle(limits=UNLIMITED))
    await cast.arrive()
    wrong: list[str] = []
    async with contextlib.AsyncExitStack() as stack:

        async def come(role: str) -> Socket:
            return await stack.enter_async_context(socket(cast.town, cast.token(role)))

        lines = {role: await come(role) for role in USERS}
        for row in TABLE:
            found, expected = await play_in_frames(row, cast, lines), in_frames(row)
            if row.operation == "POST /auth/logout":
                lines |= {role: await come(role) for role in found}
            wrong += [
                f"{row.operation} ({row.path}) by {role}: {got}, not {expected[role]}"
                for role, got in found.items()
                if got != expected[role]
            ]
    assert not wrong, "\n".join(wrong)


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
