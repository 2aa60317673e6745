"""The steps from one version of the schema to the next, taken by Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def take_steps(connection: Connection, directory: Path) -> None:
    """Takes all steps that the database has not been taken through, in the transaction that is open."""
    config = Config()
    config.set_main_option("script_location", str(directory))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
