"""Storing in SQLite: what is given is there, row for row, however many statements it takes; or nothing is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roost.hooks.events import EventRow
from roost.journal.sqlitestore import MOST, PREPARE, store
from roost.journal.statements import NOTHING, AlreadySent, Besides, EntryRow, MessageRow
from tests.backends import MAIN, put_empty_database

NOW = 1_760_000_000_000
ENTRIES = "SELECT uid, seq, mid, origin, logged_at, change FROM log"
MESSAGES = """SELECT mid, sender, sender_seq, message_id, cid, conversation_seq, message_type, content, create_time,
    server_time, extra FROM messages"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    folder: Path = tmp_path_factory.mktemp("store")
    put_empty_database(folder)
    with closing(sqlite3.connect(folder / MAIN, isolation_level=None)) as connection:
        for statement in PREPARE:
            connection.execute(statement)
        yield connection


@pytest.fixture(autouse=True)
def _empty(driver: sqlite3.Connection) -> None:
    empty(driver)


def empty(driver: sqlite3.Connection) -> None:
    for table in ("messages", "log", "audit", "push_outbox", "webhook_outbox"):
        driver.execute(f"DELETE FROM {table}")  # noqa: S608 - the names above


def message(number: int, extra: str | None = None) -> MessageRow:
    return MessageRow(number, 1, number, f"m{number}", 7, number, 1, f"text {number}", NOW - 1, NOW, extra)


def entries(number: int, receivers: int) -> list[EntryRow]:
    return [(uid, number, number, 5 if uid == 1 else 0, NOW, None) for uid in range(1, receivers + 1)]


def count(driver: sqlite3.Connection, table: str) -> int:
    return int(driver.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - a name of this module


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from([None, '{"ttl":5}'])), max_size=40),
    st.integers(0, 5),
    st.tuples(*[st.integers(0, 4)] * 3),
)
def test_every_row_is_stored_as_it_was_given(
    driver: sqlite3.Connection, sent: list[tuple[int, str | None]], changed: int, others: tuple[int, int, int]
) -> None:
    empty(driver)
    messages = [message(number, extra) for number, (_, extra) in enumerate(sent, 1)]
    places = [entry for number, (receivers, _) in enumerate(sent, 1) for entry in entries(number, receivers)]
    places += [(99, seq, None, 3, NOW + seq, f'{{"kind":"{seq}"}}') for seq in range(1, changed + 1)]
    places += [(98, 1, 12_345, 0, NOW + 1, None)]  # a message that is there already
    pushes = [(2, 1, 0, number, number, NOW, NOW) for number in range(others[0])]
    pages = [("chain", number, "sends", NOW, "[]", "digest") for number in range(others[1])]
    events = [EventRow("hook", "topic", "message", "{}", NOW, NOW)] * others[2]
    store(driver, messages, places, Besides(pushes, pages, events))
    assert driver.execute(f"{MESSAGES} ORDER BY mid").fetchall() == messages
    assert sorted(driver.execute(ENTRIES), key=str) == sorted(places, key=str)
    assert driver.execute("SELECT aid, uid, did, mid, seq, due_at, created_at FROM push_outbox").fetchall() == pushes
    assert driver.execute("SELECT chain, position, kind, written_at, body, digest FROM audit").fetchall() == pages
    told = driver.execute("SELECT hook, topic, event, body, created_at, due_at FROM webhook_outbox").fetchall()
    assert told == events


@pytest.mark.parametrize("receivers", [2, 3])
def test_more_rows_than_a_statement_takes_are_all_there(driver: sqlite3.Connection, receivers: int) -> None:
    numbers = range(1, MOST + 2)
    store(driver, [message(n) for n in numbers], [entry for n in numbers for entry in entries(n, receivers)], NOTHING)
    assert (count(driver, "messages"), count(driver, "log")) == (MOST + 1, receivers * (MOST + 1))
    assert not driver.in_transaction


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("before", [1, MOST])
def test_nothing_is_stored_with_what_was_sent_before(driver: sqlite3.Connection, before: int, inside: bool) -> None:
    store(driver, [message(1)], entries(1, 2), NOTHING)
    again = [*(message(number) for number in range(2, before + 2)), message(9999)._replace(message_id="m1")]
    if inside:
        driver.execute("BEGIN IMMEDIATE")
        driver.execute("INSERT INTO logs (uid, floor) VALUES (50, 1)")
    with pytest.raises(AlreadySent):
        store(driver, again, [entry for row in again for entry in entries(row.mid, 3)], NOTHING)
    assert driver.in_transaction == inside  # and what it did before is still there
    if inside:
        assert count(driver, "logs") == 1
        driver.execute("ROLLBACK")
    assert (count(driver, "messages"), count(driver, "log")) == (1, 2)


def test_nothing_is_stored_with_an_entry_that_is_there(driver: sqlite3.Connection) -> None:
    store(driver, [], [(1, 5, None, 0, NOW, "{}")], NOTHING)
    with pytest.raises(sqlite3.IntegrityError, match="log"):
        store(driver, [message(1)], [*entries(1, 3), (1, 5, 1, 0, NOW, None)], NOTHING)
    assert (count(driver, "messages"), count(driver, "log")) == (0, 1)
    assert not driver.in_transaction
