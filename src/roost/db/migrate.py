"""Bringing a database to the schema of this version (D4): Alembic, run by `serve` and by `roost migrate`."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

MIGRATIONS = Path(__file__).with_name("migrations")


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def version(connection: Connection) -> str | None:
    """The version a database is at; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def newest() -> str | None:
    """The version this code wants."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return ScriptDirectory.from_config(config).get_current_head()


def migrate(connection: Connection) -> None:
    """Brings the database up to date; where a step fails, or the power does, it stays as it was before all of them."""
    if connection.dialect.name == "sqlite":  # its driver is in autocommit mode: nobody else opens a transaction
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        command.upgrade(_config(connection), "head")
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
