"""From nothing to the schema of now, in steps that are done wholly or not at all (D4)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from roost.db import migrate as module
from roost.db.migrate import migrate, newest, version
from roost.db.schema import metadata
from roost.db.sqlite import SQLiteFile

FAILING_STEP = '''
"""A step that fails when half of it is done."""
from alembic import op
import sqlalchemy as sa

revision = "9999"
down_revision = "{newest}"


def upgrade():
    op.create_table("half", sa.Column("x", sa.Integer()))
    raise RuntimeError("the power failed")
'''


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """The writer's connection to an empty database."""
    engine = SQLiteFile(tmp_path / "roost.db")
    opened = engine.writer()
    yield opened
    opened.close()
    engine.dispose()


@pytest.fixture
def failing_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One more step at the end, which fails."""
    head = newest()
    shutil.copytree(module.MIGRATIONS, tmp_path / "migrations")
    step = tmp_path / "migrations" / "versions" / "9999_failing.py"
    step.write_text(FAILING_STEP.format(newest=head))
    monkeypatch.setattr(module, "MIGRATIONS", tmp_path / "migrations")
    return step


def tables(connection: Connection) -> set[str]:
    """Without those that SQLite makes for its full-text index."""
    return {name for name in inspect(connection).get_table_names() if is_table(name)}


def is_table(name: str | None, *_: object) -> bool:
    return not (name or "").startswith(("search_index", "users_by_name"))


def test_an_empty_database_has_no_version(connection: Connection) -> None:
    assert version(connection) is None


def test_the_newest_step_is_the_one_that_no_other_follows() -> None:
    assert newest() == ScriptDirectory(str(module.MIGRATIONS)).get_current_head()


def test_an_empty_database_gets_the_newest_schema(connection: Connection) -> None:
    migrate(connection)
    assert version(connection) == newest()
    assert tables(connection) == {*metadata.tables, "alembic_version"}


def test_the_steps_lead_to_the_schema_that_the_code_knows(connection: Connection) -> None:
    """Tables, columns, keys and indexes: a column added to `schema` needs a step."""
    migrate(connection)
    context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": is_table})
    assert compare_metadata(context, metadata) == []


def test_a_database_of_now_is_left_as_it_is(connection: Connection) -> None:
    migrate(connection)
    connection.exec_driver_sql("INSERT INTO deployment VALUES ('kept', 'yes')")
    connection.commit()
    migrate(connection)
    assert connection.exec_driver_sql("SELECT value FROM deployment").scalars().all() == ["yes"]


def test_a_database_of_a_newer_version_is_left_alone(connection: Connection) -> None:
    migrate(connection)
    connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    with pytest.raises(OSError, match=r"made by a newer Roost \(schema 9999, not"):
        migrate(connection)
    assert version(connection) == "9999"


def test_it_is_on_disk_when_it_is_done(connection: Connection, tmp_path: Path) -> None:
    migrate(connection)
    assert not connection.in_transaction()


def test_a_step_that_fails_leaves_the_database_as_it_was_before(connection: Connection, failing_step: Path) -> None:
    with pytest.raises(RuntimeError, match="the power failed"):
        migrate(connection)
    assert "half" not in tables(connection)
    failing_step.unlink()
    migrate(connection)
    assert version(connection) == newest()
