"""The road of a push to a browser, through a real server and a push service that reads as a browser does (A8, A9)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from roost.push.webpush import WebPushChannel
from tests.blackbox.house import Guest, House
from tests.blackbox.line import eventually
from tests.push.browsers import Browser, PushService, vapid_claims
from tests.push.certificates import make_tls
from tests.push.conftest import OpenHouse
from tests.push.road import Books


@pytest.fixture
async def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PushService]:
    """A push service on this machine, which the server is let call, and whose certificate it trusts."""
    tls = make_tls(tmp_path)

    class Nearby(WebPushChannel):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, verify=tls.client, loopback=True)

    monkeypatch.setattr("roost.push.webpush.WebPushChannel", Nearby)
    service = PushService()
    await service.start(tls)
    yield service
    await service.stop()


@pytest.fixture
async def house(open_house: OpenHouse, service: PushService) -> House:
    return await open_house(grace=0, webpush={"enabled": True, "subject": "mailto:ops@example.org"})


@pytest.fixture
def books(house: House) -> Books:
    return Books(house)


@pytest.fixture
async def ann(house: House) -> Guest:
    return await house.guest("ann")


@pytest.fixture
async def bob(house: House) -> Guest:
    return await house.guest("bob", "browser")


@pytest.fixture
def browser() -> Browser:
    return Browser()


def subscription(browser: Browser, endpoint: str) -> dict[str, Any]:
    """What an app posts: a `PushSubscription` as JSON, and its platform."""
    posted = msgspec.to_builtins(browser.address(endpoint))
    assert isinstance(posted, dict)
    return posted | {"expirationTime": None}


async def test_a_browser_hears_of_a_message(
    service: PushService, books: Books, ann: Guest, bob: Guest, browser: Browser
) -> None:
    assert (await bob.post("/devices", subscription(browser, service.endpoint()))).data["active"]
    sent = await ann.send(bob, "Are you there?")
    await eventually(books.settled)
    [request] = service.requests
    assert browser.read(request) == {
        "title": "ann",
        "body": "Are you there?",
        "badge": 1,
        "tag": "p:ann:bob",
        "conversationID": "p:ann:bob",
        "serverMsgID": sent["serverMsgID"],
        "seq": 1,
        "senderID": "ann",
    }
    assert books.attempts("bob") == [("sent", None)]


async def test_the_key_that_browsers_subscribe_with_is_the_one_that_signs(
    service: PushService, books: Books, ann: Guest, bob: Guest, browser: Browser
) -> None:
    key = (await bob.get("/devices/webpush-key")).data["publicKey"]
    await bob.post("/devices", subscription(browser, service.endpoint()))
    await ann.send(bob)
    await eventually(books.settled)
    claims = vapid_claims(service.requests[0], audience=f"https://localhost:{service.port}")
    assert (claims["key"], claims["sub"]) == (key, "mailto:ops@example.org")


async def test_a_subscription_that_is_no_more_is_removed(
    service: PushService, books: Books, ann: Guest, bob: Guest, browser: Browser
) -> None:
    await bob.post("/devices", subscription(browser, service.endpoint()))
    service.answer = (410, {}, b"")
    await ann.send(bob)
    await eventually(books.settled)
    assert [status for status, _ in books.attempts("bob")] == ["dead"]
    assert (await bob.devices())["browser"]["push"] == []


async def test_there_is_no_key_where_web_push_is_off(open_house: OpenHouse) -> None:
    guest = await (await open_house()).guest()
    assert (await guest.get("/devices/webpush-key")).refusal == (404, "not_found")


def without(*path: str) -> Any:
    def change(body: dict[str, Any]) -> None:
        for name in path[:-1]:
            body = body[name]
        del body[path[-1]]

    return change


def changed(**fields: Any) -> Any:
    return lambda body: body.update(fields)


def other_key(**keys: Any) -> Any:
    return lambda body: body["keys"].update(keys)


BAD = {
    "endpoint is missing": (without("endpoint"), "endpoint"),
    "endpoint is no address": (changed(endpoint="here"), "endpoint"),
    "endpoint without TLS": (changed(endpoint="http://push.example.org/1"), "endpoint"),
    "endpoint in a private network": (changed(endpoint="https://10.0.0.1/1"), "endpoint"),
    "endpoint on this machine": (changed(endpoint="https://[::1]/1"), "endpoint"),
    "endpoint with a password": (changed(endpoint="https://me:secret@push.example.org/1"), "endpoint"),
    "endpoint is too long": (changed(endpoint="https://push.example.org/" + "x" * 3000), "endpoint"),
    "endpoint is a number": (changed(endpoint=1), "endpoint"),
    "keys are missing": (without("keys"), "keys"),
    "keys are a word": (changed(keys="none"), "keys"),
    "p256dh is missing": (without("keys", "p256dh"), "p256dh"),
    "p256dh is no point": (other_key(p256dh="A" * 87), "p256dh"),
    "p256dh is not base64": (other_key(p256dh="?"), "p256dh"),
    "auth is missing": (without("keys", "auth"), "auth"),
    "auth is too short": (other_key(auth="AAAA"), "auth"),
    "platform is missing": (without("platform"), "platform"),
    "platform is unknown": (changed(platform="pigeon"), "platform"),
    "preview is a word": (changed(preview="yes"), "preview"),
    "muted is a number": (changed(muted=2), "muted"),
    "apns without a token": (changed(platform="apns"), "token"),
    "apns with an empty token": (changed(platform="apns", token=""), "token"),
    "fcm without a token": (changed(platform="fcm"), "token"),
    "email without an address": (changed(platform="email"), "email"),
    "email that is none": (changed(platform="email", email="bob"), "email"),
    "email with a line break": (changed(platform="email", email="bob@example.org\r\nBcc: eve@example.org"), "email"),
}


@pytest.mark.parametrize(("change", "named"), BAD.values(), ids=BAD.keys())
async def test_what_is_no_address_is_refused_by_name_and_changes_nothing(
    change: Any, named: str, service: PushService, bob: Guest, browser: Browser
) -> None:
    body = subscription(browser, service.endpoint())
    change(body)
    refused = await bob.post("/devices", body)
    assert refused.refusal == (400, "invalid_input")
    assert named in refused.body["message"]
    assert (await bob.devices())["browser"]["push"] == []
