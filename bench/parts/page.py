"""How quick the page is with 100,000 messages stored, and how it comes back to 10,000 that waited: in Chromium.

Everything is measured in the browser, by its own clock: the time from the beginning of a load until the conversations
are drawn, and until a conversation is that was open; from the click on *Go online* until everything is stored; and the
longest task meanwhile, for which the page did not answer. Server and browser share the machine.
"""

from __future__ import annotations

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import uvloop
from playwright.sync_api import Page, sync_playwright

from bench.client import sign
from bench.figures import Figure
from bench.load import WrongDeliveryError
from bench.parts.syncpage import fill_log
from bench.server import Server, running

NAME = "page"
ABOUT = "the page with 100,000 messages stored, and coming back to 10,000, in Chromium"

STORED = 100_000
STORED_QUICK = 20_000
WAITING = 10_000
LOAD_TARGET = 1.0
CATCH_UP_TARGET = 5.0
TASK_TARGET = 200.0
"""Seconds, seconds, milliseconds."""
TIMEOUT = 180_000
"""Milliseconds for anything."""

WATCH = """
    window.marks = { tasks: [] };
    new PerformanceObserver((list) => marks.tasks.push(...list.getEntries().map((one) => one.duration)))
        .observe({ type: "longtask", buffered: true });
    const seen = (name, selector) => {
        if (!(name in marks) && document.querySelector(selector)) marks[name] = performance.now();
    };
    new MutationObserver(() => { seen("list", ".row"); seen("thread", "article"); })
        .observe(document, { childList: true, subtree: true });
"""
"""What the page is told to note; a mark is set when the element is there, a task is noted from 50 ms on."""

BACK = """() => new Promise((done) => {
    const started = performance.now();
    marks.tasks = [];
    new MutationObserver(() => {
        if (!document.querySelector(".status.connected")) return;
        setTimeout(() => done({ seconds: (performance.now() - started) / 1000, tasks: marks.tasks }), 300);
    }).observe(document.querySelector(".status"), { attributes: true, subtree: true });
    document.querySelector(".status button").click();
})"""
"""Goes online; the tasks of the drawing that follows are waited for, and not counted as time."""

COUNT = """async () => {
    const { openDB } = await import("/sdk/vendor/idb.js");
    const found = (await indexedDB.databases()).find((one) => one.name.includes("reader"));
    const db = await openDB(found.name);
    const count = await db.count("messages");
    db.close();
    return count;
}"""


def run(*, quick: bool) -> list[Figure]:
    """Measures on a fresh server, with a browser that was never here. Fails without Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise RuntimeError("Chromium is not installed: sh scripts/install_servers.sh chromium")
    stored, rounds = (STORED_QUICK, 3) if quick else (STORED, 5)
    with running() as server:
        uvloop.run(fill_log(server, "reader", max(WAITING, stored - rounds * WAITING)))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = signed_in(browser.new_page(viewport={"width": 1280, "height": 800}), server)
            back = [come_back(page, server) for _ in range(rounds)]
            count = page.evaluate(COUNT)
            page.locator(".row").first.click()
            page.wait_for_selector("article")
            loads = [load(page) for _ in range(rounds)]
            browser.close()
    if count < stored:
        raise WrongDeliveryError(f"{count} of {stored} messages are stored")
    notes = {"stored": count}
    longest = [max(one["tasks"], default=0.0) for one in back]
    return [
        Figure(NAME, f"load to a list, {count:,} stored", "s", [one[0] for one in loads], LOAD_TARGET, "less", notes),
        Figure(NAME, f"load to a conversation, {count:,} stored", "s", [one[1] for one in loads], None, "less", notes),
        Figure(NAME, f"{WAITING:,} messages come in", "s", [one["seconds"] for one in back], CATCH_UP_TARGET, "less"),
        Figure(NAME, "longest task meanwhile (0: under 50)", "ms", longest, TASK_TARGET, "less"),
    ]


def signed_in(page: Page, server: Server) -> Page:
    """The page of `reader`, who is up to date: with a token of a host application, as if just logged in."""
    page.set_default_timeout(TIMEOUT)
    url = f"http://127.0.0.1:{server.port}"
    token = sign(server.data, "reader", "browser")
    ends = int(time.time() * 1000) + 80_000_000
    session = {"userID": "reader", "deviceID": "browser", "token": token, "refreshToken": "", "expireTime": ends}
    page.add_init_script(f"localStorage.setItem('roost:session:{url}', {json.dumps(json.dumps(session))}); {WATCH}")
    page.goto(url)
    page.wait_for_selector(".status.connected")
    return page


def come_back(page: Page, server: Server) -> dict[str, list[float]]:
    """Goes offline, lets others write, and comes back: `seconds` until all is stored, `tasks` in milliseconds."""
    page.get_by_role("button", name="Go offline").click()
    page.wait_for_selector(".status.disconnected")
    with ThreadPoolExecutor(1) as elsewhere:  # this thread has the browser's event loop
        elsewhere.submit(lambda: uvloop.run(fill_log(server, "reader", WAITING))).result()
    found: dict[str, list[float]] = page.evaluate(BACK)
    return found


def load(page: Page) -> tuple[float, float]:
    """Seconds from the beginning of a load until the list is drawn, and until the open conversation is."""
    page.reload()
    page.wait_for_selector(".row")
    page.wait_for_selector("article")
    page.wait_for_selector(".status.connected")
    marks = page.evaluate("marks")
    return marks["list"] / 1000, marks["thread"] / 1000
