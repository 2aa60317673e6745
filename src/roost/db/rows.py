"""Reading rows without handing the GIL back and forth for each of them (see `roost.db.database`)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Insert, Select, func, select

_decode = msgspec.json.Decoder(list[list[Any]]).decode


@lru_cache(maxsize=256)
def _as_one_value(statement: Select[Any]) -> Select[Any]:
    rows = statement.subquery()
    return select(func.json_group_array(func.json_array(*rows.c)))


def fetch(connection: Connection, statement: Select[Any], **parameters: Any) -> list[Any]:
    """The rows of `statement`, in its order. On SQLite they come as one JSON value, in one step.

    `statement` is a module-level constant with bound parameters, so that it is compiled once.
    """
    if connection.dialect.name == "sqlite":
        return _decode(connection.execute(_as_one_value(statement), parameters).scalar_one())
    return list(connection.execute(statement, parameters))


def made_key(connection: Connection, row: Insert) -> int:
    """Inserts a row and returns the integer key that the database gave it."""
    key = connection.execute(row).inserted_primary_key
    if key is None:
        raise RuntimeError("the database gave no key")
    return int(key[0])
