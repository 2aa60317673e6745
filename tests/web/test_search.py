"""Messages are found by their words, and lead to their places."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from roost.client.blocking import BlockingClient
from tests.web.conftest import Lines, said, write_to
from tests.web.test_accessible import findings


def test_a_message_is_found_and_shown_in_its_place(lines: Lines, pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, ann_name, bob_name = pair
    write_to(ann, bob_name, "The lighthouse keeper retires.")
    with BlockingClient(lines.server.url, token=lines.server.token(ann_name, "robot"), store=":memory:") as robot:
        for number in range(300):
            robot.send(bob_name, f"message {number}")
        robot.flush(60)
    expect(bob.locator(".row .badge")).to_have_text("301")
    field = bob.get_by_label("Search messages")
    for _ in range(20):  # what was just said is found a moment later
        field.fill("")
        field.fill("lighthou")
        bob.wait_for_timeout(700)
        if bob.locator(".hit").count():
            break
    expect(bob.locator(".hit mark")).to_have_text("lighthou")
    assert findings(bob) == []
    bob.locator(".hit").click()
    expect(said(bob, "The lighthouse keeper retires.")).to_be_in_viewport()
    field.fill("nothing of this kind")
    expect(bob.get_by_role("status").filter(has_text="Nothing found.")).to_be_visible()
    field.fill("")
    expect(bob.locator(".row", has_text=ann_name)).to_be_visible()
