"""Push by several nodes on one database server: who sends and who is reached may be at different ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.blackbox.house import Guest, House
from tests.blackbox.line import eventually
from tests.places import ServerBackend
from tests.push.conftest import OpenNodes
from tests.push.http2 import PushService
from tests.push.road import Books, pushes_to, reached, settings


@pytest.fixture
async def nodes(open_nodes: OpenNodes, apple: PushService, tmp_path: Path) -> tuple[House, House]:
    return await open_nodes(**settings(tmp_path, apple))


@pytest.fixture
async def ann(nodes: tuple[House, House]) -> Guest:
    """She is at one of them."""
    return await nodes[0].guest("ann")


@pytest.fixture
async def bob(nodes: tuple[House, House]) -> Guest:
    """He is at the other."""
    return await nodes[1].guest("bob")


@pytest.fixture
def books(nodes: tuple[House, House], shared_backend: ServerBackend) -> Books:
    return Books(nodes[0], shared_backend.url)


async def test_an_address_counts_at_every_node_at_once(
    apple: PushService, books: Books, ann: Guest, bob: Guest
) -> None:
    await ann.send(bob)
    assert books.waiting() == 0
    for number in range(1, 6):
        await reached(bob)
        await ann.send(bob)
        await apple.has_got(number)
        assert (await bob.delete("/devices")).status == 200
        await ann.send(bob)
    await eventually(books.settled)
    assert len(apple.requests) == len(pushes_to(apple, bob)) == 5
    assert books.attempts("bob") == [("sent", None)] * 5
