"""The facade for scripts, and the server for users' own tests."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from roost.client import NetworkError, State, StoreInUse
from roost.client.blocking import BlockingClient
from roost.testing import LocalServer
from tests.client.people import Cast


def test_a_script_sends_and_receives(cast: Cast, tmp_path: Path) -> None:
    with (
        BlockingClient(cast.server.url, token=cast.token("ann"), store=tmp_path / "ann.db") as ann,
        BlockingClient(cast.server.url, token=cast.token("bob"), store=tmp_path / "bob.db") as bob,
    ):
        ann.connected(10)
        bob.connected(10)
        assert bob.state is State.CONNECTED
        for text in ("one", "two"):
            ann.send(cast["bob"], text)
        ann.flush(10)
        assert [message.content for message in bob.messages(timeout=0.5)] == ["one", "two"]
        assert bob.unread() == {cast.conversation("ann", "bob"): 2}
        bob.mark_read(cast["ann"])
        assert bob.unread() == {}
        assert [one.content for one in bob.history(cast["ann"])] == ["one", "two"]
        assert [one.content for one in bob.search("tw")] == ["two"]
        group = ann.create_group("Tea", [cast["bob"]])
        assert {one.user_id for one in ann.call(ann.client.members(group.conversation_id))} == {
            cast["ann"],
            cast["bob"],
        }
        assert ann.online([cast["bob"]])[cast["bob"]].online
        assert [one.conversation_id for one in ann.conversations()][:1]


def test_a_script_finds_what_was_not_sent_and_pulls_what_is_new(cast: Cast) -> None:
    with (
        BlockingClient(cast.server.url, token=cast.token("ann"), store=":memory:") as ann,
        BlockingClient(cast.server.url, token=cast.token("bob"), store=":memory:") as bob,
    ):
        bob.connected(10)
        assert bob.user_id == cast["bob"]
        message = bob.send(cast["nobody"], "is there anybody")
        bob.flush(10)
        assert [(one.message_id, one.state) for one in bob.unsent()] == [(message.message_id, "failed")]
        assert bob.retry(message.message_id) == 1
        bob.flush(10)
        assert bob.discard(message.message_id)
        assert bob.unsent() == []
        ann.connected(10)
        ann.send(cast["bob"], "hello")
        ann.flush(10)
        bob.refresh()
        found = bob.conversation(cast["ann"])
        assert found is not None
        assert found.unread == 1


def test_nothing_is_left_behind(cast: Cast, tmp_path: Path) -> None:
    path, before = tmp_path / "ann.db", set(threading.enumerate())
    for _ in range(2):
        with BlockingClient(cast.server.url, token=cast.token("ann"), store=path), pytest.raises(StoreInUse):
            BlockingClient(cast.server.url, token=cast.token("ann"), store=path).connect()
    assert not [thread.name for thread in set(threading.enumerate()) - before if thread.name.startswith("roost")]


def test_errors_come_out_as_they_are(cast: Cast) -> None:
    with (
        BlockingClient("http://127.0.0.1:9", token=cast.token("ann"), store=":memory:", patience=0.01) as ann,
        pytest.raises(NetworkError),
    ):
        ann.online(["bob"])


def test_a_local_server_keeps_its_port_and_its_data(tmp_path: Path) -> None:
    server = LocalServer(data=tmp_path / "data")
    server.start()
    url = server.url
    with BlockingClient(url, token=server.token("ann"), store=":memory:") as ann:
        ann.connected(10)
        server.kill()
        server.start()
        assert server.url == url
        ann.connected(20)
    server.close()
    assert (tmp_path / "data" / "roost.db").exists()
