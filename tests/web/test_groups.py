"""Groups on the page: who may write, who is in, and how one comes in."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.web.conftest import Lines, connected, said, say
from tests.web.test_accessible import findings
from tests.web.test_receipts import ask
from tests.web.test_talking import make_group


def manage(page: Page, name: str, deed: str) -> None:
    """Does something with a member, in the dialog of the group."""
    member = page.locator("li.acts", has_text=name)
    if not member.locator("details[open]").count():
        member.locator("summary").click()
    member.get_by_role("button", name=deed).click()


def test_rules_and_mutes_take_the_field_away_and_give_it_back(pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, _, bob_name = pair
    make_group(ann, "Tea", bob_name)
    bob.locator(".row", has_text="Tea").click()
    field = bob.get_by_label("Write a message")
    expect(field).to_be_visible()
    ann.get_by_role("button", name="Members").click()
    ann.locator("summary", has_text="Settings of the group").click()
    ann.get_by_label("Only the owner and admins write").check()
    assert findings(ann) == []
    ann.get_by_role("button", name="Save").click()
    expect(bob.get_by_text("Only the owner and admins write here.")).to_be_visible()
    expect(field).to_have_count(0)
    manage(ann, bob_name, "Make admin")
    expect(field).to_be_visible()
    manage(ann, bob_name, "Mute for an hour")
    expect(bob.get_by_text("You may write again at")).to_be_visible()
    bob.reload()
    expect(bob.get_by_text("You may write again at")).to_be_visible()
    manage(ann, bob_name, "May write again")
    expect(field).to_be_visible()
    manage(ann, bob_name, "Ban")
    expect(bob.get_by_text("You are no longer in this group.")).to_be_visible()
    ann.get_by_role("button", name=f"Lift the ban of {bob_name}").click()
    expect(ann.get_by_role("heading", name="Banned")).to_have_count(0)


def test_a_link_lets_somebody_in(lines: Lines, pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, _, _ = pair
    make_group(ann, "Attic", "")
    ann.get_by_role("button", name="Members").click()
    ann.get_by_role("button", name="Invite by link").click()
    link = ann.get_by_label("Whoever has this link").input_value()
    assert re.fullmatch(re.escape(lines.server.url) + r"/#join:\S+", link)
    ann.keyboard.press("Escape")
    bob.evaluate("(link) => (location.href = link)", link)
    expect(bob.get_by_role("heading", name="Join Attic?")).to_be_visible()
    assert "join" not in bob.url
    assert findings(bob) == []
    bob.get_by_role("button", name="Join", exact=True).click()
    say(bob, "Here I am.")
    expect(said(ann, "Here I am.")).to_be_visible()


def test_an_owner_leaves_to_another_who_dissolves_the_group(pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, _, bob_name = pair
    make_group(ann, "Tea", bob_name)
    ann.get_by_role("button", name="Members").click()
    ann.get_by_text("Leave or dissolve the group").click()
    ann.get_by_role("button", name="Leave", exact=True).click()
    expect(ann.get_by_text("You are no longer in this group.")).to_be_visible()
    bob.locator(".row", has_text="Tea").click()
    bob.get_by_role("button", name="Members").click()
    bob.get_by_text("Leave or dissolve the group").click()
    bob.get_by_role("button", name="Dissolve").click()
    expect(bob.get_by_text("You are no longer in this group.")).to_be_visible()


def test_who_comes_back_sees_what_changed_meanwhile(lines: Lines, pair: tuple[Page, Page, str, str]) -> None:
    _, bob, ann_name, bob_name = pair
    group = f"back-{bob_name}"
    ask(lines, ann_name, "POST", "/groups", {"groupID": group, "name": "Tea", "members": [bob_name]})
    first, second = (
        ask(lines, ann_name, "POST", "/messages/group", {"to": group, "content": text}) for text in ("milk", "sugar")
    )
    bob.locator(".row", has_text="Tea").click()
    expect(said(bob, "milk")).to_be_visible()
    expect(said(bob, "sugar")).to_be_visible()
    ask(lines, ann_name, "DELETE", f"/groups/{group}/members/{bob_name}")
    expect(bob.get_by_text("You are no longer in this group.")).to_be_visible()
    ask(lines, ann_name, "PATCH", f"/messages/{first['serverMsgID']}", {"content": "lemon"})
    ask(lines, ann_name, "POST", f"/messages/{second['serverMsgID']}/recall")
    ask(lines, ann_name, "PUT", f"/groups/{group}/members/{bob_name}")
    expect(bob.get_by_text("You are no longer in this group.")).to_have_count(0)
    bob.reload()
    connected(bob)
    bob.locator(".row", has_text="Tea").click()
    expect(said(bob, "lemon")).to_be_visible()
    expect(said(bob, "milk")).to_have_count(0)
    expect(said(bob, "sugar")).to_have_count(0)
