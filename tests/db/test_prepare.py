"""Nodes that start at the same time on one empty database server."""

from __future__ import annotations

import asyncio
import secrets
import time
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select

from roost import storage
from roost.db.database import Database
from roost.db.schema import deployment
from roost.db.server import DatabaseServer
from roost.journal import reading
from tests.places import Places

ROUNDS = 5
NODES = 3


@pytest.fixture(params=["postgresql", "mariadb"])
def places(request: pytest.FixtureRequest) -> Places:
    found: Places = request.getfixturevalue(f"{request.param}_places")
    return found


async def started(engine: DatabaseServer) -> tuple[str, int]:
    """The epoch that a node finds once it is ready, and how many epochs there are."""
    database = Database(engine, prepare=storage.prepare)
    await database.ready()
    epoch = await database.read(reading.epoch)
    count = select(func.count()).where(deployment.c.name == "epoch")
    found = await database.read(lambda connection: connection.execute(count).scalar_one())
    await database.close()
    return epoch, found


async def test_nodes_that_start_at_once_agree_on_the_schema_and_the_epoch(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(size: int) -> str:
        time.sleep(0.1)  # the others are as far meanwhile, if they may be
        return secrets.token_hex(size)

    monkeypatch.setattr(storage, "secrets", SimpleNamespace(token_hex=slowly))
    epochs = set()
    for _ in range(ROUNDS):
        url = places.url(places.make_empty())
        one, *others = await asyncio.gather(*(started(places.kind.open(url)) for _ in range(NODES)))
        assert others == [one] * (NODES - 1)
        assert one[1] == 1
        epochs.add(one[0])
    assert len(epochs) == ROUNDS
