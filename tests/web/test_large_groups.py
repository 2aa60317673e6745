"""A large group on the page: its members come in pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from roost.testing import LocalServer
from tests.web.conftest import Lines, said, say
from tests.web.test_talking import make_group


@pytest.fixture(scope="module")
def house() -> Iterator[LocalServer]:
    """Where groups of more than two are large."""
    with LocalServer(settings={"FANOUT__MAX_MEMBERS": "2"}) as server:
        yield server


def test_a_large_group_is_read_and_its_members_are_shown(lines: Lines, pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, ann_name, bob_name = pair
    cleo_name = bob_name.replace("bob", "cleo")
    lines.sign_in(cleo_name).close()
    make_group(ann, "Town", bob_name)
    ann.get_by_role("button", name="Members").click()
    ann.get_by_label("Add a member").fill(cleo_name)
    ann.get_by_role("button", name="Add", exact=True).click()
    expect(ann.locator("dialog .members li")).to_have_count(3)
    ann.get_by_label("Find").fill("CLEO.")
    expect(ann.locator("dialog .members li")).to_contain_text([cleo_name])
    ann.get_by_role("button", name="Close").click()
    say(ann, "Hear, hear")
    expect(ann.locator("article .mark")).to_have_accessible_name("sent")
    bob.locator(".row", has_text="Town").click()
    expect(said(bob, "Hear, hear")).to_be_visible()
    bob.get_by_label("Write a message").press_sequentially("@")
    expect(bob.get_by_role("option")).to_have_count(2)
    expect(bob.get_by_role("option", name=ann_name)).to_be_visible()
    bob.get_by_label("Write a message").fill("So it is")
    bob.get_by_label("Write a message").press("Enter")
    expect(said(ann, "So it is")).to_be_visible()
