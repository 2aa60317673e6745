"""Draws `docs/images/chat.svg`: the chat in the terminal, in the middle of some people's morning.

Everything in the picture is real: a server, six users on the SDK, and the chat of one of them, which runs in a terminal
of 100 columns without a screen. `scripts/chat_picture.py FILE` draws it elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

from textual.app import App
from textual.pilot import Pilot

from roost.client import Client
from roost.terminal.chat import Chat
from roost.testing import LocalServer

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "images" / "chat.svg"
WIDTH, HEIGHT = 100, 26
MORNING = 9
PEOPLE = ("alice", "bob", "carol", "dave", "erin", "frank")
TALK = (
    ("frank", "alice", "The keys are with the porter."),
    ("erin", "alice", "Did you see the northern lights?"),
    ("alice", "erin", "From the balcony! I have pictures."),
    ("dave", "g:climbing", "Who comes on Friday?"),
    ("carol", "g:climbing", "I do."),
    ("bob", "g:climbing", "Me too, but later."),
    ("bob", "alice", "Good morning! The server room was without power from two to four."),
    ("alice", "bob", "Oh. And the messages of the night?"),
    ("bob", "alice", "All there. Every phone had read on before I was at my desk."),
    ("bob", "alice", "Could you look at the minutes before Monday? I am not sure about page 3."),
)
"""Who says what to whom, in order."""
HEAD = 1 + len(TALK) + 2
"""Alice's last entry: the group, what is said, and that she has read what erin and, in the chat, what bob wrote."""
UNSENT = "Yes, I'll read them on the train."
TEXT = re.compile(r"<text[^>]*>([^<]*)</text>")
FONT = re.compile(r"@font-face \{.*?\}", re.DOTALL)
"""Where the drawing names fonts on another machine: a picture in a document loads nothing."""


@contextlib.asynccontextmanager
async def everybody(server: LocalServer) -> AsyncIterator[dict[str, Client]]:
    """All people, connected."""
    async with contextlib.AsyncExitStack() as stack:
        clients = {name: Client(server.url, token=server.token(name), store=":memory:") for name in PEOPLE}
        for client in clients.values():
            await stack.enter_async_context(client)
            await client.connected(10)
        yield clients


async def drawn(server: LocalServer) -> str:
    """The picture."""
    async with everybody(server) as clients:
        alice = clients["alice"]
        await alice.create_group("Climbing", ["bob", "carol", "dave"], group_id="climbing")
        for who, to, said in TALK:
            await clients[who].send(to, said)
            await clients[who].flush(10)
        await alice.refresh()
        await alice.mark_read("erin")
        await clients["frank"].disconnect()
        chat = Chat(alice, "alice", to="bob")
        async with chat.run_test(size=(WIDTH, HEIGHT)) as pilot:
            await shows(pilot, r"Could you look", r"● ?▸bob", "●", "up to date", rf"seq {HEAD}\b")
            await pilot.press("ctrl+o")
            await pilot.press(*("space" if letter == " " else letter for letter in UNSENT), "enter")
            await shows(pilot, r"◌ Yes", "offline", "1 waiting")
            return FONT.sub("", chat.export_screenshot(title="roost chat alice"))


async def shows(pilot: Pilot[None], *patterns: str) -> None:
    """Waits until everything is on the screen. Raises `TimeoutError`."""
    async with asyncio.timeout(10):
        while not all(re.search(pattern, written(pilot.app)) for pattern in patterns):
            await pilot.pause(0.05)


def written(chat: App[None]) -> str:
    """What is on the screen, without its lines' ends."""
    return unescape("".join(TEXT.findall(chat.export_screenshot()))).replace("\N{NO-BREAK SPACE}", " ")


def be_in_the_morning() -> None:
    """Goes to a time zone where it is nine o'clock and some minutes."""
    os.environ["TZ"] = f"<morning>{datetime.now(UTC).hour - MORNING:+d}"
    time.tzset()


def main() -> None:
    """Draws."""
    be_in_the_morning()
    path = Path(sys.argv[1]) if sys.argv[1:] else PICTURE
    with LocalServer() as server:
        picture = asyncio.run(drawn(server))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(picture)


if __name__ == "__main__":
    main()
