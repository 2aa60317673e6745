"""A server, Debian's Chromium, and people in front of it: each in a browser context of their own, as on another device.

Whatever a page reports on its console, every script error and every breach of the content security policy fails the
test that caused it.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, sync_playwright

from roost.testing import LocalServer
from tests.servers import missing

PASSWORD = "correct horse"
SENT = re.compile(r"^✓+$")
"""The mark of a message that is on the server; when others have it is up to them."""
DAY = 86400
IMAGES = "https://stickers.example"
"""A host whose pictures the page may show; nothing is there, so a test says what comes."""
PATIENCE = 20_000
"""Milliseconds for what a person waits for; the machine may be busy."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Ended with its module: while it is driven no other test of this process may run an event loop."""
    program = shutil.which("chromium")
    if program is None:
        missing("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def house() -> Iterator[LocalServer]:
    """A server for all tests of the page: everyone needs a new name."""
    with LocalServer(settings={"LIMITS__LOGIN_ATTEMPTS_PER_MINUTE": "0", "SERVER__IMAGES": f"[{IMAGES!r}]"}) as server:
        yield server


@pytest.fixture
def lines(chromium: Browser, house: LocalServer) -> Iterator[Lines]:
    lines = Lines(chromium, house)
    yield lines
    lines.end()


@pytest.fixture
def pair(lines: Lines, request: pytest.FixtureRequest) -> tuple[Page, Page, str, str]:
    """Two people who are connected, and their names."""
    ann, bob = (f"{name}.{request.node.name[5:40]}" for name in ("ann", "bob"))
    return lines.sign_in(ann), lines.sign_in(bob), ann, bob


class Lines:
    """The devices of a test."""

    def __init__(self, browser: Browser, server: LocalServer) -> None:
        self._browser = browser
        self.server = server
        self.complaints: list[str] = []
        self._contexts: list[BrowserContext] = []

    def device(self, **options: Any) -> Page:
        """A page at the front door of the server, in a browser that was never here."""
        options = {"viewport": {"width": 1100, "height": 720}, "locale": "en-GB", "reduced_motion": "reduce"} | options
        context = self._browser.new_context(**options)
        context.set_default_timeout(PATIENCE)
        self._contexts.append(context)
        page = self.watched(context.new_page())
        page.goto(self.server.url)
        return page

    def watched(self, page: Page) -> Page:
        page.on("console", lambda said: said.type in {"error", "warning"} and self.complaints.append(said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def sign_in(self, name: str, device: str = "page", **options: Any) -> Page:
        """Somebody on a new device, connected: with a token, which costs less than a password."""
        token = self.server.token(name, device)
        until = int(time.time() + DAY) * 1000
        session = {"userID": name, "deviceID": device, "token": token, "refreshToken": "", "expireTime": until}
        kept = {"name": f"roost:session:{self.server.url}", "value": json.dumps(session)}
        page = self.device(storage_state={"origins": [{"origin": self.server.url, "localStorage": [kept]}]}, **options)
        connected(page)
        return page

    def sign_up(self, name: str, **options: Any) -> Page:
        """A new account on a new device, connected."""
        page = self.device(**options)
        page.get_by_role("button", name="I am new here").click()
        page.get_by_label("User name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Create account").click()
        connected(page)
        return page

    def end(self) -> None:
        for context in self._contexts:
            context.close()
        assert self.complaints == []


def connected(page: Page) -> None:
    """Waits until everything that waited is stored."""
    page.wait_for_selector(".status.connected")


def write_to(page: Page, other: str, *texts: str) -> None:
    """Opens the conversation with somebody and sends some messages."""
    page.get_by_role("button", name="New conversation").click()
    page.get_by_label("Who do you want to write to?").fill(other)
    page.get_by_role("button", name="Start").click()
    say(page, *texts)


def say(page: Page, *texts: str) -> None:
    """Sends messages in the open conversation."""
    for text in texts:
        page.get_by_label("Write a message").fill(text)
        page.get_by_label("Write a message").press("Enter")


def said(page: Page, text: str) -> Locator:
    """A message in the open conversation."""
    return page.get_by_role("log").get_by_text(text, exact=True)


def texts(page: Page) -> list[str]:
    """What stands in the open conversation, in order."""
    return page.locator("article .bubble").all_inner_texts()


def choose(page: Page, message: Locator, item: str) -> None:
    """Something from the menu of a message."""
    message.hover()
    message.get_by_role("button", name="More").click()
    page.locator("#message-menu").get_by_role("button", name=item, exact=True).click()
