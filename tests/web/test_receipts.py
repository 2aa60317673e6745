"""What became of a message: sent, delivered, read; and who has read it."""

from __future__ import annotations

from typing import Any

import httpx2
from playwright.sync_api import Page, expect

from tests.web.conftest import Lines, choose, connected, said, say, write_to
from tests.web.test_talking import make_group


def offline(page: Page) -> None:
    page.get_by_role("button", name="Go offline").click()
    page.wait_for_selector(".status.disconnected")


def online(page: Page) -> None:
    page.get_by_role("button", name="Go online").click()
    connected(page)


def test_a_message_is_sent_then_delivered_then_read(pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, ann_name, bob_name = pair
    offline(bob)
    write_to(ann, bob_name, "one")
    mark = ann.locator("article .mark")
    expect(mark).to_have_accessible_name("sent")
    online(bob)
    expect(mark).to_have_accessible_name("delivered")
    bob.locator(".row", has_text=ann_name).click()
    expect(mark).to_have_accessible_name("read")


def test_what_others_read_while_one_was_away_is_there_at_once(pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, ann_name, bob_name = pair
    offline(bob)
    write_to(ann, bob_name, "one", "two")
    expect(ann.locator("article .mark").last).to_have_accessible_name("sent")
    offline(ann)
    online(bob)
    expect(bob.locator(".row .badge")).to_have_text("2")
    online(ann)
    expect(ann.locator("article .mark").last).to_have_accessible_name("delivered")
    offline(ann)
    bob.locator(".row", has_text=ann_name).click()
    expect(bob.locator(".row .badge")).to_have_count(0)
    online(ann)
    expect(ann.locator("article .mark").last).to_have_accessible_name("read")


def test_in_a_group_all_count_and_each_is_listed(lines: Lines, pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, _, bob_name = pair
    cleo_name = bob_name.replace("bob", "cleo")
    cleo = lines.sign_in(cleo_name)
    make_group(ann, "Tea", f"{bob_name} {cleo_name}")
    say(ann, "The kettle is on.")
    mark = ann.locator("article .mark")
    expect(mark).to_have_accessible_name("delivered")
    bob.locator(".row", has_text="Tea").click()
    expect(said(bob, "The kettle is on.")).to_be_visible()
    choose(ann, ann.locator("article"), "Who has read it")
    expect(ann.get_by_role("dialog")).to_contain_text("1 of 2 have read it.")
    expect(ann.locator("dialog li", has_text=cleo_name)).to_contain_text("delivered")
    ann.keyboard.press("Escape")
    expect(mark).to_have_accessible_name("delivered")
    cleo.locator(".row", has_text="Tea").click()
    expect(mark).to_have_accessible_name("read")


def test_who_is_added_with_others_has_read_what_was_said_before(
    lines: Lines, pair: tuple[Page, Page, str, str]
) -> None:
    ann, bob, ann_name, bob_name = pair
    others = [f"{ann_name}-{number}" for number in range(2)]
    for name in others:
        ask(lines, name, "GET", "/conversations")
    group = ask(lines, ann_name, "POST", "/groups", {"name": "Tea", "members": [bob_name]})["groupID"]
    for page in (ann, bob):
        page.locator(".row", has_text="Tea").click()
    say(ann, "one")
    mark = ann.locator("article .mark")
    expect(mark).to_have_accessible_name("read")
    assert ask(lines, ann_name, "POST", f"/groups/{group}/members", {"members": others}) == {"added": 2}
    say(ann, "two")
    expect(said(bob, "two")).to_be_visible()
    ask(lines, bob_name, "POST", f"/conversations/g:{group}/read", {"conversationSeq": 2})
    say(bob, "three")
    expect(said(ann, "three")).to_be_visible()
    expect(mark.last).to_have_accessible_name("sent")
    expect(mark.first).to_have_accessible_name("read")


def ask(lines: Lines, name: str, method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {lines.server.token(name)}"}
    answer = httpx2.request(method, f"{lines.server.url}/api/v1{path}", json=body, headers=headers)
    return answer.raise_for_status().json()["data"]
