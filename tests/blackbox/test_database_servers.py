"""`roost serve` with `server.database`: what is acknowledged is in PostgreSQL or MariaDB, and stays there."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from bench.server import Server

from tests.blackbox.house import Guest, House, process
from tests.places import ServerBackend


@pytest.fixture
async def server(tmp_path: Path, shared_backend: ServerBackend) -> AsyncIterator[Server]:
    """A server on a database of its own."""
    made = process(tmp_path, SERVER__DATABASE=shared_backend.url)
    await asyncio.to_thread(made.start)
    yield made
    made.stop()


def said(backend: ServerBackend, *command: str) -> str:
    """What a command of `roost` prints."""
    environment = {**os.environ, "ROOST_SERVER__DATABASE": backend.url}
    done = subprocess.run([sys.executable, "-m", "roost", *command], capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


async def test_nothing_that_was_acknowledged_is_lost_by_a_kill(server: Server) -> None:
    async with House(server.port, server.data, server) as house:
        ann, bob = await house.guest("ann"), await house.guest("bob")
        await (await ann.line()).send_many("bob", 200)
        await bob.send(ann, "🐓 ünï")
        server.kill()
    await asyncio.to_thread(server.start)
    async with House(server.port, server.data, server) as house:
        back = Guest(house, "ann", ann.token)
        end = await back.sync(190)
        assert [one["seq"] for one in end["messages"]] == list(range(191, 202))
        assert end["messages"][-1]["content"] == "🐓 ünï"
        assert (await back.send(Guest(house, "bob", bob.token)))["seq"] == 202


async def test_messages_are_changed(server: Server) -> None:
    async with House(server.port, server.data, server) as house:
        ann, bob = await house.guest("ann"), await house.guest("bob")
        line = await bob.line(lastSeq=0)
        sent = [await ann.send(bob, content) for content in ("helo", "secret")]
        await ann.patch(f"/messages/{sent[0]['serverMsgID']}", {"content": "hello 🐓"})
        await ann.post(f"/messages/{sent[1]['serverMsgID']}/recall")
        heard = [await line.hear("message") for _ in range(4)]
        assert [(one["seq"], one["content"]) for one in heard][2:] == [(3, "hello 🐓"), (4, "")]
        page = await bob.sync()
        assert [(one["seq"], one["content"], one["version"]) for one in page["messages"]] == [
            (3, "hello 🐓", 2),
            (4, "", 2),
        ]
        assert (await ann.patch("/messages/%00", {"content": "x"})).refusal == (404, "unknown_message")
        assert await bob.unread() == {ann.conversation(bob): 1}


async def test_commands_look_at_the_same_database(server: Server, shared_backend: ServerBackend) -> None:
    async with House(server.port, server.data, server) as house:
        ann, _ = await house.guest("ann"), await house.guest("bob")
        await (await ann.line()).send("bob", "hello there")
        assert "messages       1" in await asyncio.to_thread(said, shared_backend, "stats")
        assert "hello there" in await asyncio.to_thread(said, shared_backend, "messages")
        assert "up to date" in await asyncio.to_thread(said, shared_backend, "migrate")


async def test_a_database_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    environment = {**os.environ, "ROOST_SERVER__DATABASE": "postgresql://roost:secret@127.0.0.1:1/roost"}
    command = [sys.executable, "-m", "roost", "serve", "--port", "0", "--data", str(tmp_path)]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, env=environment, check=False, timeout=60
    )
    assert done.returncode == 1
    *_, last = done.stderr.decode().splitlines()
    assert last.strip()
    assert "Traceback" not in done.stderr.decode()
    assert "secret" not in done.stderr.decode()
