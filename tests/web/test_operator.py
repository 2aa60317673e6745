"""The operator's page: a key lets in, the charts live, things are looked up."""

from __future__ import annotations

import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from roost.client.blocking import BlockingClient
from roost.testing import LocalServer
from tests.web.conftest import Lines
from tests.web.test_accessible import findings


@pytest.fixture(scope="module")
def key(house: LocalServer) -> str:
    """Of somebody who may look."""
    scopes = ("--scope", "metrics", "--scope", "audit", "--scope", "users:read")
    told = subprocess.run(
        [sys.executable, "-m", "roost", "key", "create", "desk", *scopes, "--url", house.url, "--data", house.data],
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.strip()


def enter(page: Page, key: str) -> None:
    page.get_by_label("Key of a back end").fill(key)
    page.get_by_role("button", name="Look", exact=True).click()


def test_the_charts_and_tables_show_what_happens(lines: Lines, key: str) -> None:
    ann, bob = "ann.desk", "bob.desk"
    page = lines.device()
    page.goto(lines.server.url + "/admin")
    assert findings(page) == []
    enter(page, key)
    expect(page.get_by_role("img", name="Connections: 0 now")).to_be_visible()
    with (
        BlockingClient(lines.server.url, token=lines.server.token(bob, "b"), store=":memory:") as other,
        BlockingClient(lines.server.url, token=lines.server.token(ann, "robot"), store=":memory:") as robot,
    ):
        other.connected()
        robot.send(bob, "hello")
        robot.flush(60)
        expect(page.get_by_role("img", name="Connections: 2 now")).to_be_visible()
        expect(page.get_by_role("img", name="Time of a commit").locator("path.line-0")).to_have_count(1)
        page.get_by_label("User", exact=True).fill(ann)
        page.get_by_role("button", name="Look up").click()
        expect(page.get_by_role("cell", name="robot", exact=True)).to_be_visible()
    page.get_by_label("User (empty: everybody)").fill(ann)
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("cell", name="message.sent")).to_have_count(1)
    assert findings(page) == []
    page.reload()
    expect(page.get_by_role("heading", name="Connections")).to_be_visible()  # the tab keeps the key
    page.get_by_role("button", name="Forget the key").click()
    assert page.evaluate("sessionStorage.length") == 0


def test_a_key_that_is_none_lets_nobody_in(lines: Lines) -> None:
    page = lines.device()
    page.goto(lines.server.url + "/admin")
    enter(page, "roost_0123456789abcdef_" + 64 * "0")
    expect(page.locator(".card .error")).not_to_be_empty()
    expect(page.get_by_label("Key of a back end")).to_be_visible()
    lines.complaints.clear()  # a refused request is on the console; the browser writes it there
