"""Somebody at a terminal: what is on the screen, and what is pressed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual import events
from textual.pilot import Pilot

from roost.client import Client
from roost.terminal.chat import Chat
from roost.terminal.messages import Messages

KEYS = {"enter", "ctrl+j"}
PATIENCE = 15.0
"""Seconds that something may take to appear."""


class Desk:
    """A chat that runs, with a keyboard and eyes."""

    def __init__(self, app: Chat, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def screen(self) -> str:
        """What is seen, line by line."""
        return "\n".join(strip.text.rstrip() for strip in self.app.screen._compositor.render_strips())

    @property
    def left(self) -> str:
        """The list of conversations."""
        width = self.app.query_one("#side").size.width
        return "\n".join(line[:width].rstrip() for line in self.screen.splitlines())

    @property
    def right(self) -> str:
        """The open conversation."""
        width = self.app.query_one("#side").size.width
        return "\n".join(line[width:].rstrip() for line in self.screen.splitlines())

    @property
    def status(self) -> str:
        return self.screen.splitlines()[-2].strip()

    @property
    def messages(self) -> Messages:
        return self.app.query_one(Messages)

    async def sees(self, pattern: str, part: str = "screen") -> re.Match[str]:
        """Waits until the screen, or a part of it, has a place that matches."""
        try:
            async with asyncio.timeout(PATIENCE):
                while (found := re.search(pattern, getattr(self, part), re.MULTILINE)) is None:
                    await self.pilot.pause(0.01)
        except TimeoutError:
            raise AssertionError(f"{pattern!r} does not appear:\n{self.screen}") from None
        return found

    async def misses(self, pattern: str, part: str = "screen") -> None:
        """Waits until no place matches any more."""
        try:
            async with asyncio.timeout(PATIENCE):
                while re.search(pattern, getattr(self, part), re.MULTILINE):
                    await self.pilot.pause(0.01)
        except TimeoutError:
            raise AssertionError(f"{pattern!r} is still there:\n{self.screen}") from None

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def write(self, text: str, *keys: str) -> None:
        """Types, and presses keys, Enter if none are given."""
        await self.pilot.press(*("space" if letter == " " else letter for letter in text))
        await self.press(*(keys or ("enter",)))

    async def type_at_once(self, *parts: str) -> None:
        """Letters, and keys by name, that are all there before the first is looked at."""
        for part in parts:
            for key in [part] if part in KEYS else part:
                letter = None if part in KEYS else key
                self.app.post_message(events.Key(key, letter))
        await self.pilot.pause()

    async def open(self, name: str) -> None:
        """Opens a conversation of the list, as one would."""
        await self.sees(re.escape(name), "left")
        while self.app.focused is not self.app._conversations:
            await self.press("tab")
        await self.press("home")
        for _ in range(self.app._conversations.option_count):
            option = self.app._conversations.highlighted_option
            if option is not None and name in str(option.prompt):
                await self.press("enter")
                await self.sees(f"^.{{27}} {re.escape(name)}( |$)")
                return
            await self.press("down")
        raise AssertionError(f"{name} is not in the list:\n{self.screen}")


@asynccontextmanager
async def at_desk(
    client: Client,
    *,
    to: str | None = None,
    size: tuple[int, int] = (80, 24),
    state: str = "^● connected · up to date",
) -> AsyncIterator[Desk]:
    """The chat of a client's user, once it is in the state."""
    app = Chat(client, client.user_id, to=to)
    async with app.run_test(size=size) as pilot:
        desk = Desk(app, pilot)
        await desk.sees(state, "status")
        if to is not None:
            await desk.sees("Enter sends")
        yield desk
