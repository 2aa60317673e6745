"""Files on the page: chosen, pasted and dropped; sent, also what waited offline; seen and saved by others."""

from __future__ import annotations

import base64
import io

from PIL import Image
from playwright.sync_api import FilePayload, Page, expect

from tests.web.conftest import SENT, Lines, connected, said, say, write_to
from tests.web.test_accessible import findings


def picture(name: str = "boat.png", size: tuple[int, int] = (900, 600)) -> FilePayload:
    made = io.BytesIO()
    Image.linear_gradient("L").resize(size).save(made, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": made.getvalue()}


def text(name: str = "list.txt", content: bytes = b"milk, tea") -> FilePayload:
    return {"name": name, "mimeType": "text/plain", "buffer": content}


def attach(page: Page, *files: FilePayload) -> None:
    page.locator('input[type="file"]').set_input_files(list(files))


def test_a_picture_and_a_file_arrive_and_are_opened(pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, ann_name, bob_name = pair
    write_to(ann, bob_name)
    attach(ann, picture(), text())
    expect(ann.locator(".tray li")).to_have_count(2)
    say(ann, "The boat, and what to buy")
    expect(ann.locator("article .mark")).to_have_text(SENT)
    expect(ann.locator(".tray")).to_have_count(0)
    bob.locator(".row", has_text=ann_name).click()
    shown = bob.get_by_role("img", name="boat.png")
    expect(shown).to_be_visible()
    bob.wait_for_selector('img[alt="boat.png"][src^="blob:"]')
    assert shown.evaluate("(image) => [image.width, image.height]") == [320, 213]  # room for it is kept from the start
    bob.get_by_role("button", name="Look at boat.png").click()
    bob.wait_for_selector('dialog img[src^="blob:"]')
    expect(bob.get_by_role("dialog").get_by_role("button", name="Close")).to_be_visible()
    assert findings(bob) == []
    bob.keyboard.press("Escape")
    with bob.expect_download() as saved:
        bob.get_by_role("button", name="Save list.txt").click()
    assert saved.value.suggested_filename == "list.txt"
    assert saved.value.path().read_bytes() == b"milk, tea"


def test_files_that_wait_offline_outlive_a_reload_and_are_sent_once(pair: tuple[Page, Page, str, str]) -> None:
    ann, bob, ann_name, bob_name = pair
    write_to(ann, bob_name, "hello")
    expect(ann.locator("article .mark")).to_have_text(SENT)
    ann.get_by_role("button", name="Go offline").click()
    ann.wait_for_selector(".status.disconnected")
    attach(ann, picture("pier.png"))
    ann.get_by_role("button", name="Send", exact=True).click()
    say(ann, "a word without files")
    expect(ann.locator("article.own .mark")).to_have_text([SENT, "◷", "◷"])
    ann.reload()
    connected(ann)
    expect(ann.locator("article.own .mark")).to_have_text([SENT, SENT, SENT])
    bob.locator(".row", has_text=ann_name).click()
    expect(said(bob, "a word without files")).to_be_visible()
    expect(bob.get_by_role("img", name="pier.png")).to_have_count(1)
    expect(bob.locator("article")).to_have_count(3)


def test_files_are_pasted_and_dropped(lines: Lines) -> None:
    page = lines.sign_in("ann.pastes")
    write_to(page, "ann.pastes", "notes")
    data = base64.b64encode(picture()["buffer"]).decode()
    page.evaluate(
        """(data) => {
            const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
            const given = (name) => {
                const transfer = new DataTransfer();
                transfer.items.add(new File([bytes], name, { type: "image/png" }));
                return transfer;
            };
            const field = document.querySelector("textarea");
            const thread = document.querySelector(".thread");
            const bubbles = { bubbles: true, cancelable: true };
            field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: given("pasted.png"), ...bubbles }));
            thread.dispatchEvent(new DragEvent("dragover", { dataTransfer: given("dropped.png"), ...bubbles }));
            thread.dispatchEvent(new DragEvent("drop", { dataTransfer: given("dropped.png"), ...bubbles }));
        }""",
        data,
    )
    expect(page.locator(".tray li")).to_contain_text(["pasted.png", "dropped.png"])
    page.get_by_role("button", name="Remove pasted.png").click()
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("button", name="Look at dropped.png")).to_be_visible()


def test_a_file_that_is_refused_says_why_and_can_be_given_up(lines: Lines) -> None:
    page = lines.sign_in("ann.refused-file")
    write_to(page, "ann.refused-file", "notes")
    huge = io.BytesIO()
    Image.new("1", (20_000, 10_000)).save(huge, "PNG")
    attach(page, {"name": "huge.png", "mimeType": "image/png", "buffer": huge.getvalue()})
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".failed .error")).to_contain_text("pixels")
    page.get_by_role("button", name="Discard").click()
    expect(page.locator("article")).to_have_count(1)
    lines.complaints.clear()  # a refused request is on the console; the browser writes it there
