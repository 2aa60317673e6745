"""Web Push on the page: the subscription is told to the server, and the service worker shows what comes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from roost.testing import LocalServer
from tests.web.conftest import Lines, connected

SUBSCRIBED = """if (location.protocol !== "about:") {
    // There is no push service here: this stands for the browser's own.
    const made = { endpoint: "https://push.example.org/send/1", options: {}, unsubscribe: async () => (gone(), true),
      toJSON: () => ({ endpoint: "https://push.example.org/send/1", keys: { auth: "%s", p256dh: "%s" } }) };
    let is = sessionStorage.subscribed ? made : null;
    const gone = () => ((is = null), sessionStorage.removeItem("subscribed"));
    PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
      sessionStorage.subscribed = applicationServerKey;
      return (is = made);
    };
    PushManager.prototype.getSubscription = async () => is;
}"""
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
"""Those of RFC 8291, appendix A."""


@pytest.fixture(scope="module")
def house() -> Iterator[LocalServer]:
    """One with Web Push; it is never asked to send anything."""
    settings = {
        "PUSH__WEBPUSH__ENABLED": "true",
        "PUSH__WEBPUSH__SUBJECT": "mailto:ops@example.org",
        "PUSH__GRACE": "600",
    }
    with LocalServer(settings=settings) as server:
        yield server


def subscribing(lines: Lines, name: str) -> Page:
    page = lines.sign_in(name, permissions=["notifications"])
    page.context.add_init_script(SUBSCRIBED % (AUTH, POINT))
    page.reload()
    connected(page)
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Notify me").click()
    expect(page.get_by_role("dialog")).to_contain_text("You are notified of new messages.")
    return page


def pushes(page: Page) -> list[str]:
    """The platforms by which the server reaches this device."""
    return list(
        page.evaluate(
            """async () => {
                const session = JSON.parse(localStorage.getItem(`roost:session:${location.origin}`));
                const headers = { Authorization: `Bearer ${session.token}` };
                const { data } = await (await fetch("/api/v1/devices", { headers })).json();
                return data.devices.flatMap((one) => one.push.map((address) => address.platform));
            }"""
        )
    )


def test_who_wants_to_be_notified_is_subscribed_until_it_is_taken_back(lines: Lines) -> None:
    page = subscribing(lines, "ann.subscribes")
    assert pushes(page) == ["webpush"]
    assert len(page.evaluate("sessionStorage.subscribed")) == 87  # the server's key: 65 bytes as base64url
    page.get_by_role("button", name="Notify me").click()
    expect(page.get_by_role("button", name="Notify me")).to_have_attribute("aria-pressed", "false")
    assert pushes(page) == []


def test_a_push_is_shown_by_the_service_worker_while_nobody_looks(lines: Lines) -> None:
    page = subscribing(lines, "ann.is-pushed")
    worker = page.context.new_cdp_session(page)
    seen: list[dict[str, str]] = []
    worker.on("ServiceWorker.workerRegistrationUpdated", lambda told: seen.extend(told["registrations"]))
    worker.send("ServiceWorker.enable")
    page.wait_for_timeout(300)
    pushed = {"title": "bob", "body": "Are you there?", "tag": "p:ann:bob", "badge": 1, "conversationID": "p:ann:bob"}
    origin = lines.server.url
    deliver = {"origin": origin, "registrationId": seen[0]["registrationId"], "data": json.dumps(pushed)}
    page.goto("about:blank")  # nobody looks at the page
    worker.send("ServiceWorker.deliverPushMessage", deliver)
    page.wait_for_timeout(500)
    page.goto(f"{origin}/app/roost.svg")
    shown: list[list[str]] = []
    for _ in range(100):  # a predicate of `wait_for_function` that is async would count as true at once
        shown = page.evaluate(
            """async () => {
                const shown = await (await navigator.serviceWorker.getRegistration()).getNotifications();
                return shown.map((one) => [one.title, one.body, one.data.conversationID]);
            }"""
        )
        if shown:
            break
        page.wait_for_timeout(100)
    assert shown == [["bob", "Are you there?", "p:ann:bob"]]
