"""One file, one server, and a commit that is on the disk."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection

from roost.db.database import Database
from roost.db.sqlite import SQLiteFile, open_read_only
from tests.db.notes import note, notes, prepare


def pragma(connection: Connection, name: str) -> object:
    return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


async def test_a_second_server_on_the_same_file_is_refused(tmp_path: Path) -> None:
    engine = SQLiteFile(tmp_path / "roost.db")
    with pytest.raises(BlockingIOError):
        SQLiteFile(tmp_path / "roost.db")
    engine.dispose()
    SQLiteFile(tmp_path / "roost.db").dispose()


async def test_a_server_in_another_process_is_refused_until_this_one_ends(tmp_path: Path) -> None:
    path = str(tmp_path / "roost.db")
    program = f"from pathlib import Path; from roost.db.sqlite import SQLiteFile; SQLiteFile(Path({path!r}))"

    async def exit_code() -> int:
        return await asyncio.to_thread(
            lambda: subprocess.run([sys.executable, "-c", program], check=False, stderr=subprocess.DEVNULL).returncode
        )

    database = Database(SQLiteFile(tmp_path / "roost.db"), prepare=prepare)
    await database.ready()
    assert await exit_code() != 0
    await database.close()
    assert await exit_code() == 0


async def test_a_commit_waits_for_the_disk(tmp_path: Path) -> None:
    engine = SQLiteFile(tmp_path / "roost.db")
    connection = engine.writer()
    assert pragma(connection, "synchronous") == 2  # FULL
    assert pragma(connection, "journal_mode") == "wal"
    connection.close()
    engine.dispose()


async def test_an_idle_writer_moves_the_write_ahead_log_into_the_file(tmp_path: Path) -> None:
    engine = SQLiteFile(tmp_path / "roost.db")
    connection = engine.writer()
    prepare(connection)
    note("1")(connection)
    connection.commit()
    engine.idle(connection)
    shutil.copyfile(tmp_path / "roost.db", tmp_path / "alone.db")
    alone = open_read_only(tmp_path / "alone.db")
    assert notes(alone) == ["1"]
    alone.close()
    connection.close()
    engine.dispose()


@pytest.mark.parametrize("name", ["with space.db", "a%20b.db", "q?m#.db", "ünï.db"])
async def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    for _ in range(2):
        database = Database(SQLiteFile(tmp_path / name), prepare=prepare)
        await database.ready()
        if not await database.read(notes):
            await database.write(note("1"))
        assert await database.read(notes) == ["1"]
        await database.close()
    assert (tmp_path / name).exists()


async def test_what_fails_in_preparing_is_told_and_the_file_is_free_again(tmp_path: Path) -> None:
    def fail(_: Connection) -> None:
        raise RuntimeError("no such schema")

    with pytest.raises(RuntimeError, match="no such schema"):
        await Database(SQLiteFile(tmp_path / "roost.db"), prepare=fail).ready()
    database = Database(SQLiteFile(tmp_path / "roost.db"), prepare=prepare)
    await database.ready()
    await database.close()


async def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "roost.db").write_bytes(b"this is a diary, not a database" * 100)
    with pytest.raises(Exception, match="not a database"):
        await asyncio.wait_for(Database(SQLiteFile(tmp_path / "roost.db"), prepare=prepare).ready(), 5)
    assert (tmp_path / "roost.db").read_bytes().startswith(b"this is a diary")
    SQLiteFile(tmp_path / "roost.db").dispose()
