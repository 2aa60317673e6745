"""`roost audit` as an operator runs it, beside a server and after it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from bench.server import Server

from tests.test_cli import PASSWORD, misused, roost, said


def lines(data: Path, *flags: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in said("audit", "export", "--data", data, *flags).splitlines()]


def test_the_log_of_a_server_is_exported_and_verified(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.start()
    data = server.data
    try:
        for name in ("ann", "bob"):
            account = {"userID": name, "password": PASSWORD, "deviceID": "phone"}
            token = server.request("POST", "/auth/register", account)["token"]
        sent = server.request("POST", "/messages/user", {"to": "ann", "content": "a secret"}, token)
        server.request("POST", "/groups", {"groupID": "tea", "members": ["ann"]}, token)
        server.request("PUT", "/groups/tea/members/ann/mute", {"seconds": 60}, token)
        server.request("PUT", "/groups/tea/bans/ann", None, token)
        found = lines(data, "--since", "1h")
        traced = said(
            "trace", f"bob/{sent['messageID']}", "--json", "--data", data, ROOST_SERVER__PORT=str(server.port)
        )
    finally:
        server.stop()
    assert [(at["userID"], at["online"]) for at in json.loads(traced)["receivers"]] == [("bob", False), ("ann", False)]
    registered = ["account.registered", "account.logged_in"]
    acts = ["server.started", *registered * 2, "message.sent", "group.created", "group.muted", "group.banned"]
    assert [row["act"] for row in found] == acts
    message = found[5]
    assert message.pop("time")
    assert message == {
        "act": "message.sent",
        "actor": "bob",
        "device": "phone",
        "address": "127.0.0.1",
        "conversation": "p:ann:bob",
        "message": sent["serverMsgID"],
        "messageType": 1,
    }
    assert [row["act"] for row in lines(data, "--user", "ann")] == [*registered, "group.muted", "group.banned"]
    assert lines(data, "--until", "2020-01-01") == []
    said("renew-epoch", "--data", data)
    assert lines(data)[-1]["act"] == "epoch.renewed"
    assert "0 faults" in said("audit", "verify", "--data", data)
    with sqlite3.connect(data / "roost.db") as database:
        database.execute("UPDATE audit SET body = replace(body, 'bob', 'ann') WHERE kind = 'sends'")
    assert roost("audit", "verify", "--data", data).returncode == 1


def test_a_time_that_is_none_is_refused(tmp_path: Path) -> None:
    assert "is no time" in roost("audit", "export", "--since", "yesterday", "--data", tmp_path).stderr


def test_a_digest_that_is_none_is_refused_and_one_that_is_gone_is_a_fault(tmp_path: Path) -> None:
    said("migrate", "--data", tmp_path)
    for noted in ("", "typo", "0" * 63, "G" * 64):
        misused("--noted", "audit", "verify", "--noted", noted, "--data", tmp_path)
    gone = roost("audit", "verify", "--noted", "0" * 64, "--data", tmp_path)
    assert (gone.returncode, "what was noted is gone" in gone.stdout) == (1, True)


def test_what_commands_do_is_in_the_log_too(tmp_path: Path) -> None:
    said("migrate", "--data", tmp_path)
    said("key", "create", "shop", "--scope", "users:read", "--data", tmp_path)
    said("key", "revoke", "shop", "--data", tmp_path)
    assert [(row["act"], row["actor"]) for row in lines(tmp_path)] == [
        ("key.created", "operator"),
        ("key.revoked", "operator"),
    ]
    assert "2 chains, 0 faults" in said("audit", "verify", "--data", tmp_path)
