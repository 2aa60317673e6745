"""The nodes of a deployment have one secret: the first says which, and no other starts."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from roost import operations
from roost.config import Config, ConfigError, Server
from roost.edge.auth.secret import load_or_make_secret
from roost.edge.auth.shared import fingerprint
from tests.places import Places, ServerBackend

Start = Callable[..., Awaitable[Any]]


@pytest.fixture(params=["postgresql", "mariadb"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database."""
    places: Places = request.getfixturevalue(f"{request.param}_places")
    taken = [places.take()]
    yield ServerBackend(places, taken).url
    places.give_back(taken)


async def test_a_node_with_the_same_secret_starts(server: Start, url: str, tmp_path: Path) -> None:
    await server(data="one", server={"database": url})
    (tmp_path / "two").mkdir()
    shutil.copy(tmp_path / "one" / "jwt.secret", tmp_path / "two")
    await server(data="two", server={"database": url})


async def test_a_node_with_another_secret_refuses_and_says_what_to_do(server: Start, url: str, tmp_path: Path) -> None:
    await server(data="one", server={"database": url})
    load_or_make_secret(tmp_path / "two")
    with pytest.raises(ConfigError, match="two/jwt.secret is not that of the other nodes.*copy.*renew-secret"):
        await server(data="two", server={"database": url})


async def test_a_node_without_one_makes_none(server: Start, url: str, tmp_path: Path) -> None:
    await server(data="one", server={"database": url})
    with pytest.raises(ConfigError, match="two/jwt.secret is missing: copy it"):
        await server(data="two", server={"database": url})
    assert not (tmp_path / "two" / "jwt.secret").exists()


async def test_a_secret_that_is_lost_or_has_leaked_is_renewed_by_command(
    server: Start, url: str, tmp_path: Path
) -> None:
    settings = Config(server=Server(database=url, data=str(tmp_path / "one"), port=0))
    operations.renew_secret(settings)
    before = load_or_make_secret(tmp_path / "one")
    await server(data="one", server={"database": url})
    shutil.copytree(tmp_path / "one", tmp_path / "old")
    (tmp_path / "one" / "jwt.secret").unlink()
    [told] = operations.renew_secret(settings)
    assert str(tmp_path / "one" / "jwt.secret") in told
    assert load_or_make_secret(tmp_path / "one") != before
    await server(data="one", server={"database": url})
    with pytest.raises(ConfigError):
        await server(data="old", server={"database": url})


async def test_a_server_with_its_own_file_takes_whatever_it_finds(server: Start, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "jwt.secret").write_text("0" * 64)
    await server()
    with pytest.raises(ConfigError, match="needs no command"):
        operations.renew_secret(Config(server=Server(data=str(tmp_path / "data"))))


def test_a_fingerprint_tells_secrets_apart_and_does_not_contain_them() -> None:
    one, other = fingerprint(b"a" * 32), fingerprint(b"b" * 32)
    assert one == fingerprint(b"a" * 32) != other
    assert len(one) == 16
