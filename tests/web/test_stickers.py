"""Stickers on the page: pictures of hosts that the operator lets in, and the emoji of all others."""

from __future__ import annotations

import io
import json
import urllib.request

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from roost.testing import LocalServer
from tests.web.conftest import IMAGES, write_to
from tests.web.test_accessible import findings

STICKERS = (
    {"stickerID": "wave", "emoji": "👋", "url": f"{IMAGES}/wave.png"},
    {"stickerID": "gone", "emoji": "🫥", "url": f"{IMAGES}/gone.png"},
    {"stickerID": "elsewhere", "emoji": "🐈", "url": "https://elsewhere.example/cat.png"},
)


@pytest.fixture(scope="module", autouse=True)
def pack(house: LocalServer) -> None:
    """On the server. Playwright's loop runs in this thread: no client of ours can."""
    body = json.dumps({"name": "Hello", "stickers": STICKERS}).encode()
    headers = {"Authorization": f"Bearer {house.key('stickers')}", "Content-Type": "application/json"}
    asked = urllib.request.Request(f"{house.url}/api/v1/admin/stickers/hello", body, headers, method="PUT")  # noqa: S310
    urllib.request.urlopen(asked).close()  # noqa: S310


def picture(route: Route) -> None:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(file, "PNG")
    route.fulfill(body=file.getvalue(), content_type="image/png")


def test_a_sticker_is_a_picture_where_its_host_is_let_in_and_else_its_emoji(pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, ann_name, bob_name = pair
    for page in (ann, bob):
        page.context.route(f"{IMAGES}/wave.png", picture)
        page.context.route(
            f"{IMAGES}/gone.png", lambda route: route.fulfill(body="no picture", content_type="image/png")
        )
    write_to(ann, bob_name)
    for name in ("wave 👋", "gone 🫥", "elsewhere 🐈"):
        ann.get_by_role("button", name="Stickers").click()
        ann.get_by_role("dialog").get_by_role("button", name=name).click()
    bob.locator(".row", has_text=ann_name).click()
    for page in (ann, bob):
        expect(page.locator("article span.sticker")).to_have_text(["🫥", "🐈"])
        expect(page.locator("article img.sticker")).to_have_attribute("alt", "👋")
    expect(bob.locator(".row .preview")).to_have_text("🐈")
    ann.get_by_role("button", name="Stickers").click()
    assert findings(ann, "dialog") == []
    ann.keyboard.press("Escape")
    ann.evaluate(
        """async (avatar) => (await import("/app/state.js")).client.value.setProfile({avatar})""", f"{IMAGES}/wave.png"
    )
    expect(bob.locator(".row .face img")).to_be_visible()
