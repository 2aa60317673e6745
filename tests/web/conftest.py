"""A server, Debian's Chromium, and people in front of it: each in a browser context of their own, as on another device.

Whatever a page reports on its console, every script error and every breach of the content security policy fails the
test that caused it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Locator, Page, sync_playwright

from roost.testing import LocalServer
from tests.servers import missing
from tests.servers.ending import descendants, killed_after

PASSWORD = "correct horse"
SENT = re.compile(r"^✓+$")
"""The mark of a message that is on the server; when others have it is up to them."""
DAY = 86400
IMAGES = "https://stickers.example"
"""A host whose pictures the page may show; nothing is there, so a test says what comes."""
USUAL: Any = {"viewport": {"width": 1100, "height": 720}, "locale": "en-GB", "reduced_motion": "reduce"}
"""How a browser is, unless a test says otherwise."""
LEFT = """async () => [
    localStorage.length, sessionStorage.length, (await indexedDB.databases()).length, (await caches.keys()).length,
    (await navigator.serviceWorker.getRegistrations()).length,
]"""
"""What a browser still knows."""
QUIET = "/sdk/uuid.js"
"""A place of the page's origin that runs nothing."""
CLOSING = 30.0
"""Seconds that the browser has to end."""
PATIENCE = 20_000
"""Milliseconds for what a person waits for; the machine may be busy."""


@pytest.fixture(scope="package")
def devices() -> Iterator[Devices]:
    """Ended when another test than the page's is next: while a browser is driven none of this process may run an event
    loop.
    """
    program = shutil.which("chromium")
    if program is None:
        missing("chromium")
    others = set(descendants(os.getpid()))
    with contextlib.ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        stack.callback(browser.close)
        programs = set(descendants(os.getpid())) - others
        yield Devices(browser)
        with killed_after(CLOSING, programs):
            stack.close()


@pytest.fixture(scope="session")
def house() -> Iterator[LocalServer]:
    """A server for all tests of the page: everyone needs a new name."""
    with LocalServer(settings={"LIMITS__LOGIN_ATTEMPTS_PER_MINUTE": "0", "SERVER__IMAGES": f"[{IMAGES!r}]"}) as server:
        yield server


@pytest.fixture
def lines(devices: Devices, house: LocalServer) -> Iterator[Lines]:
    lines = Lines(devices, house)
    yield lines
    lines.end()


@pytest.fixture
def pair(lines: Lines, request: pytest.FixtureRequest) -> tuple[Page, Page, str, str]:
    """Two people who are connected, and their names."""
    ann, bob = (f"{name}.{request.node.name[5:40]}" for name in ("ann", "bob"))
    return lines.sign_in(ann), lines.sign_in(bob), ann, bob


class Devices:
    """Browsers that were never here.

    One that was as usual is emptied after its test, and taken by the next: opening the page in it costs half as much
    as in a new one.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._origins: dict[BrowserContext, str] = {}
        """Those that are as usual, and the one server that each was at."""
        self._empty: list[BrowserContext] = []

    def take(self, url: str, **options: Any) -> Page:
        """A page at a place of the server at `url` that runs nothing. `options`: what is unusual about its browser."""
        for context in () if options else self._empty:
            if self._origins[context] == url:
                self._empty.remove(context)
                return context.pages[0]
        context = self._browser.new_context(**USUAL | options)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.goto(url + QUIET)
        if not options:
            self._origins[context] = url
        return page

    def give_back(self, context: BrowserContext, *, again: bool) -> None:
        """Ends a device, or keeps it for another test if it may be used `again`."""
        if again and context in self._origins and len(context.pages) == 1:
            self._empty_out(context)
            self._empty.append(context)
        else:
            self._origins.pop(context, None)
            context.close()

    def _empty_out(self, context: BrowserContext) -> None:
        (page,) = context.pages
        page.goto(self._origins[context] + QUIET)
        page.evaluate("sessionStorage.clear()")
        console = context.new_cdp_session(page)
        console.send("Storage.clearDataForOrigin", {"origin": page.evaluate("origin"), "storageTypes": "all"})
        console.detach()
        context.unroute_all()
        page.unroute_all()
        context.clear_cookies()
        context.clear_permissions()
        context.set_offline(False)
        page.set_viewport_size(USUAL["viewport"])
        page.mouse.move(0, 0)
        assert page.evaluate(LEFT) == [0, 0, 0, 0, 0]


class Lines:
    """The devices of a test."""

    def __init__(self, devices: Devices, server: LocalServer) -> None:
        self._devices = devices
        self.server = server
        self.complaints: list[str] = []
        self._contexts: list[BrowserContext] = []
        self._watched: list[Page] = []

    def device(self, **options: Any) -> Page:
        """A page at the front door of the server, in a browser that was never here."""
        page = self._take(**options)
        page.goto(self.server.url)
        return page

    def _take(self, **options: Any) -> Page:
        page = self._devices.take(self.server.url, **options)
        self._contexts.append(page.context)
        return self.watched(page)

    def watched(self, page: Page) -> Page:
        page.on("console", self._said)
        page.on("pageerror", self._failed)
        self._watched.append(page)
        return page

    def _said(self, said: ConsoleMessage) -> None:
        if said.type in {"error", "warning"}:
            self.complaints.append(said.text)

    def _failed(self, error: Error) -> None:
        self.complaints.append(str(error))

    def sign_in(self, name: str, device: str = "page", **options: Any) -> Page:
        """Somebody on a new device, connected: with a token, which costs less than a password."""
        token = self.server.token(name, device)
        until = int(time.time() + DAY) * 1000
        session = {"userID": name, "deviceID": device, "token": token, "refreshToken": "", "expireTime": until}
        page = self._take(**options)
        kept = [f"roost:session:{self.server.url}", json.dumps(session)]
        page.evaluate("([name, value]) => localStorage.setItem(name, value)", kept)
        page.goto(self.server.url)
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
            self._devices.give_back(context, again=not self.complaints)
        for page in self._watched:
            page.remove_listener("console", self._said)
            page.remove_listener("pageerror", self._failed)
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
