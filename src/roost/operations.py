"""Looking at a deployment (D5): what is stored, what was said last, who is online; and a new epoch after a restore.

The database is read as it is, read-only, beside a running server or without one. Who is online only the running
server knows; it is asked over HTTP, with a token signed by the secret of the data directory.
"""

from __future__ import annotations

import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, func, select, update
from sqlalchemy.exc import DBAPIError

from roost import storage
from roost.audit import OPERATOR, Act, record
from roost.audit.ledger import Ledger
from roost.config import Config, ConfigError, Server
from roost.db.migrate import migrate
from roost.db.schema import conversations, deployment, devices, log, messages, users
from roost.edge.auth.keys import operator_key
from roost.edge.auth.secret import FILE, load_secret
from roost.edge.auth.shared import note_secret
from roost.edge.auth.signing import sign
from roost.flow.push.explain import explain
from roost.hooks.events import Hooks
from roost.journal.behind import furthest_behind

T = TypeVar("T")

FURTHEST_BEHIND = 10
"""Devices that `roost stats` names."""
SHOWN = 60
"""Characters of a message that `roost messages` shows."""
ASKED_AT_ONCE = 100
"""Users in one question to the server: the address stays short enough for any proxy."""
TIMEOUT = 10.0
"""Seconds for the server to answer."""
IDS_LEFT_OUT = 1 << 32
"""Server ids that are never given after a restore: more than were given since any backup. There are 2^53."""
TOKEN_SECONDS = 60
"""How long the token that asks the server is valid."""

LAST_MESSAGES = (
    select(
        messages.c.server_time,
        conversations.c.conversation_id,
        users.c.user_id,
        messages.c.content,
        messages.c.recall_time,
    )
    .select_from(
        messages.join(conversations, conversations.c.cid == messages.c.cid).join(
            users, users.c.uid == messages.c.sender
        )
    )
    .order_by(messages.c.mid.desc())
)


def stats(settings: Config) -> list[str]:
    """How much is stored, and the devices furthest behind."""
    with storage.looking_at(settings) as connection:
        facts = [
            ("database", storage.name(settings)),
            ("size", _size(settings, connection)),
            ("epoch", connection.execute(select(deployment.c.value).where(deployment.c.name == "epoch")).scalar()),
            *((table.name, f"{_count(connection, table):,}") for table in (users, devices, conversations, messages)),
            ("log entries", f"{_count(connection, log):,}"),
            ("last message", moment(connection.execute(LAST_MESSAGES.limit(1)).scalar())),
        ]
        behind = furthest_behind(connection, FURTHEST_BEHIND)
    lines = columns([(name, str(value or "none")) for name, value in facts])
    if behind:
        rows = [(user, device, f"{lag:,}", moment(seen)) for user, device, lag, seen in behind]
        lines += ["", *columns([("USER", "DEVICE", "BEHIND", "LAST SEEN"), *rows])]
    return lines


def _count(connection: Connection, table: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def last_messages(settings: Config, count: int) -> list[str]:
    """The last `count` messages of all conversations, the newest at the end."""
    with storage.looking_at(settings) as connection:
        found = list(connection.execute(LAST_MESSAGES.limit(count)))
    rows = [
        (moment(time), conversation, sender, "(recalled)" if recalled else shortened(content))
        for time, conversation, sender, content, recalled in reversed(found)
    ]
    return columns([("TIME", "CONVERSATION", "SENDER", "CONTENT"), *rows]) if rows else ["There are no messages."]


def online(settings: Config, url: str) -> list[str]:
    """Who is online, of all users the database has. Raises `OSError` where the server does not answer."""
    with storage.looking_at(settings) as connection:
        names = sorted(connection.execute(select(users.c.user_id)).scalars())
    here = online_now(settings, url, names)
    if not names:
        return ["There are no users."]
    lines = columns([("USER", "LAST HEARD OF"), *((user, moment(seen)) for user, seen in here.items())]) if here else []
    return [*lines, f"{len(here):,} of {len(names):,} users online"]


def online_now(settings: Config, url: str, names: Sequence[str]) -> dict[str, int | None]:
    """Who of these users is online, and when they were last heard of (ms). Raises `OSError` where no server answers."""
    with storage.looking_at(settings) as connection:
        known = select(users.c.user_id, devices.c.device_id).join(devices, devices.c.uid == users.c.uid)
        asker = connection.execute(known.limit(1)).first()
    if asker is None:
        return {}
    # A token in the name of a device that exists leaves no trace; any other would make a user or device.
    token = sign(load_secret(settings.data), asker.user_id, asker.device_id, TOKEN_SECONDS).token
    here: dict[str, int | None] = {}
    for first in range(0, len(names), ASKED_AT_ONCE):
        some = ",".join(names[first : first + ASKED_AT_ONCE])
        found = ask(f"{url.rstrip('/')}/api/v1/messages/online?user_ids={some}", token)
        here |= {user: state["lastSeen"] for user, state in found.items() if state["online"]}
    return here


def bring_up_to_date(settings: Config) -> list[str]:
    """Makes the database's tables, or migrates them. Raises `OSError` where it can't be reached."""
    engine, database = storage.open_engine(settings), storage.name(settings)
    try:
        with engine.writer() as connection:
            migrate(connection)
    except DBAPIError as error:
        raise OSError(f"{database} can't be changed: {error.orig}") from None
    finally:
        engine.dispose()
    return [f"{database} is up to date."]


def renew_epoch(settings: Config) -> list[str]:
    """Gives a database that was restored from a backup its new epoch, and server ids that were never given.

    Raises `OSError` where there is none, `BlockingIOError` where a server has it open.
    """
    storage.must_be_there(settings)
    engine, epoch, database = storage.open_engine(settings), secrets.token_hex(8), storage.name(settings)
    try:
        with engine.writer() as connection:
            migrate(connection)
            engine.begin(witnessed(connection, settings))
            _set(connection, "epoch", epoch)
            record(connection, Act("epoch.renewed", OPERATOR, details={"epoch": epoch}))
            next_mid = connection.execute(select(deployment.c.value).where(deployment.c.name == "next_mid")).scalar()
            if next_mid is not None:
                _set(connection, "next_mid", str(int(next_mid) + IDS_LEFT_OUT))
            engine.commit(connection)
    except DBAPIError as error:
        raise OSError(f"{database} can't be changed: {error.orig}") from None
    finally:
        engine.dispose()
    return [f"{database} has the new epoch {epoch}: every client will take a snapshot when it comes back."]


def renew_secret(settings: Config) -> list[str]:
    """The secret in the data directory, made if there is none, is that of all nodes from now on.

    Raises `ConfigError` for a server by itself, which takes whatever it finds there; `OSError` as `renew_epoch`.
    """
    if not settings.server.database:
        raise ConfigError("a server with its own file needs no command: it takes whatever jwt.secret it finds.")
    engine, database = storage.open_engine(settings), storage.name(settings)
    try:
        with engine.writer() as connection:
            migrate(connection)
            record(witnessed(connection, settings), Act("secret.renewed", OPERATOR))
            note_secret(connection, settings.data)
    except DBAPIError as error:
        raise OSError(f"{database} can't be changed: {error.orig}") from None
    finally:
        engine.dispose()
    return [f"{database} goes with {settings.data / FILE} now: copy that file to every node before it starts."]


def witnessed(connection: Connection, settings: Config) -> Connection:
    """A connection of a command that writes: the audit log has what it does; webhooks hear of it once a server runs."""

    def clock() -> int:
        return time.time_ns() // 1_000_000

    return connection.execution_options(
        **Ledger(settings.audit, clock).options, **Hooks(settings.webhooks, clock).options
    )


def write_or_ask(settings: Config, change: Callable[[Connection], T], otherwise: Callable[[], T]) -> T:
    """Changes the database in a transaction; where a server has its file open, `otherwise` is what asks that.

    Raises `OSError` where neither can be reached, or there is no database yet, and what `change` raises.
    """
    storage.must_be_there(settings)
    try:
        engine = storage.open_engine(settings)
    except BlockingIOError:
        return otherwise()
    try:
        with engine.writer() as connection:
            migrate(connection)
            engine.begin(witnessed(connection, settings))
            done = change(connection)
            engine.commit(connection)
            return done
    except DBAPIError as error:
        raise OSError(f"{storage.name(settings)} can't be used: {error.orig}") from None
    finally:
        engine.dispose()


def ask_as_operator(settings: Config, url: str, method: str, path: str, body: Any = None) -> Any:
    """What the server at `url` answers to an operation under /admin. Raises as `ask` does."""
    token = operator_key(load_secret(settings.data), time.time_ns() // 1_000_000)
    return ask(f"{url.rstrip('/')}/api/v1/admin{path}", token, method, body)


def _set(connection: Connection, name: str, value: str) -> None:
    connection.execute(update(deployment).where(deployment.c.name == name).values(value=value))


def explain_push(settings: Config, user: str, message: str) -> list[str]:
    """Why a user was told of a message by push, or was not. Raises `OSError` where there is no database."""
    with storage.looking_at(settings) as connection:
        return explain(connection, settings.push, user, message, moment)


def address(server: Server) -> str:
    """Where a server with these settings answers on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(server.host, server.host)  # noqa: S104 - asked, not bound
    return f"http://[{host}]:{server.port}" if ":" in host else f"http://{host}:{server.port}"


def ask(url: str, token: str, method: str = "GET", body: Any = None) -> Any:
    """What a running server answers. Raises `OSError`; what it refuses, with the server's words."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    content = None if body is None else msgspec.json.encode(body)
    try:
        request = urllib.request.Request(url, content, headers, method=method)  # noqa: S310 - the operator's
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            return msgspec.json.decode(answer.read())["data"]
    except urllib.error.HTTPError as refusal:
        with closing(refusal):
            raise OSError(f"{url.partition('?')[0]} answered {refusal.code} {_words(refusal.read(500))}") from None
    except (OSError, ValueError, HTTPException) as error:
        where, reason = url.partition("/api/")[0], getattr(error, "reason", error)
        raise OSError(f"no server answers at {where} ({reason}); start it, or name another with --url.") from None


def _words(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body)["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return repr(body)


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def moment(milliseconds: int | None) -> str:
    """As the log writes times: UTC."""
    if not milliseconds:
        return "never"
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _size(settings: Config, connection: Connection) -> str:
    """The size of the database; of a file, and of its write-ahead log."""
    if settings.server.database:
        return _mebibytes(int(connection.exec_driver_sql(storage.SIZE[connection.dialect.name]).scalar() or 0))
    database = settings.database
    log_file = database.with_name(f"{database.name}-wal")
    ahead = log_file.stat().st_size if log_file.exists() else 0
    return f"{_mebibytes(database.stat().st_size)}, write-ahead log {_mebibytes(ahead)}"


def _mebibytes(size: int) -> str:
    return f"{size / (1 << 20):,.1f} MiB"


def shortened(content: str) -> str:
    """One line that no terminal obeys: what is not printable becomes a space."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in content[: 4 * SHOWN]).split())
    return line if len(line) <= SHOWN and len(content) <= 4 * SHOWN else f"{line[: SHOWN - 1]}…"
