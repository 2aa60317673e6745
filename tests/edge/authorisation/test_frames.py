"""Who may do what on a socket: every frame there is, sent by everybody there is (D6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from roost.protocol.codec import FRAME_TYPES
from tests.edge.authorisation.cells import OK, OTHERS, ROLES
from tests.edge.authorisation.frames import TABLE, Row
from tests.edge.authorisation.world import Cast, World
from tests.edge.conftest import UNLIMITED
from tests.edge.people import Town
from tests.edge.sockets import Socket, socket


async def ask(row: Row, role: str, cast: Cast, line: Socket) -> str:
    """What a role gets."""
    if row.kind == "auth" or role in OTHERS:
        if role != "none" or row.kind == "auth":
            await line.say("auth", token=cast.token(role))
        else:
            await line.say(row.kind, **await World(cast).fill(row.fields))
        heard = await line.hear("ready", "error")
        return OK if heard["type"] == "ready" else str(heard["error"])
    await line.say("auth", token=cast.token(role))
    await line.hear("ready")
    await line.say(row.kind, **await World(cast).fill(row.fields))
    if row.answer is None:  # what is asked next is answered after it
        await line.say("sync", lastSeq=0, count=1)
    heard = await line.hear(row.answer or "sync_batch", "error")
    return str(heard["error"]) if heard["type"] == "error" else OK


def test_every_frame_has_a_row_and_every_row_all_cells() -> None:
    assert {row.kind for row in TABLE} == set(FRAME_TYPES)
    for row in TABLE:
        assert set(row.cells) == set(ROLES), row.kind


async def test_who_may_send_what(settle: Callable[..., Awaitable[Town]]) -> None:
    town = await settle(limits=UNLIMITED)
    cast = Cast(town)
    await cast.arrive()
    wrong: list[str] = []
    for row in TABLE:
        for role in ROLES:
            async with socket(town) as line:
                found = await ask(row, role, cast, line)
            if found != row.cells[role]:
                wrong.append(f"{row.kind} {row.fields} by {role}: {found}, not {row.cells[role]}")
    assert not wrong, "\n".join(wrong)
