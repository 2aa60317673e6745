"""The mark of a database that another one is being copied into: until the copy is whole, it is no deployment.

The mark is committed before the first row and goes in the transaction of the last. So whatever ends a copy early, a
node that starts on what is there finds the mark, and refuses it.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from roost.db.schema import deployment

MARK = "copying"
"""The name in `deployment`; the value says from where, and since when."""


class HalfCopied(OSError):
    """The database holds a part of another one."""


def mark(connection: Connection, copy: str) -> None:
    """From now on the database is half copied; `copy` says from where, and since when."""
    connection.execute(insert(deployment).values(name=MARK, value=copy))


def unmark(connection: Connection) -> None:
    """All is there."""
    connection.execute(delete(deployment).where(deployment.c.name == MARK))


def refuse_half_copied(connection: Connection) -> None:
    """Raises `HalfCopied` while the mark is there."""
    copy = connection.execute(select(deployment.c.value).where(deployment.c.name == MARK)).scalar()
    if copy is not None:
        raise HalfCopied(
            f"this database is half filled by `roost migrate-data` ({copy}), and no deployment. Unless that is still "
            "running: empty the database (remove the file, or drop it and make it again) and begin anew."
        )
