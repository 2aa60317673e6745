"""From the command line to the screen, and back: which store, whose token, and what is left at the end."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sqlite3
from pathlib import Path
from urllib.parse import urlsplit

from roost.client import Client, ClientClosed, State
from roost.client.tokens import TokenSource
from roost.errors import InvalidInput
from roost.terminal.chat import Chat

LINGER = 3.0
"""Seconds that the end waits for messages on their way."""


def default_store(url: str, user_id: str) -> Path:
    """Where the store of a user of a server lies: `$XDG_DATA_HOME/roost/SERVER/USER.db`."""
    home = Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser()
    parts = urlsplit(url)
    server = re.sub(r"[^A-Za-z0-9.-]+", "_", f"{parts.netloc}{parts.path}").strip("_.")
    return home / "roost" / (server or "server") / f"{user_id}.db"


async def run(url: str, user_id: str, *, token: TokenSource, store: Path, to: str | None = None) -> int:
    """Shows the chat until its user quits; returns how many messages are still in the outbox.

    Raises what is wrong with the store (`StoreInUse`, `StoreTooNew`, `StoreBelongsToAnother`, `OSError`), and
    `InvalidInput` where the token is another user's or nobody's, or `InvalidID` where nobody can be called `to`.
    """
    logging.getLogger("roost").addHandler(logging.NullHandler())  # the screen is no place for a log
    store.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    client = Client(url, token=token, store=store)
    try:
        await client.open()
    except sqlite3.DatabaseError as error:
        raise OSError(f"{store} can't be opened: {error}") from None
    try:
        _check(client, user_id, to)
        chat = Chat(client, user_id, to=to)
        await chat.run_async()
        if chat.return_code:
            raise SystemExit(chat.return_code)
        with contextlib.suppress(TimeoutError):
            if client.state in (State.CONNECTED, State.SYNCING):
                await client.flush(LINGER)
        return len(await client.unsent())
    finally:
        await client.close()


def _check(client: Client, user_id: str, to: str | None) -> None:
    try:
        owner = client.user_id
    except ClientClosed:
        raise InvalidInput("The token does not tell whose it is: it is not a whole one.") from None
    if owner != user_id:
        raise InvalidInput(f"The token is {owner}'s, not {user_id}'s.")
    if to is not None:
        client.conversation_id(to)
