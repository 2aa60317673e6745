"""Places on a database server: a schema for each test, made once and emptied for the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url

from roost.db.migrate import migrate
from roost.db.mysql import open_mysql
from roost.db.postgresql import open_postgresql
from roost.db.schema import metadata
from roost.db.server import DatabaseServer
from roost.journal.mysql import MySQLStatements
from roost.journal.postgresql import PostgreSQLStatements
from roost.journal.statements import Statements
from roost.search.contract import Index
from roost.search.mysql import MySQLIndex
from roost.search.postgresql import PostgreSQLIndex
from tests.backends import Backend

TABLES = [table.name for table in metadata.sorted_tables]
MAY_FAIL = (
    "messages",
    "log",
    "positions",
    "members",
    "conversations",
    "push_outbox",
    "search_texts",
    "conversation_log",
)
"""The tables into which an insert can be made to fail."""


class Kind(NamedTuple):
    """What differs between servers."""

    open: Callable[[str], DatabaseServer]
    statements: Callable[[], Statements]
    index: Callable[[], Index]
    driver: str
    quote: str
    make: str
    """Makes the place `{0}`."""
    trigger: list[str]
    """Makes inserts into `{0}` fail while the table `failing` names it."""


POSTGRESQL = Kind(
    open_postgresql,
    PostgreSQLStatements,
    PostgreSQLIndex,
    "postgresql+psycopg",
    '"',
    "CREATE SCHEMA {0}",
    [
        """CREATE FUNCTION no_{0}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF EXISTS (SELECT FROM failing WHERE name = '{0}') THEN RAISE EXCEPTION 'the database said no'; END IF;
            RETURN NEW; END $$""",
        "CREATE TRIGGER no_{0} AFTER INSERT ON {0} FOR EACH ROW EXECUTE FUNCTION no_{0}()",
    ],
)
MYSQL = Kind(
    open_mysql,
    MySQLStatements,
    MySQLIndex,
    "mysql+pymysql",
    "`",
    "CREATE DATABASE {0}",
    [
        """CREATE TRIGGER no_{0} AFTER INSERT ON {0} FOR EACH ROW BEGIN
            IF EXISTS (SELECT 1 FROM failing WHERE name = '{0}') THEN
                SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1452, MESSAGE_TEXT = 'the database said no'; END IF; END"""
    ],
)


class Places:
    """The places of one server. `take` gives an empty one; `give_back` lets the next test have it."""

    def __init__(self, kind: Kind, url: Callable[[str], str]) -> None:
        """`url(place)` is where a place is."""
        self.kind = kind
        self.url = url
        self._server = self._engine("")
        self._free: list[str] = []
        self._made = 0

    def take(self) -> str:
        return self._free.pop() if self._free else self._make()

    def give_back(self, places: list[str]) -> None:
        for place in places:
            with self._server.begin() as connection:
                for table in [*TABLES, "failing"]:
                    connection.exec_driver_sql(f"DELETE FROM {self._name(place, table)}")  # noqa: S608
            self._free.append(place)

    def copy(self, place: str) -> str:
        """Another place with what is committed in this one."""
        copy = self.take()
        engine = self._engine(copy)  # the triggers of PostgreSQL look for `failing` where the connection is
        with engine.begin() as connection:
            for table in TABLES:
                source, target = self._name(place, table), self._name(copy, table)
                connection.execute(text(f"INSERT INTO {target} SELECT * FROM {source}"))  # noqa: S608
                self._count_on(connection, copy, table)
        engine.dispose()
        return copy

    def make_empty(self) -> str:
        """A new place without tables."""
        self._made += 1
        place = f"place_{self._made}"
        with self._server.begin() as connection:
            connection.execute(text(self.kind.make.format(place)))
        return place

    def _make(self) -> str:
        place = self.make_empty()
        engine = self._engine(place)
        with engine.connect() as connection:
            migrate(connection)
            connection.execute(text("CREATE TABLE failing (name VARCHAR(50))"))
            for table in MAY_FAIL:
                for statement in self.kind.trigger:
                    connection.exec_driver_sql(statement.format(table))
            connection.commit()
        engine.dispose()
        return place

    def _count_on(self, connection: Connection, place: str, table: str) -> None:
        """PostgreSQL's sequences don't notice keys that are copied."""
        key = metadata.tables[table].autoincrement_column
        if key is not None and self.kind is POSTGRESQL:
            name = self._name(place, table)
            count_on = f"SELECT setval(pg_get_serial_sequence('{name}', '{key.name}'), max({key.name})) FROM {name}"  # noqa: S608
            connection.execute(text(count_on))

    def _name(self, place: str, table: str) -> str:
        quote = self.kind.quote
        return f"{quote}{place}{quote}.{quote}{table}{quote}"

    def _engine(self, place: str) -> Engine:
        return create_engine(make_url(self.url(place)).set(drivername=self.kind.driver))

    def close(self) -> None:
        """Closes what is open."""
        self._server.dispose()


class ServerBackend:
    """A place on a server. A kill leaves a copy of what is committed: the rest of a killed process is taken back."""

    def __init__(self, places: Places, taken: list[str]) -> None:
        """`taken`: the places that this test has, of which this is the last."""
        self._places = places
        self._taken = taken
        self._place = taken[-1]
        self.url = places.url(self._place)

    def engine(self) -> DatabaseServer:
        return self._places.kind.open(self.url)

    def statements(self) -> Statements:
        return self._places.kind.statements()

    def index(self) -> Index:
        return self._places.kind.index()

    def failing(self, table: str) -> tuple[str, str]:
        assert table in MAY_FAIL
        return f"INSERT INTO failing VALUES ('{table}')", "DELETE FROM failing"  # noqa: S608

    def killed(self) -> Backend:
        self._taken.append(self._places.copy(self._place))
        return ServerBackend(self._places, self._taken)
