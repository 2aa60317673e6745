"""No screen of the page has a serious or critical finding of axe-core, in the light and in the dark."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.web.conftest import Lines, choose, connected, said, say, write_to

RULES = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
CONTRAST = {"resultTypes": ["violations"], "runOnly": {"type": "rule", "values": ["color-contrast"]}}
"""All that the dark may have of its own."""


def findings(page: Page, place: str = "html") -> list[str]:
    """What axe finds that is serious, each with the element it is about, in the light and in the dark.

    `place`: where to look.
    """
    if page.evaluate("window.axe === undefined"):
        # Taken in from outside the page, as a developer's console does: the content security policy stays in force.
        page.evaluate(Axe().axe_script)
    found = _run(page, place, RULES)
    page.emulate_media(color_scheme="dark")
    found += [f"in the dark: {one}" for one in _run(page, place, CONTRAST)]
    page.emulate_media(color_scheme="light")
    return found


def _run(page: Page, place: str, rules: dict[str, Any]) -> list[str]:
    report: dict[str, Any] = page.evaluate("([place, rules]) => axe.run(place, rules)", [place, rules])
    return [
        f"{finding['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
        for finding in report["violations"]
        if finding["impact"] in {"serious", "critical"}
        for node in finding["nodes"]
    ]


def test_axe_finds_what_is_wrong(lines: Lines) -> None:
    page = lines.device()
    page.evaluate("document.querySelector('input').closest('label').replaceWith(document.querySelector('input'))")
    assert any(finding.startswith("label:") for finding in findings(page))


def test_signing_in(lines: Lines) -> None:
    page = lines.device()
    assert findings(page) == []


def test_a_conversation_and_its_dialogs(lines: Lines) -> None:
    ann, bob = "ann.axe", "bob.axe"
    other = lines.sign_in(bob)
    page = lines.sign_in(ann)
    assert findings(page) == []  # nothing there yet
    write_to(page, bob, "one", "two")
    other.locator(".row", has_text=ann).click()
    say(other, "three")
    expect(said(page, "three")).to_be_visible()
    page.locator("article").first.hover()
    page.locator("article").first.get_by_role("button", name="React with 👍").click()
    expect(page.locator(".reactions")).to_be_visible()
    choose(page, page.locator("article").nth(1), "Reply")
    choose(page, page.locator("article").nth(2), "Pin")
    expect(page.locator(".pinned")).to_be_visible()
    say(page, "answered")
    expect(page.locator("button.quote")).to_be_visible()
    page.locator("article").nth(2).get_by_role("button", name="More").click()
    assert findings(page) == []
    page.keyboard.press("Escape")
    own = page.locator("article").nth(1)
    for item in ("Forward", "Edit", "Who has read it"):
        choose(page, own, item)
        expect(page.locator("dialog h2")).to_be_visible()
        assert findings(page, "dialog") == [], item
        page.keyboard.press("Escape")
        expect(own.get_by_role("button", name="More")).to_be_focused()
    for name in ("New conversation", "New group", "Settings", "Pinned messages", bob):
        opener = page.get_by_role("button", name=name, exact=True)
        opener.click()
        assert findings(page, "dialog") == [], name
        page.get_by_role("button", name="Close").click()
        expect(opener).to_be_focused()
    for name in ("Edit your profile", "Blocked people"):
        page.get_by_role("button", name="Settings").click()
        page.get_by_role("dialog").get_by_role("button", name=name).click()
        expect(page.get_by_role("dialog", name=name.replace("Edit your p", "P"))).to_be_visible()
        assert findings(page, "dialog") == [], name
        page.keyboard.press("Escape")


def test_a_group_offline_on_a_phone(lines: Lines) -> None:
    page = lines.sign_in("ann.axe-group", viewport={"width": 390, "height": 800})
    page.get_by_role("button", name="New group").click()
    page.get_by_label("Name of the group").fill("Tea")
    page.get_by_role("button", name="Create").click()
    page.get_by_label("Write a message").press_sequentially("@")
    expect(page.get_by_role("option")).to_have_count(1)  # everybody
    assert findings(page) == []
    say(page, "The kettle is on.")
    page.locator("article").get_by_role("button", name="More").click()
    expect(page.locator("#message-menu").get_by_role("button", name="Edit")).to_be_visible()
    assert findings(page, "#message-menu") == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Members").click()
    page.get_by_text("Leave or dissolve the group").click()
    assert findings(page, "dialog") == []
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Send later").click()
    assert findings(page, "dialog") == []
    expect(page.get_by_role("dialog").get_by_role("button", name="Send later")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Back to the conversations").click()
    page.get_by_role("button", name="Go offline").click()
    page.wait_for_selector(".status.disconnected")
    page.locator(".row", has_text="Tea").click()
    say(page, "Written offline.")
    expect(page.locator("article.own .mark").last).to_have_text("◷")
    assert findings(page) == []
    page.get_by_role("button", name="Back to the conversations").click()
    page.get_by_role("button", name="Go online").click()
    connected(page)


def test_what_breaks_the_content_security_policy_is_complained_of(lines: Lines) -> None:
    page = lines.device()
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.bad = 1'}))")
    page.evaluate("() => fetch('http://127.0.0.1:9/').catch(() => {})")
    assert page.evaluate("window.bad") is None
    assert len([said for said in lines.complaints if "Content Security Policy" in said]) >= 2
    lines.complaints.clear()
