"""`roost migrate-data`: all that is in one database is in the other, or nothing that a node would start on."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from roost.config import ConfigError
from roost.db.copying import MARK
from roost.db.migrate import migrate, newest
from roost.transfer import rows
from roost.transfer.address import Address, parse
from roost.transfer.migrate_data import Moved, migrate_data
from tests.test_cli import refused, said
from tests.transfer.deployment import CONTENTS, at, content

Place = Callable[[str], str]
Tell = Callable[[str, int, int], None]
KINDS = ("sqlite", "postgresql", "mariadb")


def silent(what: str, done: int, total: int) -> None:
    assert 0 < done <= total


def copied(source: Address, target: str, tell: Tell = silent) -> Moved:
    return migrate_data(source, parse("--to", target), tell)


def change(address: Address, *statements: str) -> None:
    """Changes a database past Roost."""
    engine = address.open()
    with engine.writer() as connection:
        for statement in statements:
            connection.execute(text(statement))
        connection.commit()
    engine.dispose()


def names(address: Address) -> list[str]:
    return [name for name, _ in content(address)["deployment"]]


# --- what is copied ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [("postgresql", "mariadb", "sqlite"), ("mariadb", "postgresql", "sqlite")])
def test_through_every_kind_of_database_and_back_all_is_as_it_was(
    old: Path, place: Place, way: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "BATCH", 2)  # more than one batch of everything
    monkeypatch.setattr(rows, "STATEMENT", 100)
    source = at(old)
    before = content(source)
    empty = [name for name, found in before.items() if not found]
    assert not empty, "a table that is empty shows nothing"
    for kind in way:
        target = place(kind)
        moved = copied(source, target)
        source = parse("--from", target)
        assert content(source) == before
        assert moved.rows == {name: len(found) for name, found in before.items() if name in moved.rows}
    assert {row[7] for row in before["messages"]} > set(CONTENTS)


@pytest.mark.parametrize("kind", KINDS)
def test_keys_of_rows_that_have_gone_are_not_given_again(old: Path, place: Place, kind: str) -> None:
    target = place(kind)
    copied(at(old), target)
    here = parse("--to", target)
    change(here, "INSERT INTO users (user_id, created_at) VALUES ('new', 1)")
    assert [uid for uid, name, *_ in content(here)["users"] if name == "new"] == [42]


def test_postgresql_has_counted_its_tables_when_the_first_node_starts(old: Path, place: Place) -> None:
    target = place("postgresql")
    change(parse("--to", target), "ANALYZE log")  # which may have had rows, of another test
    copied(at(old), target)
    engine = parse("--to", target).open()
    with engine.reader() as connection:
        counted = connection.scalar(text("SELECT reltuples FROM pg_class WHERE oid = CAST('log' AS regclass)"))
    engine.dispose()
    assert counted == len(content(at(old))["log"])


def test_an_empty_deployment_is_copied_too(tmp_path: Path, place: Place) -> None:
    new = at(tmp_path / "fresh")
    (tmp_path / "fresh").mkdir()
    engine = new.open()
    with engine.writer() as connection:
        migrate(connection)
    engine.dispose()
    target = place("postgresql")
    copied(new, target)
    assert content(parse("--from", target))["deployment"] == []


def test_the_command_tells_what_it_did_and_what_is_left_to_do(old: Path, place: Place, tmp_path: Path) -> None:
    url = place("postgresql").replace("roost@", "roost:geheim@")
    printed = said("migrate-data", "--from", f"sqlite:{old}", "--to", url)
    assert "geheim" not in printed
    figures = dict(line.split(maxsplit=1) for line in printed.split("\n\n")[1].splitlines())
    before = content(at(old))
    assert figures["users"] == "3"
    assert figures["log"].startswith(f"{len(before['log'])} in 3 logs without a gap")
    assert figures["messages"].startswith(f"{len(before['messages'])} in 2 conversations")
    assert figures["conversation_log"] == "2 in 1 large conversations without a gap"
    assert figures["epoch"] == f"{dict(before['deployment'])['epoch']}, kept"
    assert f"{old}/jwt.secret " in printed
    assert "roost:***@127.0.0.1" in printed
    back = said("migrate-data", ROOST_FROM=url, ROOST_TO=f"sqlite:{tmp_path / 'again.db'}")
    assert "rename again.db to roost.db" in back


# --- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address", ["data", "sqlite:", "postgres://h/d", "mysql://h", "mysql://h:x/d", "redis://h/0", "postgresql://[::1/d"]
)
def test_what_is_no_address_is_refused_without_being_repeated(address: str) -> None:
    for option in ("--from", "--to"):
        with pytest.raises(ConfigError, match=f"^{option} (must be|is no)") as refusal:
            parse(option, address)
        assert address not in str(refusal.value) or address in ("data", "sqlite:")


def test_a_directory_or_a_file_names_the_database(tmp_path: Path) -> None:
    assert parse("--from", f"sqlite:{tmp_path}").file == tmp_path / "roost.db"
    assert parse("--to", f"sqlite:{tmp_path}/new").file == tmp_path / "new" / "roost.db"
    assert parse("--to", f"sqlite:{tmp_path}/new/copy.db").file == tmp_path / "new" / "copy.db"


def test_one_database_at_both_ends_is_refused(old: Path) -> None:
    with pytest.raises(ConfigError, match="the same database"):
        copied(at(old), f"sqlite:{old}/../old/roost.db")


def test_a_source_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="there is no database at"):
        copied(at(tmp_path), f"sqlite:{tmp_path}/new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_server_that_does_not_answer_is_told(old: Path, kind: str) -> None:
    address = f"{kind}://roost:geheim@127.0.0.1:1/roost"
    told = refused("migrate-data", "--from", f"sqlite:{old}", "--to", address)
    assert f"{kind}://roost:***@127.0.0.1:1/roost can't be used: " in told
    assert "geheim" not in told


def test_a_source_that_is_no_database_of_roost_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("This is no database, but long enough to be taken for one by its length. " * 20)
    sqlite3.connect(tmp_path / "empty.db").close()
    (tmp_path / "empty.db").touch()
    with pytest.raises(OSError, match="not a database"):
        copied(parse("--from", f"sqlite:{tmp_path}/notes.txt"), f"sqlite:{tmp_path}/new")
    with pytest.raises(OSError, match="holds no data of Roost"):
        copied(parse("--from", f"sqlite:{tmp_path}/empty.db"), f"sqlite:{tmp_path}/new")


@pytest.mark.parametrize("schema", ["0001", "9999"])
def test_a_source_of_another_schema_is_refused_and_sent_to_migrate(old: Path, place: Place, schema: str) -> None:
    change(at(old), f"UPDATE alembic_version SET version_num = '{schema}'")  # noqa: S608
    with pytest.raises(OSError, match=f"has the schema {schema}, and .* {newest()}: .*`roost migrate`"):
        copied(at(old), place("postgresql"))


def test_a_file_that_a_server_has_open_is_refused(old: Path, place: Place) -> None:
    engine = at(old).open()
    try:
        with pytest.raises(OSError, match=r"old/roost.db is in use; stop its server first\.$"):
            copied(at(old), place("postgresql"))
    finally:
        engine.dispose()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_database_that_a_node_is_connected_to_is_refused(old: Path, place: Place, tmp_path: Path, kind: str) -> None:
    target = place(kind)
    copied(at(old), target)
    node = parse("--to", target).open()
    with node.reader() as connection:
        connection.execute(text("SELECT 1"))
        with pytest.raises(OSError, match="is in use; other connections to it: 1"):
            copied(parse("--from", target), f"sqlite:{tmp_path}/new")
    node.dispose()
    copied(parse("--from", target), f"sqlite:{tmp_path}/new")


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_overwritten(old: Path, place: Place, kind: str) -> None:
    target = place(kind)
    here = parse("--to", target)
    copied(at(old), target)
    before = content(here)
    with pytest.raises(OSError, match=r"is not empty \(rows in \w+: \d+\)"):
        copied(at(old), target)
    assert content(here) == before


def test_a_database_that_a_node_was_started_on_is_not_empty(old: Path, place: Place) -> None:
    target = place("mariadb")
    change(parse("--to", target), "INSERT INTO deployment VALUES ('epoch', '0123456789abcdef')")
    with pytest.raises(OSError, match=r"is not empty \(rows in deployment: 1\)"):
        copied(at(old), target)


# --- what one database takes and another does not ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "statement", "told"),
    [
        (
            "postgresql",
            "UPDATE messages SET content = 'a' || char(0) || 'b' WHERE mid = 2",
            r"messages.content of the row mid 2: PostgreSQL stores no character U\+0000",
        ),
        (
            "postgresql",
            "UPDATE users SET user_id = printf('%.51c', 'u') WHERE uid = 2",
            "users.user_id of the row uid 2: it has 51 characters, and the column takes 50",
        ),
        (
            "mariadb",
            "UPDATE users SET user_id = printf('%.51c', 'u') WHERE uid = 2",
            "users.user_id of the row uid 2: it has 51 characters, and the column takes 50",
        ),
        (
            "mariadb",
            "UPDATE log SET change = replace(printf('%.21846c', 'u'), 'u', '\u20ac') WHERE uid = 3 AND seq = 1",
            "log.change of the row uid 3, seq 1: it has 65,538 bytes in UTF-8, and the column takes 65,535",
        ),
        (
            "postgresql",
            "UPDATE messages SET message_type = 4294967296 WHERE mid = 2",
            "messages can't be written: .*out of range",
        ),
        (
            "mariadb",
            "UPDATE messages SET message_type = 4294967296 WHERE mid = 2",
            "messages can't be written: .*[Oo]ut of range",
        ),
    ],
)
def test_a_value_that_the_target_does_not_take_is_named(
    old: Path, place: Place, kind: str, statement: str, told: str
) -> None:
    change(at(old), statement)
    target = place(kind)
    with pytest.raises(OSError, match=f"{told}.*holds a part only.*Nothing was changed in the source"):
        copied(at(old), target)
    assert MARK in names(parse("--from", target))


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
def test_a_nul_is_kept_where_it_can_be(old: Path, place: Place, kind: str) -> None:
    change(at(old), "UPDATE messages SET content = 'a' || char(0) || 'b' WHERE mid = 2")
    target = place(kind)
    copied(at(old), target)
    assert content(parse("--from", target))["messages"][1][7] == "a\0b"


@pytest.mark.parametrize("kind", KINDS)
def test_names_that_differ_in_case_accents_or_spaces_only_stay_apart(old: Path, place: Place, kind: str) -> None:
    insert = "INSERT INTO devices (did, uid, device_id, created_at, last_seen) VALUES"
    ids = ["Phone", "phone", "ph\u00f6ne", "pho\u0308ne", "phone ", "PHONE"]
    change(at(old), *(f"{insert} ({100 + number}, 1, '{name}', 1, 0)" for number, name in enumerate(ids)))
    target = place(kind)
    copied(at(old), target)
    assert [row[2] for row in content(parse("--from", target))["devices"]][-6:] == ids


# --- what goes wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM log WHERE uid = 1 AND seq = 3", "the log of uid 1 has a gap"),
        ("DELETE FROM log WHERE uid = 1 AND seq = 1", "the log of uid 1 has a gap"),
        ("DELETE FROM messages WHERE mid = 2", "the conversation cid 1 has a gap"),
        ("DELETE FROM conversation_log WHERE place = 1", "the log of the large conversation cid 99 has a gap"),
    ],
)
def test_a_source_with_a_gap_is_refused_before_anything_is_copied(
    old: Path, tmp_path: Path, statement: str, told: str
) -> None:
    change(at(old), statement)
    with pytest.raises(OSError, match=told):
        copied(at(old), f"sqlite:{tmp_path}/new")
    assert not (tmp_path / "new").exists()


class Stopped(BaseException):
    """The power fails."""


def at_step(step: str, act: Callable[[], Any]) -> Tell:
    """Does something once, when the copy has come to `step`."""
    done: list[str] = []

    def tell(what: str, *_: int) -> None:
        if what == step and not done:
            done.append(what)
            act()

    return tell


def stop(with_: BaseException) -> None:
    raise with_


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_that_was_cut_is_neither_served_nor_copied_nor_gone_on_with(
    old: Path, place: Place, tmp_path: Path, kind: str
) -> None:
    target = place(kind)
    here = parse("--to", target)
    with pytest.raises(Stopped):
        copied(at(old), target, at_step("copying users", lambda: stop(Stopped())))
    settings = {"ROOST_SERVER__DATABASE": here.url} if here.file is None else {}
    told = refused("serve", "--port", "0", "--data", here.file.parent if here.file else tmp_path, **settings)
    assert f"half filled by `roost migrate-data` (from sqlite:{old}/roost.db, begun 20" in told
    for source, to in ((at(old), target), (here, f"sqlite:{tmp_path}/third")):
        with pytest.raises(OSError, match="half filled by `roost migrate-data`"):
            copied(source, to)
    assert names(here) == [MARK]


@pytest.mark.parametrize("step", ["copying conversations", "verifying users"])
def test_from_its_first_row_to_the_last_look_it_counts_as_cut(old: Path, tmp_path: Path, step: str) -> None:
    with pytest.raises(Stopped):
        copied(at(old), f"sqlite:{tmp_path}/new", at_step(step, lambda: stop(Stopped())))
    assert names(at(tmp_path / "new")) == [MARK]


def test_ctrl_c_ends_with_a_line_that_says_what_to_do(old: Path, place: Place) -> None:
    with pytest.raises(OSError, match=r"^It was stopped\. So mysql://.* holds a part only.*begin anew"):
        copied(at(old), place("mariadb"), at_step("copying log", lambda: stop(KeyboardInterrupt())))


def test_after_a_kill_the_target_is_emptied_and_the_copy_made_again(old: Path, tmp_path: Path) -> None:
    script = f"""if True:
        import os
        from roost.transfer.address import parse
        from roost.transfer.migrate_data import migrate_data
        def tell(what, *_):
            if what == "copying messages":
                os.kill(os.getpid(), 9)
        migrate_data(parse("--from", "sqlite:{old}"), parse("--to", "sqlite:{tmp_path}/new"), tell)
    """
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    with pytest.raises(OSError, match=r"half filled .*\(remove the file"):
        copied(at(old), f"sqlite:{tmp_path}/new")
    for file in (tmp_path / "new").iterdir():
        file.unlink()
    copied(at(old), f"sqlite:{tmp_path}/new")
    assert content(at(tmp_path / "new")) == content(at(old))


def test_a_source_that_is_written_to_meanwhile_is_noticed(old: Path, place: Place) -> None:
    def write() -> None:
        with sqlite3.connect(old / "roost.db") as database:
            database.execute(
                "INSERT INTO log (uid, seq, origin, logged_at) SELECT uid, max(seq) + 1, 0, 1 FROM log WHERE uid = 1"
            )
        database.close()

    with pytest.raises(OSError, match="was written to meanwhile; stop all nodes"):
        copied(at(old), place("postgresql"), at_step("copying users", write))


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE users SET display_name = 'Ann' WHERE uid = 1", "3 of 3 rows of users, or not with the same values"),
        ("DELETE FROM users WHERE uid = 1", "2 of 3 rows of users"),
        ("INSERT INTO logs VALUES (1, 1)", "2 of 1 rows of logs"),
    ],
)
def test_a_target_that_did_not_keep_what_it_was_given_is_noticed(
    old: Path, tmp_path: Path, statement: str, told: str
) -> None:
    def spoil() -> None:
        with sqlite3.connect(tmp_path / "new" / "roost.db") as database:
            database.execute(statement)
        database.close()

    with pytest.raises(OSError, match=told):
        copied(at(old), f"sqlite:{tmp_path}/new", at_step("copying users", spoil))
    assert names(at(tmp_path / "new")) == [MARK]
