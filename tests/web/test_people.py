"""People on the page: what they say of themselves, and whom one has blocked."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.web.conftest import Lines, said, say, write_to


def settings(page: Page, item: str) -> None:
    """Something from the settings."""
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("dialog").get_by_role("button", name=item).click()


def test_a_name_and_a_line_are_seen_by_others_at_once(pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, _, bob_name = pair
    write_to(ann, bob_name, "hello")
    settings(bob, "Edit your profile")
    bob.get_by_label("Name that others see").fill("Robert")
    bob.get_by_label("A line about you").fill("At sea")
    bob.get_by_role("button", name="Save").click()
    expect(ann.locator(".row .name")).to_have_text("Robert")
    ann.get_by_role("button", name="Robert", exact=True).click()
    dialog = ann.get_by_role("dialog", name="Robert")
    expect(dialog).to_contain_text(f"{bob_name} · online")
    expect(dialog).to_contain_text("At sea")
    ann.keyboard.press("Escape")
    expect(ann.get_by_role("button", name="Robert", exact=True)).to_be_focused()
    ann.reload()
    expect(ann.locator(".row .name")).to_have_text("Robert")


def test_who_wants_so_is_seen_online_by_nobody(pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, _, bob_name = pair
    write_to(ann, bob_name, "hello")
    expect(ann.locator(".row .here")).to_be_visible()
    settings(bob, "Edit your profile")
    bob.get_by_label("Who sees whether you are online").select_option("Nobody")
    bob.get_by_role("button", name="Save").click()
    expect(ann.locator(".row .here")).to_have_count(0)


def test_who_is_blocked_is_so_on_all_devices_until_it_is_taken_back(
    lines: Lines, pair: tuple[Page, Page, str, str]
) -> None:
    ann, bob, ann_name, bob_name = pair
    write_to(bob, ann_name, "hello")
    ann.locator(".row", has_text=bob_name).click()
    ann.get_by_role("button", name=bob_name, exact=True).click()
    ann.get_by_role("button", name="Block", exact=True).click()
    ann.keyboard.press("Escape")
    expect(ann.get_by_text(f"You have blocked {bob_name}.")).to_be_visible()
    say(bob, "Are you there?")
    expect(bob.get_by_text("not sent:")).to_be_visible()
    phone = lines.sign_in(ann_name, "phone")
    settings(phone, "Blocked people")
    phone.get_by_role("button", name=f"Unblock {bob_name}").click()
    expect(phone.get_by_text("You have blocked nobody.")).to_be_visible()
    expect(ann.get_by_label("Write a message")).to_be_visible()
    bob.get_by_role("button", name="Try again").click()
    expect(said(ann, "Are you there?")).to_be_visible()
