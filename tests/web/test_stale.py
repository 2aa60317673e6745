"""A store of the browser SDK that the log does not reach any more: a snapshot takes its place, and what is older is
read anew."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from roost.testing import LocalServer
from tests.client.test_reset import raise_floor
from tests.web.conftest import QUIET, Lines, connected, said
from tests.web.test_receipts import ask


@pytest.fixture
def house() -> Iterator[LocalServer]:
    """A server that may be stopped."""
    with LocalServer() as server:
        yield server


def test_below_a_snapshot_nothing_old_is_shown(lines: Lines) -> None:
    bob = lines.sign_in("bob")
    for group in ("tea", "jam"):
        ask(lines, "ann", "POST", "/groups", {"groupID": group, "name": group.title(), "members": ["bob"]})

    def tell(text: str) -> str:
        sent = ask(lines, "ann", "POST", "/messages/group", {"to": "tea", "content": text})
        server_id: str = sent["serverMsgID"]
        return server_id

    milk, sugar = tell("milk"), tell("sugar")
    bob.locator(".row", has_text="Tea").click()
    expect(said(bob, "milk")).to_be_visible()
    expect(said(bob, "sugar")).to_be_visible()
    while ask(lines, "bob", "GET", "/messages/unread_count")["total"]:
        time.sleep(0.05)
    bob.goto(lines.server.url + QUIET)
    ask(lines, "ann", "PATCH", f"/messages/{milk}", {"content": "lemon"})
    ask(lines, "ann", "POST", f"/messages/{sugar}/recall")
    ask(lines, "ann", "DELETE", "/groups/jam/members/bob")
    for number in range(30):
        tell(f"news {number}")
    raise_floor(lines.server, "bob")
    bob.goto(lines.server.url)
    connected(bob)
    expect(bob.get_by_role("button", name="30 unread")).to_be_visible()
    bob.locator(".row", has_text="Tea").click()
    expect(said(bob, "news 29")).to_be_visible()
    bob.get_by_role("log").evaluate("(element) => (element.scrollTop = 0)")
    expect(bob.locator("article").first).to_contain_text("lemon")
    expect(said(bob, "milk")).to_have_count(0)
    expect(said(bob, "sugar")).to_have_count(0)
    bob.locator(".row", has_text="Jam").click()
    expect(bob.get_by_text("You are no longer in this group.")).to_be_visible()
