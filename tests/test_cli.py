"""The `roost` command as a person runs it: real processes, and a real server where one is needed (CONTRACT §1)."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from bench.client import Connection
from bench.server import Server, running

PASSWORD = "a long enough one"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
WITHOUT_SETTINGS = {name: value for name, value in os.environ.items() if not name.startswith("ROOST_")}


def roost(*arguments: str | Path, python: tuple[str, ...] = (), **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *python, "-m", "roost", *map(str, arguments)]
    environment = {**WITHOUT_SETTINGS, **settings}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)


def said(*arguments: str | Path, **settings: str) -> str:
    """What a command that succeeds prints."""
    done = roost(*arguments, **settings)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(*arguments: str | Path, **settings: str) -> str:
    """What a command says that fails: one line for a person, no trace."""
    done = roost(*arguments, **settings)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"roost: [^\n]+\n", done.stderr)
    return done.stderr


def misused(flag: str, *arguments: str | Path, **settings: str) -> str:
    """What a command says that is called wrongly: the flag that is wrong, no trace."""
    done = roost(*arguments, **settings)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Invalid value" in done.stderr
    assert flag in done.stderr
    return done.stderr


class Town:
    """A server in use: ann has written to bob, who has not come back for it, and to the group tea."""

    def __init__(self, server: Server) -> None:
        self.data = server.data
        self.url = f"http://127.0.0.1:{server.port}"
        self.port = server.port
        self._server = server
        for name in ("ann", "bob", "cleo"):
            registered = server.request("POST", "/auth/register", {"userID": name, "password": PASSWORD, "deviceID": 7})
            setattr(self, name, registered["token"])
        self.send("user", "bob", "good morning")
        self.send("user", "bob", "two\nlines, \x1b[31mred\x1b[0m, and the rest " + "is long " * 50)
        server.request("POST", "/groups", {"groupID": "tea", "members": ["cleo"]}, self.ann)
        self.send("group", "tea", "the kettle is on")

    ann: str
    bob: str
    cleo: str

    def send(self, kind: str, to: str, content: str) -> Any:
        return self._server.request("POST", f"/messages/{kind}", {"to": to, "content": content}, self.ann)

    def sync(self, token: str) -> Any:
        return self._server.request("POST", "/messages/sync", {"lastSeq": 0}, token)

    def devices(self, token: str) -> list[str]:
        found = self._server.request("GET", "/devices", None, token)["devices"]
        return [device["deviceID"] for device in found]


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with running() as server:
        yield Town(server)


def test_token_prints_a_token_signed_with_the_secret_and_touches_no_database(tmp_path: Path) -> None:
    printed = said("token", "alice", "--device", "phone", "--data", tmp_path / "new")
    secret = tmp_path / "new" / "jwt.secret"
    claims = jwt.decode(printed.strip(), secret.read_text().strip(), ["HS256"])
    assert (claims["sub"], claims["did"]) == ("alice", "phone")
    assert claims["exp"] - int(claims["iat"]) == 30 * 86400
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert [path.name for path in secret.parent.iterdir()] == ["jwt.secret"]


def test_token_keeps_the_secret_it_finds_and_tells_of_a_new_one(tmp_path: Path) -> None:
    assert roost("token", "alice", "--data", tmp_path).stderr.startswith(f"roost: {tmp_path / 'jwt.secret'} is new: ")
    secret = (tmp_path / "jwt.secret").read_text()
    assert roost("token", "alice", "--data", tmp_path).stderr == ""
    assert (tmp_path / "jwt.secret").read_text() == secret


def test_token_waits_for_no_web_framework_and_no_database(tmp_path: Path) -> None:
    traced = roost("token", "alice", "--data", tmp_path, python=("-X", "importtime")).stderr
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in traced.splitlines()}
    assert "jwt" in imported
    assert not imported & {"litestar", "sqlalchemy", "alembic", "uvicorn", "uvloop", "picows", "structlog", "rich"}


def test_a_server_loads_no_library_of_a_service_it_does_not_use() -> None:
    code = "import sys, roost.app; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(done.stdout.split())
    assert "litestar" in loaded
    services = {"psycopg", "pymysql", "redis", "aio_pika", "aiosmtplib", "http_ece", "httpx2", "httpcore2", "obstore"}
    assert not loaded & {"alembic", *services}


@pytest.mark.parametrize("days", ["nan", "inf", "0", "-1", "1e-9", "1e9"])
def test_token_refuses_a_time_that_is_none(days: str, tmp_path: Path) -> None:
    misused("--days", "token", "alice", f"--days={days}", "--data", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_token_refuses_what_is_no_user_id(tmp_path: Path) -> None:
    assert "USER must be" in refused("token", "al ice", "--data", tmp_path)


def test_a_token_of_the_data_directory_opens_the_door(town: Town) -> None:
    token = said("token", "ann", "--device", "7", "--data", town.data).strip()
    assert town.devices(token) == ["7"]


def test_serve_says_where_it_is_ready_and_ends_cleanly_on_sigterm(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "roost", "serve", "--port", "0", "--data", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=WITHOUT_SETTINGS) as server:
        assert server.stdout is not None
        assert re.fullmatch(r"Roost is ready on http://127\.0\.0\.1:\d+\n", server.stdout.readline())
        server.terminate()
        assert server.wait(30) == 0


def test_a_second_server_on_the_same_data_is_refused(town: Town) -> None:
    assert "another server has this data directory open" in refused("serve", "--port", "0", "--data", town.data)


def test_a_port_that_is_taken_is_told(town: Town, tmp_path: Path) -> None:
    done = roost("serve", "--port", str(town.port), "--data", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == f"roost: 127.0.0.1:{town.port} can't be listened on."


@pytest.mark.parametrize("port", [70000, -1])
def test_serve_bounds_its_flags_as_it_does_settings(port: int, tmp_path: Path) -> None:
    told = refused("serve", f"--port={port}", "--data", tmp_path / "data")
    assert told == f"roost: server.port must be at least 0 and at most 65535, not {port}.\n"
    assert not (tmp_path / "data").exists()


def test_migrate_makes_the_database_and_can_be_repeated(tmp_path: Path) -> None:
    assert "is up to date" in said("migrate", "--data", tmp_path)
    assert "is up to date" in said("migrate", "--data", tmp_path)
    with sqlite3.connect(tmp_path / "roost.db") as database:
        assert database.execute("SELECT count(*) FROM messages").fetchone() == (0,)


def test_migrate_beside_a_running_server_is_refused(town: Town) -> None:
    assert "another server" in refused("migrate", "--data", town.data)


def test_config_check_takes_the_example_and_names_an_unknown_key(tmp_path: Path) -> None:
    example = Path(__file__).parent.parent / "config.yaml"
    assert said("config", "check", example) == f"{example} is valid.\n"
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("limits:\n  max_contents: 3\n")
    assert "max_contents" in refused("config", "check", wrong)
    (tmp_path / "words").write_bytes(b"\xff")
    wrong.write_text(f"moderation: {{mask: ['{tmp_path / 'words'}']}}")
    assert "words, line 1: not UTF-8" in refused("config", "check", wrong)


def test_config_check_looks_at_what_counts_without_a_file_too(tmp_path: Path) -> None:
    assert said("config", "check") == "The settings are valid.\n"
    assert "sync.batch" in refused("config", "check", ROOST_SYNC__BATCH="0")
    file = tmp_path / "config.yaml"
    file.write_text("sync: {batch: 7}")
    assert said("config", "check", "--config", file) == f"{file} is valid.\n"
    assert "name one" in refused("config", "check", file, "--config", file)
    file.write_text("sync: {batch: 0}")
    assert "sync.batch" in refused("config", "check", "--config", file)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ("push: {fcm: {enabled: true}}", "push.fcm.service_account"),
        ("push: {fcm: {enabled: true, service_account: nowhere}}", "nowhere can't be read"),
        ("push: {webpush: {enabled: true, subject: ann}}", "push.webpush.subject"),
        ("push: {queue: rabbitmq, rabbitmq: 'http://127.0.0.1'}", "push.rabbitmq"),
        ("push: {ttl: 60, email: {enabled: true, wait: 60}}", "push.email.wait"),
        ("auth: {jwks: nowhere}", "auth.jwks: nowhere is not the file of a key set"),
        ("auth: {jwks: /dev/null}", "auth.jwks: /dev/null is not the file of a key set"),
    ],
)
def test_config_check_refuses_what_serve_would_refuse(tmp_path: Path, settings: str, named: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(settings)
    assert named in refused("config", "check", file)


def test_config_check_makes_no_key(tmp_path: Path) -> None:
    file, data = tmp_path / "config.yaml", tmp_path / "data"
    for key_file in ("vapid.pem", tmp_path / "vapid.pem"):
        file.write_text(
            f"push: {{webpush: {{enabled: true, subject: 'mailto:ann@example.com', key_file: {key_file}}}}}"
        )
        assert said("config", "check", file, ROOST_SERVER__DATA=str(data)) == f"{file} is valid.\n"
    assert list(tmp_path.iterdir()) == [file]


def test_an_unknown_setting_in_the_environment_is_named(tmp_path: Path) -> None:
    assert "ROOST_LIMITS__NO_SUCH" in refused("token", "alice", "--data", tmp_path, ROOST_LIMITS__NO_SUCH="1")
    assert "ROOST_SERVER_PORT" in refused("token", "alice", "--data", tmp_path, ROOST_SERVER_PORT="8081")


def test_a_restored_database_gets_a_new_epoch_and_server_ids_never_given(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.start()
    town = Town(server)
    first = town.sync(town.bob)
    server.stop()
    assert "new epoch" in said("renew-epoch", "--data", server.data)
    server.start()
    town.send("user", "bob", "after the restore")
    later = town.sync(town.bob)
    server.stop()
    assert later["epoch"] != first["epoch"]
    given = [int(message["serverMsgID"]) for message in later["messages"]]
    assert given[-1] > max(given[:-1]) + 1_000_000_000


def test_the_epoch_is_not_renewed_under_a_running_server(town: Town) -> None:
    assert "another server" in refused("renew-epoch", "--data", town.data)


def test_stats_counts_what_is_stored_and_names_who_is_behind(town: Town) -> None:
    facts, behind = said("stats", "--data", town.data).split("\n\n")
    counted = dict(line.split(maxsplit=1) for line in facts.splitlines())
    assert (counted["users"], counted["devices"], counted["conversations"], counted["messages"]) == ("3", "3", "2", "3")
    assert re.search(r"^log entries +8$", facts, re.MULTILINE)  # two in two logs each; the group and its message, too
    assert re.search(rf"^last message +{TIME}$", facts, re.MULTILINE)
    title, *rows = (line.split() for line in behind.splitlines())
    assert title[:3] == ["USER", "DEVICE", "BEHIND"]
    assert rows == [["bob", "7", "2", "never"], ["cleo", "7", "1", "never"]]


def test_messages_shows_the_last_ones_on_a_line_each(town: Town) -> None:
    title, *lines = said("messages", "--last", "2", "--data", town.data).splitlines()
    assert title.split() == ["TIME", "CONVERSATION", "SENDER", "CONTENT"]
    assert re.fullmatch(rf"{TIME}  p:ann:bob +ann +two lines, \[31mred \[0m, and the rest is long [a-z ]+…", lines[0])
    assert re.fullmatch(rf"{TIME}  g:tea +ann +the kettle is on", lines[1])


def test_push_explain_of_what_is_unknown_fails(town: Town) -> None:
    assert refused("push", "explain", "zoe", "1", "--data", town.data) == "roost: There is no user zoe.\n"
    assert "bob has no message 99" in refused("push", "explain", "bob", "99", "--data", town.data)


@pytest.mark.parametrize("command", [["messages"], ["reports"], ["webhook", "failures"]])
def test_what_shows_the_last_ones_wants_to_know_how_many(command: list[str], town: Town) -> None:
    for count in ("0", str(1 << 63)):
        misused("--last", *command, "--last", count, "--data", town.data)


async def test_online_shows_who_is_connected_now(town: Town) -> None:
    assert said("online", "--url", town.url, "--data", town.data) == "0 of 3 users online\n"
    connection = Connection(town.bob)
    await connection.connect(town.port)
    title, bob, count = said("online", "--data", town.data, ROOST_SERVER__PORT=str(town.port)).splitlines()
    await connection.close()
    assert title.split() == ["USER", "LAST", "HEARD", "OF"]
    assert re.fullmatch(rf"bob +{TIME}", bob)
    assert count == "1 of 3 users online"


def test_online_leaves_no_trace(town: Town) -> None:
    said("online", "--url", town.url, "--data", town.data)
    assert [town.devices(token) for token in (town.ann, town.bob, town.cleo)] == [["7"], ["7"], ["7"]]


def test_online_without_a_server_says_so(town: Town) -> None:
    assert "no server answers at http://127.0.0.1:1 " in refused(
        "online", "--url", "http://127.0.0.1:1", "--data", town.data
    )


@pytest.mark.parametrize("url", ["foo", "http://", "http://a b", "file:///etc/passwd", "http://a:port"])
def test_an_address_that_is_none_is_told(url: str, town: Town) -> None:
    misused("--url", "online", "--url", url, "--data", town.data)
    misused("--url", "chat", "ann", "--url", url)


def test_a_host_of_the_settings_that_is_none_is_told(town: Town) -> None:
    assert "no server answers at http://a b:" in refused("online", "--data", town.data, ROOST_SERVER__HOST="a b")


@pytest.mark.parametrize("command", ["serve", "migrate", "renew-epoch"])
def test_a_database_of_a_newer_version_is_told(command: str, tmp_path: Path) -> None:
    said("migrate", "--data", tmp_path)
    with sqlite3.connect(tmp_path / "roost.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "made by a newer Roost" in refused(command, "--data", tmp_path)


@pytest.mark.parametrize(
    "command",
    [
        *("stats", "messages", "online", "renew-epoch", "reports", "key list", "key revoke shop", "trace 1"),
        "key create shop --scope keys",
        "reports close 1 --resolution upheld",
    ],
)
def test_a_directory_without_a_database_is_left_without_one(command: str, tmp_path: Path) -> None:
    assert "there is no database" in refused(*command.split(), "--data", tmp_path / "typo")
    assert list(tmp_path.iterdir()) == []
