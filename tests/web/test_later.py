"""What is written now and sent later, here or on another device; and what is there for a time."""

from __future__ import annotations

import datetime as dt

from playwright.sync_api import Locator, Page, expect

from tests.web.conftest import Lines, said, say, write_to
from tests.web.test_accessible import findings
from tests.web.test_files import attach, picture
from tests.web.test_files import text as a_text

SOON = """async (text) => {
  const {client} = await import("/app/state.js");
  const {scheduledID} = (await client.value.scheduled()).find(({content}) => content === text);
  await client.value.reschedule(scheduledID, {sendTime: Date.now() + 500});
}"""
"""Has another device give it another time."""


def test_a_message_for_tomorrow_is_listed_and_can_be_taken_back(pair: tuple[Page, Page, str, str]) -> None:
    ann, _, _, bob_name = pair
    write_to(ann, bob_name)
    ann.get_by_label("Write a message").fill("Good morning")
    ann.get_by_role("button", name="Send later").click()
    dialog = ann.get_by_role("dialog")
    expect(dialog.get_by_label("Message")).to_have_value("Good morning")
    dialog.get_by_label("Send at").fill("2020-01-01T08:00")
    dialog.get_by_role("button", name="Send later").click()
    expect(dialog.get_by_role("alert").first).to_have_text("Choose a time to come.")
    tomorrow = dt.datetime.now() + dt.timedelta(days=1)  # noqa: DTZ005 - as a person reads the clock
    dialog.get_by_label("Send at").fill(tomorrow.strftime("%Y-%m-%dT08:00"))
    dialog.get_by_role("button", name="Send later").click()
    expect(dialog.get_by_role("listitem")).to_contain_text("Good morning")
    assert findings(ann, "dialog") == []
    dialog.get_by_role("button", name="Don't send: Good morning").click()
    expect(dialog.get_by_role("listitem")).to_have_count(0)
    ann.keyboard.press("Escape")
    expect(ann.get_by_role("button", name="Send later")).to_be_focused()
    expect(ann.get_by_label("Write a message")).to_have_value("")


def later(page: Page, *texts: str) -> Locator:
    """Schedules these for a day to come; the dialog."""
    page.get_by_role("button", name="Send later").click()
    dialog = page.get_by_role("dialog")
    for text in texts:
        dialog.get_by_label("Message").fill(text)
        dialog.get_by_label("Send at").fill(f"{dt.date.today().year + 1}-01-02T08:00")  # noqa: DTZ011 - as above
        dialog.get_by_role("button", name="Send later").click()
        expect(dialog.get_by_role("listitem").filter(has_text=text)).to_be_visible()
    return dialog


def test_what_waits_is_given_another_text_and_time(pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, ann_name, bob_name = pair
    write_to(ann, bob_name)
    dialog = later(ann, "Good mornin", "Evening")
    item = dialog.get_by_role("listitem").first
    item.get_by_role("button", name="Change: Good mornin").click()
    expect(item.get_by_label("New text")).to_be_focused()
    assert findings(ann, "dialog") == []
    item.get_by_label("New text").fill("Never mind")
    item.get_by_role("button", name="Cancel").click()
    expect(item).to_contain_text("Good mornin")
    expect(item.get_by_role("button", name="Change: Good mornin")).to_be_focused()
    item.get_by_role("button", name="Change: Good mornin").click()
    item.get_by_label("New text").fill("Good morning")
    item.get_by_label("Send at").fill("2020-01-01T08:00")
    item.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert").last).to_have_text("Choose a time to come.")
    soon = dt.datetime.now() + dt.timedelta(days=2)  # noqa: DTZ005 - as a person reads the clock
    item.get_by_label("Send at").fill(soon.strftime("%Y-%m-%dT09:30"))
    item.get_by_role("button", name="Save").click()
    changed = dialog.get_by_role("listitem").filter(has_text="Good morning")
    expect(changed).to_contain_text("09:30")
    expect(changed.get_by_role("button", name="Change: Good morning")).to_be_focused()
    expect(dialog.get_by_role("alert").last).to_have_text("")
    ann.evaluate(SOON, "Good morning")
    expect(bob.locator(".row", has_text=ann_name).locator(".preview")).to_have_text("Good morning")


def test_what_was_sent_meanwhile_is_not_changed_and_says_so(lines: Lines, pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, ann_name, bob_name = pair
    write_to(ann, bob_name)
    dialog = later(ann, "Good morning", "Evening")
    dialog.get_by_role("button", name="Change: Good morning").click()
    ann.evaluate(SOON, "Good morning")
    expect(bob.locator(".row", has_text=ann_name).locator(".preview")).to_have_text("Good morning")
    dialog.get_by_label("New text").fill("Good night")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert").last).to_have_text("It has been sent meanwhile, or is being sent.")
    expect(dialog.get_by_role("listitem")).to_have_count(1)
    expect(dialog.get_by_role("listitem")).to_contain_text("Evening")
    lines.complaints.clear()  # a refused request is on the console; the browser writes it there


def test_files_are_sent_later_too(pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, ann_name, bob_name = pair
    write_to(ann, bob_name)
    attach(ann, a_text(), picture())
    ann.get_by_role("button", name="Send later").click()
    dialog = ann.get_by_role("dialog")
    expect(dialog.locator(".tray li")).to_have_count(2)
    assert findings(ann, "dialog") == []
    dialog.get_by_label("Send at").fill(f"{dt.date.today().year + 1}-01-02T08:00")  # noqa: DTZ011 - as above
    dialog.get_by_role("button", name="Send later").click()
    item = dialog.locator(".pins li")
    expect(item).to_contain_text("files: 2")
    expect(ann.locator(".tray")).to_have_count(0)
    item.get_by_role("button", name="Change: files: 2").click()
    item.get_by_label("New text").fill("The boat, and what to buy")
    item.get_by_role("button", name="Save").click()
    expect(item).to_contain_text("The boat, and what to buy")
    ann.evaluate(SOON, "The boat, and what to buy")
    bob.locator(".row", has_text=ann_name).click()
    expect(said(bob, "The boat, and what to buy")).to_be_visible()
    expect(bob.get_by_role("img", name="boat.png")).to_be_visible()
    expect(bob.get_by_role("button", name="Save list.txt")).to_be_visible()


def test_what_is_there_for_a_time_says_so_and_goes_without_the_server(pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, ann_name, bob_name = pair
    write_to(ann, bob_name)
    ann.get_by_role("button", name="Send later").click()
    ann.get_by_label("What you send here disappears after").select_option("an hour")
    ann.keyboard.press("Escape")
    say(ann, "an hour of this")
    bob.locator(".row", has_text=ann_name).click()
    expect(bob.locator("article .expires")).to_contain_text("here until")
    ann.get_by_role("button", name="Keep what I send").click()
    say(ann, "for good")
    ann.evaluate(
        """async (to) => (await import("/app/state.js")).client.value.send(to, "a blink", {ttl: 2})""", bob_name
    )
    expect(said(bob, "a blink")).to_be_visible()
    bob.get_by_role("button", name="Go offline").click()
    expect(bob.locator("article .bubble").last).to_have_text("This message has disappeared.")
    expect(bob.locator("article .expires")).to_have_count(1)
    expect(bob.locator(".row .preview")).to_have_text("This message has disappeared.")


def test_what_was_begun_is_on_the_other_device_until_it_is_sent(
    lines: Lines, pair: tuple[Page, Page, str, str]
) -> None:
    laptop, _, ann_name, bob_name = pair
    write_to(laptop, bob_name, "hello")
    phone = lines.sign_in(ann_name, "phone", viewport={"width": 390, "height": 800})
    laptop.get_by_label("Write a message").fill("I was just about to")
    expect(phone.locator(".row .preview")).to_have_text("Draft: I was just about to")
    phone.locator(".row").click()
    field = phone.get_by_label("Write a message")
    expect(field).to_have_value("I was just about to")
    field.fill("I was just about to go")
    expect(laptop.get_by_label("Write a message")).to_have_value("I was just about to go", timeout=10_000)
    field.press("Enter")
    expect(laptop.get_by_label("Write a message")).to_have_value("", timeout=10_000)
    laptop.reload()
    expect(said(laptop, "I was just about to go")).to_be_visible()
    expect(laptop.get_by_label("Write a message")).to_have_value("")
