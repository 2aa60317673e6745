"""Takes the pictures of the page that the documents show, into docs/images: a server, its people, Debian's Chromium."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps
from playwright.sync_api import Browser, Page, sync_playwright

from roost.client.blocking import BlockingClient
from roost.testing import LocalServer

IMAGES = Path(__file__).parents[1] / "docs" / "images"
DESKTOP, PHONE = {"width": 1100, "height": 720}, {"width": 390, "height": 780}
AWAY = 10_000
"""Messages that wait for who comes back in the picture of catching up."""

TALK = (
    ("mia", "The boat leaves at seven, doesn't it?"),
    ("jonas", "Half past six. I will be on the pier with the tickets."),
    ("mia", "Then I take the early train."),
    ("noor", "Somebody bring the blue rope, please. Mine is in Rotterdam."),
    ("jonas", "Got it.\nAnd two life jackets, one of them yours."),
    ("mia", "No reception on board, by the way. I read everything when we are back."),
)


def main() -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("Chromium is not installed: sh scripts/install_servers.sh chromium")
    with LocalServer() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        people = {name: device(browser, server.url, name) for name in ("mia", "jonas", "noor")}
        talk(people["mia"])
        for name, text in TALK:
            people[name].locator(".row", has_text="Saturday").first.click()
            say(people[name], text)
        dress(people)
        people["noor"].get_by_role("button", name="New conversation").click()
        people["noor"].get_by_label("Who do you want to write to?").fill("mia")
        people["noor"].get_by_role("button", name="Start").click()
        say(people["noor"], "Do you still have my charts?")
        take(people["mia"], "page-desktop.png")
        people["mia"].emulate_media(color_scheme="dark")
        take(people["mia"], "page-dark.png")
        people["jonas"].set_viewport_size(PHONE)
        take(people["jonas"], "page-phone.png")
        catching_up(people["mia"], server)
        operator(browser, server)
        browser.close()


def device(browser: Browser, url: str, name: str) -> Page:
    page = browser.new_context(viewport=DESKTOP, locale="en-GB", color_scheme="light").new_page()
    page.goto(url)
    page.get_by_role("button", name="I am new here").click()
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Create account").click()
    page.wait_for_selector(".status.connected")
    return page


def talk(page: Page) -> None:
    page.get_by_role("button", name="New group").click()
    page.get_by_label("Name of the group").fill("Saturday on the water")
    page.get_by_label("Members, separated by spaces").fill("jonas noor")
    page.get_by_role("button", name="Create").click()


def dress(people: dict[str, Page]) -> None:
    """A reply, a reaction, a mention, a picture and a pin."""
    jonas, mia, noor = (people[name] for name in ("jonas", "mia", "noor"))
    message = jonas.locator("article", has_text="No reception").last
    message.hover()
    message.get_by_role("button", name="Reply").click()
    jonas.get_by_label("Write a message").press_sequentially("Same here, @no")
    jonas.get_by_role("option").first.wait_for()
    jonas.get_by_label("Write a message").press("Enter")
    jonas.get_by_label("Write a message").press_sequentially("has the only radio.")
    jonas.get_by_label("Write a message").press("Enter")
    jonas.locator("article", has_text="blue rope").first.hover()
    jonas.locator("article", has_text="blue rope").first.get_by_role("button", name="React with 👍").click()
    tickets = mia.locator("article", has_text="with the tickets").first
    tickets.hover()
    tickets.get_by_role("button", name="More").click()
    mia.locator("#message-menu").get_by_role("button", name="Pin", exact=True).click()
    noor.locator('input[type="file"]').set_input_files(
        [{"name": "harbour.png", "mimeType": "image/png", "buffer": sunset()}]
    )
    say(noor, "This is where we meet.")
    mia.wait_for_selector('img[alt="harbour.png"][src^="blob:"]')
    mia.mouse.move(5, 300)
    for page in people.values():  # pointing at a message may have moved it into sight
        page.locator(".log").evaluate("(log) => (log.scrollTop = log.scrollHeight)")


def sunset() -> bytes:
    """A picture to be sent: the sea in the evening."""
    sky = Image.linear_gradient("L").resize((640, 300)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    evening = ImageOps.colorize(sky, (250, 196, 120), (52, 74, 130), (214, 120, 120))
    sea = ImageOps.colorize(Image.linear_gradient("L").resize((640, 120)), (120, 110, 140), (24, 40, 66))
    made = Image.new("RGB", (640, 420))
    made.paste(evening, (0, 0))
    made.paste(sea, (0, 300))
    pencil = ImageDraw.Draw(made)
    pencil.pieslice((270, 230, 370, 370), 180, 360, fill=(255, 232, 180))
    pencil.polygon(((470, 330), (470, 210), (540, 330)), fill=(245, 240, 232))
    pencil.polygon(((440, 338), (560, 338), (540, 358), (460, 358)), fill=(60, 40, 40))
    out = io.BytesIO()
    made.save(out, "PNG")
    return out.getvalue()


def operator(browser: Browser, server: LocalServer) -> None:
    """The operator's page of a server at work."""
    scopes = ("--scope", "metrics", "--scope", "audit", "--scope", "users:read")
    command = [sys.executable, "-m", "roost", "key", "create", "desk", *scopes]
    key = subprocess.run([*command, "--url", server.url, "--data", server.data], capture_output=True, check=True)
    page = browser.new_page(viewport={"width": 1100, "height": 860}, locale="en-GB", color_scheme="light")
    page.goto(server.url + "/admin")
    page.get_by_label("Key of a back end").fill(key.stdout.decode().strip())
    page.get_by_role("button", name="Look", exact=True).click()
    with BlockingClient(server.url, token=server.token("noor", "bridge"), store=":memory:") as noor:
        for number in range(24):
            for _ in range(60 + 50 * (number % 7)):
                noor.send("mia", "on course")
            noor.flush(60)
            page.wait_for_timeout(700)
    page.get_by_label("User", exact=True).fill("mia")
    page.get_by_role("button", name="Look up").click()
    page.get_by_role("cell").first.wait_for()
    page.evaluate("scrollTo(0, 0)")
    take(page, "page-admin.png")


def say(page: Page, text: str) -> None:
    page.get_by_label("Write a message").fill(text)
    page.get_by_label("Write a message").press("Enter")
    page.locator("article.own .mark", has_text="✓").last.wait_for()


def catching_up(page: Page, server: LocalServer) -> None:
    """Somebody comes back to what was sent meanwhile; the picture is taken on the way."""
    page.emulate_media(color_scheme="light")
    page.get_by_role("button", name="Go offline").click()
    page.wait_for_selector(".status.disconnected")
    with BlockingClient(server.url, token=server.token("noor", "bridge"), store=":memory:") as noor:
        for number in range(AWAY):
            noor.send("mia", f"position {number}: 53.{number % 10_000:04} N")
        noor.flush(120)
    page.get_by_role("button", name="Go online").click()
    page.wait_for_selector(".status progress")
    take(page, "page-catching-up.png", settle=150)


def take(page: Page, name: str, settle: int = 700) -> None:
    page.wait_for_timeout(settle)
    page.screenshot(path=IMAGES / name)


if __name__ == "__main__":
    main()
