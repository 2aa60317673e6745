"""The `roost` command.

A command imports what it needs when it runs: `roost token` stands in scripts and loops, and is not to wait for a web
framework. What the commands that look at the data have to say is in `roost.operations`.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from roost import __version__
from roost.commands import audit, reports, webhook
from roost.commands.config import app as config_app
from roost.commands.options import ConfigFile, DataDirectory, Last, ServerURL, web_address
from roost.commands.options import settings_of as _settings
from roost.commands.trace import trace
from roost.config import Config, ConfigError, check_settings
from roost.errors import RoostError

if TYPE_CHECKING:
    from roost.keyring import Keyring

app = App(name="roost", help="A chat backend in which no message is lost.", version=__version__)
push_app = App(name="push", help="Push notifications.")
key_app = App(name="key", help="The keys of back ends.")
app.command(config_app)
app.command(audit.app)
app.command(trace)
app.command(reports.app)
app.command(webhook.app)
app.command(push_app)
app.command(key_app)

TOKEN_DAYS = 30
SHORTEST_DAYS, LONGEST_DAYS = 1 / 86_400, 36_500
ADDRESS = "sqlite:PATH (a file or a data directory), postgresql://…, mysql://… or mariadb://…"


@app.command
def serve(
    *,
    host: str | None = None,
    port: int | None = None,
    data: DataDirectory = None,
    config: ConfigFile = None,
) -> None:
    """Serve HTTP and WebSocket on one port until SIGTERM or Ctrl-C."""
    import uvloop

    from roost.app import raise_file_limit
    from roost.log import configure

    settings = _settings(config, data)
    settings.server.host = host if host is not None else settings.server.host
    settings.server.port = port if port is not None else settings.server.port
    check_settings(settings)
    configure(settings.log)
    raise_file_limit()
    uvloop.run(_serve(settings))


def _told_to_stop() -> asyncio.Event:
    """Set by SIGTERM or Ctrl-C."""
    import signal

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _serve(settings: Config) -> None:
    import structlog

    from roost.app import running

    stop = _told_to_stop()
    async with running(settings) as node:
        _set_aside()
        print(f"Roost is ready on {node.url}", flush=True)
        await stop.wait()
        structlog.get_logger().info("stopping")


def _set_aside() -> None:
    """Sets aside for good what the server is made of: the garbage collector never looks at it again."""
    gc.collect()
    gc.freeze()


@app.command
def push_worker(*, data: DataDirectory = None, config: ConfigFile = None) -> None:
    """Do the pushes that servers put into RabbitMQ (push.queue: rabbitmq), until SIGTERM or Ctrl-C."""
    import uvloop

    from roost.log import configure

    settings = _settings(config, data)
    if settings.push.queue != "rabbitmq":
        raise ConfigError("push.queue is local: the server does its own pushes; set it to rabbitmq for workers.")
    configure(settings.log)
    uvloop.run(_work(settings))


async def _work(settings: Config) -> None:
    from roost.wiring import now_ms
    from roost.workers import push_worker

    await push_worker(settings, now_ms, _told_to_stop(), lambda: print("The push worker is ready.", flush=True))


def _lasting(_: object, days: float) -> None:
    if not SHORTEST_DAYS <= days <= LONGEST_DAYS:  # not a number is neither
        raise ValueError(f"It must be more than 0 and at most {LONGEST_DAYS} days.")


@app.command
def token(
    user: str,
    *,
    device: str | None = None,
    days: Annotated[float, Parameter(help="How long the token is valid.", validator=_lasting)] = TOKEN_DAYS,
    data: DataDirectory = None,
    config: ConfigFile = None,
) -> None:
    """Print a token for USER, signed with the secret of the data directory."""
    from roost.edge.auth.secret import FILE, load_or_make_secret
    from roost.edge.auth.signing import sign
    from roost.model import ids

    settings = _settings(config, data)
    user_id = ids.user_id(user, "USER")
    device_id = None if device is None else ids.device_id(device)
    file = settings.data / FILE
    is_new = not file.exists()
    print(sign(load_or_make_secret(settings.data), user_id, device_id, int(days * 86400)).token)
    if is_new:
        print(f"roost: {file} is new: only a server with this data directory takes the token.", file=sys.stderr)


@app.command
def migrate(*, data: DataDirectory = None, config: ConfigFile = None) -> None:
    """Bring the database to the schema of this version; `serve` does it by itself."""
    from roost import operations

    _show(operations.bring_up_to_date(_settings(config, data)))


@app.command
def migrate_data(
    *,
    source: Annotated[str, Parameter(name="--from", env_var="ROOST_FROM", help=f"The database that is: {ADDRESS}.")],
    target: Annotated[str, Parameter(name="--to", env_var="ROOST_TO", help="An empty database, named alike.")],
) -> None:
    """Copy a whole deployment into another kind of database. Stop all nodes first."""
    from roost.transfer.command import run

    _show(run(source, target))


@app.command
def renew_epoch(*, data: DataDirectory = None, config: ConfigFile = None) -> None:
    """After a backup was restored: has every client take a snapshot. Stop the server first."""
    from roost import operations

    _show(operations.renew_epoch(_settings(config, data)))


@app.command
def renew_secret(*, data: DataDirectory = None, config: ConfigFile = None) -> None:
    """After jwt.secret was lost or has leaked: the nodes' secret is this one's. Stop them all first."""
    from roost import operations

    _show(operations.renew_secret(_settings(config, data)))


@app.command
def stats(*, data: DataDirectory = None, config: ConfigFile = None) -> None:
    """Show how much is stored, and which devices are furthest behind."""
    from roost import operations

    _show(operations.stats(_settings(config, data)))


@app.command
def messages(
    *,
    last: Last = 10,
    data: DataDirectory = None,
    config: ConfigFile = None,
) -> None:
    """Show the last messages of all conversations, the newest at the end."""
    from roost import operations

    _show(operations.last_messages(_settings(config, data), last))


@app.command
def online(
    *,
    url: ServerURL = None,
    data: DataDirectory = None,
    config: ConfigFile = None,
) -> None:
    """Show who is online now, as the running server says."""
    from roost import operations

    settings = _settings(config, data)
    _show(operations.online(settings, url or operations.address(settings.server)))


@app.command
def chat(
    user: str,
    *,
    url: Annotated[str, Parameter(help="Where the server answers.", validator=web_address)] = "http://127.0.0.1:8080",
    data: DataDirectory = None,
    to: Annotated[str | None, Parameter(help="Opened at once: a user, or g: and a group.")] = None,
    store: Annotated[
        Path | None, Parameter(help="The file with the messages; default: one per user and server.")
    ] = None,
    token: Annotated[
        str | None, Parameter(env_var="ROOST_TOKEN", help="Default: signed by the data directory.")
    ] = None,
) -> None:
    """Chat as USER in the terminal."""
    from roost.model import ids
    from roost.terminal.run import default_store, run

    if not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):  # Textual draws on stderr
        sys.exit("roost: chat needs a terminal.")
    user_id = ids.user_id(user, "USER")
    source = token or _signer(_settings(None, data).data, user_id)
    left = asyncio.run(run(url, user_id, token=source, store=store or default_store(url, user_id), to=to))
    if left:
        print(f"{left} not sent yet; what waits leaves when {user_id} is back.")


def _signer(data: Path, user_id: str) -> Callable[[], Awaitable[str]]:
    """Signs tokens with the secret that a server has made; a secret of our own no server would know."""
    from roost.edge.auth.secret import FILE, load_or_make_secret
    from roost.edge.auth.signing import sign

    if not (data / FILE).exists():
        raise ConfigError(f"there is no {FILE} in {data}; give --token, or the server's directory with --data.")

    async def signed() -> str:
        return sign(load_or_make_secret(data), user_id, None, TOKEN_DAYS * 86400).token

    return signed


def _show(lines: list[str]) -> None:
    print("\n".join(lines))


@push_app.command
def explain(
    user: str,
    message: Annotated[str, Parameter(help="Its serverMsgID, or its messageID.")],
    *,
    data: DataDirectory = None,
    config: ConfigFile = None,
) -> None:
    """Say in plain words why USER was told of MESSAGE by push, or was not."""
    from roost import operations

    _show(operations.explain_push(_settings(config, data), user, message))


@key_app.command
def create(
    name: str,
    *,
    scope: Annotated[list[str], Parameter(help="What it may do; give one or more. docs/admin.md lists them.")],
    expires: Annotated[str | None, Parameter(help="When it ends: 12h, 90d, 1y. Default: when it is revoked.")] = None,
    url: ServerURL = None,
    data: DataDirectory = None,
    config: ConfigFile = None,
) -> None:
    """Make a key for the back end NAME and print it, this once."""
    print(_keyring(url, data, config).create(name, scope, expires))


@key_app.command(name="list")
def list_keys(*, url: ServerURL = None, data: DataDirectory = None, config: ConfigFile = None) -> None:
    """List the keys, also those that are over."""
    _show(_keyring(url, data, config).listed())


@key_app.command
def revoke(
    key: Annotated[str, Parameter(help="Its name, or the beginning that `roost key list` shows.")],
    *,
    url: ServerURL = None,
    data: DataDirectory = None,
    config: ConfigFile = None,
) -> None:
    """End a key at once, on all nodes."""
    _show(_keyring(url, data, config).revoke(key))


def _keyring(url: str | None, data: Path | None, config: Path | None) -> Keyring:
    from roost import operations
    from roost.keyring import Keyring

    settings = _settings(config, data)
    return Keyring(settings, url or operations.address(settings.server))


def main() -> None:
    """Runs the command; what a person can mend is one line on stderr, exit code 1.

    The garbage collector looks less often than at every 700 new objects. Of a start it would take a sixth of the time,
    and under load a third of the event loop's: what is imported, and messages in flight, are no garbage.
    """
    gc.set_threshold(50_000, 20, 50)
    try:
        app()
    except (ConfigError, RoostError) as error:
        sys.exit(f"roost: {error}")
    except BlockingIOError:
        sys.exit("roost: another server has this data directory open; stop it first, or name another with --data.")
    except BrokenPipeError:  # whoever read the output has seen enough
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        sys.exit(f"roost: {error}")


if __name__ == "__main__":
    main()
