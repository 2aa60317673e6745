"""`roost key` as a person runs it: beside a running server, and without one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.server import Server, running

from roost.config import Config
from roost.config import Server as ServerSettings
from roost.errors import InvalidInput
from roost.keyring import Keyring, milliseconds
from tests.test_cli import TIME, refused, said


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as server:
        yield server


def test_a_key_is_made_listed_and_revoked_beside_a_running_server(server: Server) -> None:
    here = ("--url", f"http://127.0.0.1:{server.port}", "--data", server.data)
    key = said("key", "create", "shop", "--scope", "keys", "--expires", "90d", *here).strip()
    assert [each["name"] for each in server.request("GET", "/admin/keys", None, key)["keys"]] == ["shop"]
    assert "shop is in use" in refused("key", "create", "shop", "--scope", "keys", *here)
    listed = said("key", "list", *here).splitlines()
    assert listed[0].split() == ["KEY", "NAME", "SCOPES", "MADE", "UNTIL", "LAST", "USED"]
    prefix, name, scopes = listed[1].split()[:3]
    assert (key.startswith(f"roost_{prefix}_"), name, scopes) == (True, "shop", "keys")
    assert said("key", "revoke", "shop", *here) == f"shop ({prefix}) is revoked.\n"
    with pytest.raises(RuntimeError, match="token_revoked"):
        server.request("GET", "/admin/keys", None, key)
    assert re.search(rf"revoked {TIME}", said("key", "list", *here))
    assert "There is no key nobody" in refused("key", "revoke", "nobody", *here)


def test_without_a_server_the_database_is_written(tmp_path: Path) -> None:
    said("migrate", "--data", tmp_path)
    ring = Keyring(Config(server=ServerSettings(data=str(tmp_path))), "http://127.0.0.1:1")
    prefix = ring.create("shop", ["keys", "*"], None).split("_")[1]
    assert ring.listed()[1].startswith(f"{prefix}  shop  * keys")
    assert ring.revoke(prefix) == [f"shop ({prefix}) is revoked."]
    assert re.search(rf"revoked {TIME}", ring.listed()[1])


@pytest.mark.parametrize("span", ["", "90", "d", "0d", "-1d", "90 d", "9999999d"])
def test_a_time_that_is_none(span: str) -> None:
    with pytest.raises(InvalidInput):
        milliseconds(span)


def test_times() -> None:
    assert [milliseconds(span) for span in ("2m", "12h", "1d")] == [120_000, 43_200_000, 86_400_000]
