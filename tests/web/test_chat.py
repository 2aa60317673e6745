"""Two people chat on the page, as newcomers would: online, offline, in two tabs, in a group."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page, expect

from roost.client.blocking import BlockingClient
from tests.web.conftest import PASSWORD, PATIENCE, SENT, Lines, choose, connected, said, say, texts, write_to


def test_a_message_arrives_and_is_marked_as_sent(pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, ann_name, bob_name = pair
    write_to(ann, bob_name, "Are you there?")
    expect(ann.locator("article .mark")).to_have_text(SENT)
    bob.locator(".row", has_text=ann_name).click()
    expect(bob.locator("article .bubble")).to_have_text("Are you there?")
    say(bob, "Yes!")
    expect(ann.locator("article:not(.own) .bubble")).to_have_text("Yes!")


def test_unread_messages_are_counted_until_they_are_seen(pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, ann_name, bob_name = pair
    write_to(ann, bob_name, "one", "two", "three")
    expect(bob.locator(".row .badge")).to_have_text("3")
    expect(bob).to_have_title("(3) Roost")
    bob.locator(".row", has_text=ann_name).click()
    expect(bob.locator(".news")).to_be_visible()
    expect(bob.locator(".row .badge")).to_have_count(0)
    expect(bob).to_have_title("Roost")


def test_who_was_away_for_a_thousand_messages_has_each_once_and_in_order(
    lines: Lines, pair: tuple[Page, Page, str, str]
) -> None:
    _, bob, ann_name, bob_name = pair
    bob.get_by_role("button", name="Go offline").click()
    bob.wait_for_selector(".status.disconnected")
    with BlockingClient(lines.server.url, token=lines.server.token(ann_name, "robot"), store=":memory:") as robot:
        for number in range(1000):
            robot.send(bob_name, f"message {number}")
        robot.flush(60)
    bob.get_by_role("button", name="Go online").click()
    connected(bob)
    expect(bob.locator(".row .badge")).to_have_text("999+")
    bob.locator(".row", has_text=ann_name).click()
    expect(said(bob, "message 999")).to_be_visible()
    stored = bob.evaluate(
        """async (name) => {
            const { openDB } = await import("/sdk/vendor/idb.js");
            const found = (await indexedDB.databases()).find((one) => one.name.includes(name));
            const db = await openDB(found.name);
            const all = await db.getAllFromIndex("messages", "place");
            db.close();
            return all.map((one) => one.content);
        }""",
        bob_name,
    )
    assert stored == [f"message {number}" for number in range(1000)]


def test_scrolling_up_shows_what_is_older_and_stays_where_one_reads(
    lines: Lines, pair: tuple[Page, Page, str, str]
) -> None:
    _, bob, ann_name, bob_name = pair
    with BlockingClient(lines.server.url, token=lines.server.token(ann_name, "robot"), store=":memory:") as robot:
        for number in range(400):
            robot.send(bob_name, f"message {number}")
        robot.flush(60)
    bob.locator(".row", has_text=ann_name).click()
    expect(said(bob, "message 399")).to_be_visible()
    log = bob.get_by_role("log")
    for _ in range(40):
        log.evaluate("(element) => (element.scrollTop = 200)")
        bob.wait_for_timeout(30)
        if said(bob, "message 0").count():
            break
    log.evaluate("(element) => (element.scrollTop = 0)")
    expect(said(bob, "message 0")).to_be_in_viewport()
    shown = texts(bob)
    first = int(shown[0].split()[1])
    assert shown == [f"message {number}" for number in range(first, first + len(shown))]
    bob.get_by_role("button", name="Jump to latest").click()
    expect(said(bob, "message 399")).to_be_in_viewport()


def test_what_was_written_offline_outlives_a_reload_and_is_sent_once(pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, ann_name, bob_name = pair
    write_to(ann, bob_name, "hello")
    bob.locator(".row", has_text=ann_name).click()
    bob.get_by_role("button", name="Go offline").click()
    bob.wait_for_selector(".status.disconnected")
    say(bob, "written offline")
    expect(bob.locator("article.own .mark")).to_have_text("◷")
    bob.reload()
    connected(bob)
    expect(said(ann, "written offline")).to_have_count(1)
    expect(bob.locator("article.own .mark")).to_have_text(SENT)
    assert texts(bob) == ["hello", "written offline"]


def test_two_tabs_share_one_store_and_one_connection(lines: Lines, pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, ann_name, bob_name = pair
    second = lines.watched(bob.context.new_page())
    second.goto(lines.server.url)
    connected(second)
    write_to(ann, bob_name, "to both tabs")
    for tab in (bob, second):
        tab.locator(".row", has_text=ann_name).click()
        expect(said(tab, "to both tabs")).to_be_visible()
    say(second, "from the second tab")
    for tab in (ann, bob, second):
        expect(said(tab, "from the second tab")).to_have_count(1)
    bob.close()  # the tab with the connection goes; the other one takes it over
    say(ann, "still there?")
    expect(said(second, "still there?")).to_be_visible()


def test_a_group_is_made_and_everybody_reads_it(pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, _, bob_name = pair
    ann.get_by_role("button", name="New group").click()
    ann.get_by_label("Name of the group").fill("Tea")
    ann.get_by_label("Members, separated by spaces").fill(bob_name)
    ann.get_by_role("button", name="Create").click()
    say(ann, "The kettle is on.")
    bob.locator(".row", has_text="Tea").click()
    expect(said(bob, "The kettle is on.")).to_be_visible()
    bob.get_by_role("button", name="Members").click()
    expect(bob.locator("dialog .members li")).to_have_count(2)


def test_who_was_away_sees_what_was_edited_recalled_and_reacted_to(pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, ann_name, bob_name = pair
    write_to(ann, bob_name, "first", "second", "third")
    bob.locator(".row", has_text=ann_name).click()
    expect(said(bob, "third")).to_be_visible()
    bob.get_by_role("button", name="Go offline").click()
    bob.wait_for_selector(".status.disconnected")
    messages = ann.locator("article.own")
    choose(ann, messages.nth(0), "Edit")
    ann.get_by_label("New text").fill("first, but better")
    ann.get_by_role("button", name="Save").click()
    choose(ann, messages.nth(1), "Recall")
    messages.nth(2).hover()
    messages.nth(2).get_by_role("button", name="React with 👍").click()
    for page in (ann, bob):
        if page is bob:
            bob.get_by_role("button", name="Go online").click()
        expect(said(page, "first, but better")).to_be_visible()
        expect(said(page, "This message was recalled.")).to_be_visible()
        expect(page.locator(".reactions")).to_have_text("👍 1")
    assert texts(bob) == ["first, but better", "This message was recalled.", "third"]


def test_a_message_to_nobody_fails_and_can_be_discarded(lines: Lines, request: pytest.FixtureRequest) -> None:
    ann = lines.sign_in("ann.to-nobody")
    write_to(ann, "nobody.at-all", "hello?")
    expect(ann.locator(".failed .error")).to_contain_text("There is no user nobody.at-all.")
    ann.get_by_role("button", name="Discard").click()
    expect(ann.locator("article")).to_have_count(0)


def test_others_see_that_somebody_types_and_is_online(pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, ann_name, bob_name = pair
    write_to(ann, bob_name, "hello")
    bob.locator(".row", has_text=ann_name).click()
    bob.get_by_label("Write a message").press_sequentially("typing")
    expect(ann.locator(".typing")).to_have_text(f"{bob_name} is typing…")
    ann.reload()
    connected(ann)
    expect(ann.locator(".row .here")).to_be_visible()


def test_a_wrong_password_is_told(lines: Lines) -> None:
    lines.sign_up("ann.wrong-password")
    page = lines.device()
    page.get_by_label("User name").fill("ann.wrong-password")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).not_to_be_empty()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    connected(page)
    lines.complaints.clear()  # a refused request is on the console; the browser writes it there


def test_signing_out_ends_the_session_in_every_tab(lines: Lines) -> None:
    page = lines.sign_up("ann.signs-out")
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_signing_out_can_remove_what_is_stored(lines: Lines) -> None:
    page = lines.sign_up("ann.is-forgotten")
    write_to(page, "ann.is-forgotten", "a secret")
    expect(page.locator("article .mark")).to_have_text(SENT)
    stores = "async () => (await indexedDB.databases()).map((one) => one.name)"
    assert len(page.evaluate(stores)) == 1
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="remove what is stored here").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    end = time.monotonic() + PATIENCE / 1000
    while page.evaluate(stores) and time.monotonic() < end:
        page.wait_for_timeout(50)
    assert page.evaluate(stores) == []


def test_the_page_speaks_chinese(lines: Lines) -> None:
    page = lines.device(locale="zh-CN")
    expect(page.get_by_role("button", name="登录")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "zh"


def test_on_a_phone_one_half_is_shown_at_a_time(lines: Lines) -> None:
    page = lines.sign_in("ann.phone", viewport={"width": 390, "height": 800})
    write_to(page, "ann.phone", "a note to myself")
    expect(page.locator(".side")).to_be_hidden()
    page.get_by_role("button", name="Back to the conversations").click()
    expect(page.locator(".side")).to_be_visible()
    expect(page.locator(".thread")).to_be_hidden()
