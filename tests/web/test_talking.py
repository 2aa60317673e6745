"""Replies, mentions, forwarding and pins, on the page."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from roost.client.blocking import BlockingClient
from tests.web.conftest import Lines, choose, said, say, write_to


def make_group(page: Page, name: str, members: str) -> None:
    page.get_by_role("button", name="New group").click()
    page.get_by_label("Name of the group").fill(name)
    page.get_by_label("Members, separated by spaces").fill(members)
    page.get_by_role("button", name="Create").click()


def test_a_reply_shows_what_it_answers_and_leads_there(lines: Lines, pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, ann_name, bob_name = pair
    with BlockingClient(lines.server.url, token=lines.server.token(ann_name, "robot"), store=":memory:") as robot:
        for number in range(120):
            robot.send(bob_name, f"message {number}")
        robot.flush(60)
    bob.locator(".row", has_text=ann_name).click()
    expect(said(bob, "message 119")).to_be_visible()
    bob.locator("article", has_text="message 119").hover()
    bob.locator("article", has_text="message 119").get_by_role("button", name="Reply").click()
    expect(bob.locator(".answered")).to_contain_text("message 119")
    expect(bob.get_by_label("Write a message")).to_be_focused()
    bob.keyboard.press("Escape")
    expect(bob.locator(".answered")).to_have_count(0)
    bob.get_by_role("log").evaluate("(element) => (element.scrollTop = 0)")
    early = bob.locator("article", has_text="message 75").first
    early.scroll_into_view_if_needed()
    choose(bob, early, "Reply")
    say(bob, "that one")
    ann.locator(".row", has_text=bob_name).click()
    quote = ann.locator("article", has_text="that one").get_by_role(
        "button", name=f"In reply to {ann_name}: message 75"
    )
    expect(quote).to_be_visible()
    quote.click()
    expect(ann.locator("article", has_text="message 75").first).to_be_in_viewport()
    expect(ann.locator("article", has_text="message 75").first).to_be_focused()


def test_a_member_is_mentioned_with_the_keyboard_and_sees_it(pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, _, bob_name = pair
    make_group(ann, "Tea", bob_name)
    field = ann.get_by_label("Write a message")
    field.press_sequentially("Look, @bo")
    expect(ann.get_by_role("option")).to_have_text([f"B\n{bob_name}"], use_inner_text=True)
    field.press("Enter")
    expect(field).to_have_value(f"Look, @{bob_name} ")
    field.press_sequentially("here")
    field.press("Enter")
    expect(ann.locator("article .mention")).to_have_text(f"@{bob_name}")
    expect(bob.get_by_label("You are mentioned")).to_be_visible()
    bob.locator(".row", has_text="Tea").click()
    expect(bob.locator(".called .mention")).to_have_text(f"@{bob_name}")
    expect(bob.get_by_label("You are mentioned")).to_have_count(0)
    bob.get_by_label("Write a message").press_sequentially("@")
    expect(bob.get_by_role("option")).to_have_count(1)  # only ann: who is no admin can't call everybody


def test_a_message_is_forwarded_and_tells_whose_it_is(pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, ann_name, bob_name = pair
    make_group(bob, "Attic", ann_name)
    write_to(ann, bob_name, "The roof leaks.")
    bob.locator(".row", has_text=ann_name).click()
    choose(bob, bob.locator("article", has_text="The roof leaks."), "Forward")
    bob.get_by_role("dialog").get_by_role("button", name="Forward").click()
    expect(bob.get_by_role("alert")).to_have_text("Choose at least one conversation.")
    bob.get_by_label("Find").fill("att")
    bob.get_by_label("Attic").check()
    bob.get_by_role("dialog").get_by_role("button", name="Forward").click()
    expect(bob.get_by_role("dialog")).to_have_count(0)
    ann.locator(".row", has_text="Attic").click()
    expect(ann.locator("article .from")).to_have_text(f"Forwarded from {ann_name}")
    expect(said(ann, "The roof leaks.")).to_be_visible()


def test_pins_are_listed_and_lead_to_a_message_far_up(lines: Lines, pair: tuple[Page, Page, str, str]) -> None:
    ann, _, ann_name, bob_name = pair
    write_to(ann, bob_name, "the first of all")
    choose(ann, ann.locator("article", has_text="the first of all"), "Pin")
    expect(ann.locator("article .pinned")).to_have_text("pinned")
    with BlockingClient(lines.server.url, token=lines.server.token(ann_name, "robot"), store=":memory:") as robot:
        for number in range(400):
            robot.send(bob_name, f"message {number}")
        robot.flush(60)
    expect(said(ann, "message 399")).to_be_visible()
    ann.get_by_role("button", name="Pinned messages").click()
    ann.get_by_role("dialog").get_by_role("button", name="the first of all", exact=False).first.click()
    expect(said(ann, "the first of all")).to_be_in_viewport()
    ann.get_by_role("button", name="Jump to latest").click()
    expect(said(ann, "message 399")).to_be_in_viewport()
    ann.get_by_role("button", name="Pinned messages").click()
    ann.get_by_role("button", name="Unpin: the first of all").click()
    expect(ann.get_by_role("dialog")).to_contain_text("Nothing is pinned here.")


def test_on_a_phone_the_menu_is_within_the_screen(lines: Lines) -> None:
    page = lines.sign_in("ann.menu-phone", viewport={"width": 390, "height": 800}, has_touch=True)
    write_to(page, "ann.menu-phone", "a note to myself")
    page.locator("article").get_by_role("button", name="More").tap()
    menu = page.locator("#message-menu")
    expect(menu.get_by_role("button", name="Edit")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
