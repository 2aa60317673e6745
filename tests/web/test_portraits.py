"""Pictures of people and groups on the page: chosen, seen by others, taken away; letters where there are none."""

from __future__ import annotations

import io
import re

from PIL import Image
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.web.conftest import PATIENCE, Lines, said, say, write_to
from tests.web.test_accessible import findings
from tests.web.test_people import settings
from tests.web.test_talking import make_group

SQUARE = "image => image.complete && image.naturalWidth === 200 && image.naturalHeight === 200"


def photo(color: str = "teal") -> FilePayload:
    made = io.BytesIO()
    Image.new("RGB", (300, 200), color).save(made, "PNG")
    return {"name": "me.png", "mimeType": "image/png", "buffer": made.getvalue()}


def choose(page: Page, file: FilePayload) -> None:
    page.locator("dialog input[type=file]").set_input_files(file)


def shows_the_middle(image: Locator) -> None:
    """It is the picture's middle: a square of its shorter side. The first one waits for a decoder to begin."""
    expect(image).to_have_attribute("src", re.compile("^blob:"), timeout=PATIENCE)
    image.page.wait_for_function(SQUARE, arg=image.element_handle())


def test_a_picture_of_oneself_is_chosen_and_seen_by_others_until_it_is_taken_away(
    pair: tuple[Page, Page, str, str],
) -> None:
    ann, bob, _, bob_name = pair
    write_to(ann, bob_name, "hello")
    expect(ann.locator(".row .face")).to_have_text("B")
    settings(bob, "Edit your profile")
    choose(bob, {"name": "me.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(bob.get_by_text("This file is no picture")).to_be_visible()
    choose(bob, photo())
    shows_the_middle(bob.locator("dialog .face img"))
    assert findings(bob, "dialog") == []
    bob.get_by_role("button", name="Save").click()
    shows_the_middle(ann.locator(".row .face img"))
    shows_the_middle(ann.locator("header .face img"))
    ann.reload()
    shows_the_middle(ann.locator(".row .face img"))
    settings(bob, "Edit your profile")
    bob.get_by_role("button", name="Remove the picture").click()
    expect(bob.locator("dialog .face")).to_have_text("B")
    bob.get_by_role("button", name="Save").click()
    expect(ann.locator(".row .face")).to_have_text("B", timeout=PATIENCE)
    expect(ann.locator(".face img")).to_have_count(0)


def test_the_picture_of_a_group_is_seen_by_members_and_by_who_is_invited(
    lines: Lines, pair: tuple[Page, Page, str, str]
) -> None:
    ann, bob, ann_name, bob_name = pair
    make_group(ann, "Tea", bob_name)
    expect(ann.get_by_role("heading", name="Tea")).to_be_visible()
    say(ann, "The kettle is on.")
    bob.locator(".row", has_text="Tea").click()
    expect(said(bob, "The kettle is on.")).to_be_visible()
    settings(ann, "Edit your profile")
    choose(ann, photo("olive"))
    ann.get_by_role("button", name="Save").click()
    shows_the_middle(bob.locator("article .face img"))
    ann.get_by_role("button", name="Members").click()
    ann.locator("summary", has_text="Settings of the group").click()
    choose(ann, photo("navy"))
    ann.get_by_role("button", name="Save").click()
    shows_the_middle(ann.locator("dialog .face img").first)
    assert findings(ann, "dialog") == []
    shows_the_middle(bob.locator(".row .face img"))
    shows_the_middle(bob.locator("header .face img"))
    ann.get_by_role("button", name="Invite by link").click()
    link = ann.get_by_label("Whoever has this link").input_value()
    cat = lines.sign_in(f"cat{ann_name[3:]}")
    cat.evaluate("(link) => (location.href = link)", link)
    shows_the_middle(cat.locator("dialog .face img"))
    ann.get_by_role("button", name="Remove the picture").click()
    ann.get_by_role("button", name="Save").click()
    expect(bob.locator(".row .face")).to_have_text("T", timeout=PATIENCE)
