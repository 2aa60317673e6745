"""A used deployment to copy, and empty places on each kind of server to copy it to."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.places import Places
from tests.transfer.deployment import make


@pytest.fixture(scope="session")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("used"))


@pytest.fixture
def old(used: Path, tmp_path: Path) -> Path:
    """A data directory of one's own."""
    return Path(shutil.copytree(used, tmp_path / "old"))


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """What `--to` takes: `place("mariadb")` is an empty database of that kind."""
    taken: list[tuple[Places, str]] = []

    def make_place(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:{tmp_path / f'new-{len(list(tmp_path.iterdir()))}'}"
        places: Places = request.getfixturevalue(f"{kind}_places")
        taken.append((places, places.take()))
        return places.url(taken[-1][1])

    yield make_place
    for places, name in taken:
        places.give_back([name])
