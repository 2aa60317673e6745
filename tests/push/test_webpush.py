"""Web Push against a push service that reads as a browser does."""

from __future__ import annotations

import asyncio
import base64
import socket
import stat
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import formatdate
from ipaddress import ip_address
from pathlib import Path

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from roost.config import ConfigError
from roost.config import WebPush as Settings
from roost.errors import InvalidInput
from roost.push.addresses import check_webpush, is_public, subscriber
from roost.push.contract import Dead, Failed, Keys, Notification, Retry, Sent, WebPush
from roost.push.vapid import base64url, load_or_make_key, public_point
from roost.push.webpush import LARGEST_PAYLOAD, WebPushChannel
from tests.push.browsers import Browser, PushService, vapid_claims
from tests.push.certificates import Tls, make_tls
from tests.push.notifications import HOUR, LONG_TEXTS, notification, trial

SETTINGS = Settings(enabled=True, subject="mailto:ops@example.org")


def now() -> int:
    return time.time_ns() // 1_000_000


def note(**changes: object) -> Notification:
    """A notification that is worth an hour from now: tokens and dates are verified by the clock on the wall."""
    return notification(**({"expires_at": now() + HOUR} | changes))


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    return make_tls(tmp_path, "push.test")


@pytest.fixture
async def service(tls: Tls) -> AsyncIterator[PushService]:
    service = PushService()
    await service.start(tls)
    yield service
    await service.stop()


Open = Callable[..., WebPushChannel]


@pytest.fixture
async def open_channel(tls: Tls, tmp_path: Path) -> AsyncIterator[Open]:
    """Channels that trust the push service; they call this machine unless told otherwise."""
    opened: list[WebPushChannel] = []

    def open_one(settings: Settings = SETTINGS, *, loopback: bool = True, timeout: float = 20.0) -> WebPushChannel:
        channel = WebPushChannel(
            settings, tmp_path / "data", now, timeout=timeout, verify=tls.client, loopback=loopback
        )
        opened.append(channel)
        return channel

    yield open_one
    for channel in opened:
        await channel.close()


@pytest.fixture
def channel(open_channel: Open) -> WebPushChannel:
    return open_channel()


@pytest.fixture
def browser() -> Browser:
    return Browser()


Answered = Callable[..., Awaitable[object]]


@pytest.fixture
def answered(channel: WebPushChannel, service: PushService, browser: Browser) -> Answered:
    """The outcome of a push that the service answers so."""

    async def answer(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> object:
        service.answer = (status, headers or {}, body)
        return await channel.send(browser.address(service.endpoint()), note())

    return answer


# --- what arrives ---


async def test_the_browser_reads_what_was_sent(channel: WebPushChannel, service: PushService, browser: Browser) -> None:
    await channel.send(browser.address(service.endpoint()), note())

    assert browser.read(service.requests[0]) == {
        "title": "Ann",
        "body": "hello",
        "badge": 3,
        "tag": "p:ann:ben",
        "conversationID": "p:ann:ben",
        "serverMsgID": "01K0",
        "seq": 41,
        "senderID": "ann",
    }


async def test_a_test_push_names_no_message(channel: WebPushChannel, service: PushService, browser: Browser) -> None:
    await channel.send(browser.address(service.endpoint()), trial())

    assert browser.read(service.requests[0]) == {"title": "Roost", "body": "It works.", "badge": 0, "tag": ""}
    assert "topic" not in service.requests[0].headers


async def test_it_is_posted_to_the_endpoint_as_rfc_8030_wants_it(
    channel: WebPushChannel, service: PushService, browser: Browser
) -> None:
    await channel.send(browser.address(service.endpoint()), note(expires_at=now() + HOUR))

    request = service.requests[0]
    assert request.path == "/push/abc?d=1"
    assert request.headers["host"] == f"localhost:{service.port}"
    assert request.headers["content-encoding"] == "aes128gcm"
    assert request.headers["urgency"] == "high"
    assert 3500 < int(request.headers["ttl"]) <= 3600


async def test_news_that_has_expired_has_no_ttl_left(
    channel: WebPushChannel, service: PushService, browser: Browser
) -> None:
    await channel.send(browser.address(service.endpoint()), note(expires_at=now() - HOUR))

    assert service.requests[0].headers["ttl"] == "0"


async def test_the_server_is_known_by_its_key_to_the_service_of_the_endpoint(
    channel: WebPushChannel, service: PushService, browser: Browser
) -> None:
    await channel.send(browser.address(service.endpoint()), note())

    claims = vapid_claims(service.requests[0], audience=f"https://localhost:{service.port}")
    assert claims["sub"] == "mailto:ops@example.org"
    assert claims["key"] == channel.vapid.public_key
    assert 0 < claims["exp"] - time.time() <= 86400


def test_the_port_that_https_has_anyway_is_no_part_of_the_audience(browser: Browser) -> None:
    assert subscriber(browser.address("https://Push.Example:443/x")).origin == "https://push.example"


async def test_the_topic_is_the_same_for_what_replaces_each_other_and_tells_nothing(
    channel: WebPushChannel, service: PushService, browser: Browser
) -> None:
    addresses = [browser.address(service.endpoint()), Browser().address(service.endpoint())]
    await channel.send(addresses[0], note())
    await channel.send(addresses[0], note(body="Another"))
    await channel.send(addresses[0], note(collapse="g:team"))
    await channel.send(addresses[1], note())

    first, again, other, elsewhere = (request.headers["topic"] for request in service.requests)
    assert first == again
    assert len({first, other, elsewhere}) == 3
    assert len(base64.urlsafe_b64decode(first)) == 24


@pytest.mark.parametrize("body", LONG_TEXTS.values(), ids=LONG_TEXTS)
async def test_a_long_body_is_cut_between_characters_and_fits(
    body: str, channel: WebPushChannel, service: PushService, browser: Browser
) -> None:
    await channel.send(browser.address(service.endpoint()), note(body=body))

    read = browser.read(service.requests[0])
    assert body.startswith(read["body"].removesuffix("…"))
    assert LARGEST_PAYLOAD - 16 < len(msgspec.json.encode(read)) <= LARGEST_PAYLOAD
    assert len(service.requests[0].body) <= 4096


async def test_one_connection_carries_many_pushes(
    channel: WebPushChannel, service: PushService, browser: Browser
) -> None:
    for _ in range(5):
        assert isinstance(await channel.send(browser.address(service.endpoint()), note()), Sent)

    assert (len(service.requests), service.connections) == (5, 1)


async def test_many_pushes_at_once_all_arrive(channel: WebPushChannel, service: PushService, browser: Browser) -> None:
    address = browser.address(service.endpoint())
    outcomes = await asyncio.gather(*(channel.send(address, note(badge=n)) for n in range(30)))

    assert outcomes == [Sent("/messages/1")] * 30
    assert {browser.read(request)["badge"] for request in service.requests} == set(range(30))


# --- what the service answers ---


@pytest.mark.parametrize("status", [200, 201, 202])
async def test_accepted_is_sent_with_the_address_of_the_message(status: int, answered: Answered) -> None:
    assert await answered(status, {"Location": "https://push.example/m/1"}) == Sent("https://push.example/m/1")


@pytest.mark.parametrize("status", [404, 410])
async def test_a_subscription_that_is_no_more_is_dead(status: int, answered: Answered) -> None:
    assert await answered(status, body=b"gone\n") == Dead(f"{status} gone")


@pytest.mark.parametrize("status", [400, 401, 403, 413, 422])
async def test_a_refusal_is_failed_and_keeps_the_address(status: int, answered: Answered) -> None:
    assert await answered(status, body=b"no") == Failed(f"{status} no")


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_service_in_trouble_is_tried_again(status: int, answered: Answered) -> None:
    assert await answered(status) == Retry(f"{status}", None)


async def test_the_service_says_how_many_seconds_to_wait(answered: Answered) -> None:
    assert await answered(429, {"Retry-After": "120"}) == Retry("429", 120.0)


async def test_the_service_says_until_when_to_wait(answered: Answered) -> None:
    outcome = await answered(503, {"Retry-After": formatdate(time.time() + 100, usegmt=True)})

    assert isinstance(outcome, Retry)
    assert outcome.after is not None
    assert 50 < outcome.after <= 100


async def test_a_redirect_is_not_followed(service: PushService, answered: Answered) -> None:
    outcome = await answered(307, {"Location": service.endpoint()})

    assert isinstance(outcome, Failed)
    assert len(service.requests) == 1


async def test_of_an_endless_answer_only_the_beginning_is_read(answered: Answered) -> None:
    assert isinstance(await answered(400, {"Content-Length": "1000000000"}, b"no " * 1000), Failed)


async def test_a_refusal_fits_one_line_of_the_log(answered: Answered) -> None:
    outcome = await answered(400, body=b"\x1b[31mno\r\n" * 500)

    assert isinstance(outcome, Failed)
    assert len(outcome.reason) <= 300
    assert outcome.reason.isprintable()


# --- what the network does ---


async def test_a_service_that_does_not_answer_is_tried_again(
    open_channel: Open, service: PushService, browser: Browser
) -> None:
    service.answer = None
    outcome = await open_channel(timeout=0.3).send(browser.address(service.endpoint()), note())

    assert outcome == Retry("no answer within 0.3 s")


async def test_a_service_that_is_away_is_tried_again_and_found_when_it_is_back(
    channel: WebPushChannel, service: PushService, browser: Browser, tls: Tls
) -> None:
    address = browser.address(service.endpoint())
    await channel.send(address, note())
    await service.stop()

    assert isinstance(await channel.send(address, note()), Retry)

    await service.start(tls, service.port)
    assert isinstance(await channel.send(address, note()), Sent)


async def test_a_certificate_of_somebody_else_is_not_spoken_to(
    tmp_path: Path, service: PushService, browser: Browser
) -> None:
    channel = WebPushChannel(SETTINGS, tmp_path, now, loopback=True)

    assert isinstance(await channel.send(browser.address(service.endpoint()), note()), Retry)
    assert service.requests == []
    await channel.close()


async def test_a_name_that_is_not_known_is_tried_again(channel: WebPushChannel, browser: Browser) -> None:
    assert isinstance(await channel.send(browser.address("https://nobody.invalid/x"), note()), Retry)


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".org"])
async def test_a_name_that_can_t_be_one_breaks_nothing(host: str, channel: WebPushChannel, browser: Browser) -> None:
    assert isinstance(await channel.send(browser.address(f"https://{host}/x"), note()), Retry)


# --- where it does not go ---


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"],  # noqa: S104
)
async def test_this_machine_is_never_called(
    host: str, open_channel: Open, service: PushService, browser: Browser
) -> None:
    outcome = await open_channel(loopback=False).send(browser.address(service.endpoint(host)), note())

    assert isinstance(outcome, Failed)
    assert "public internet" in outcome.reason
    assert service.connections == 0


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.1.1", "169.254.169.254", "[fd00::1]", "[fe80::1]"])
async def test_no_private_network_is_called_not_even_in_tests(
    host: str, channel: WebPushChannel, browser: Browser
) -> None:
    outcome = await channel.send(browser.address(f"https://{host}/x"), note())

    assert isinstance(outcome, Failed)
    assert "public internet" in outcome.reason


class Resolver:
    """Answers for `push.test` with the next of some answers, the last again and again."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        self.asked += 1
        numbers = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, port)) for number in numbers]


async def test_the_number_that_was_judged_is_the_one_that_is_called(
    monkeypatch: pytest.MonkeyPatch, channel: WebPushChannel, service: PushService, browser: Browser
) -> None:
    """A name server that changes its mind between the two is asked only once."""
    resolver = Resolver(["127.0.0.1"], ["10.0.0.1"])
    monkeypatch.setattr(socket, "getaddrinfo", resolver)

    assert isinstance(await channel.send(browser.address(service.endpoint("push.test")), note()), Sent)
    assert resolver.asked == 1


async def test_a_name_with_one_private_number_is_not_called_at_all(
    monkeypatch: pytest.MonkeyPatch, channel: WebPushChannel, service: PushService, browser: Browser
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(["127.0.0.1", "10.0.0.1"]))

    assert isinstance(await channel.send(browser.address(service.endpoint("push.test")), note()), Failed)
    assert service.connections == 0


async def test_where_one_number_of_a_name_is_down_the_next_is_tried(
    monkeypatch: pytest.MonkeyPatch, channel: WebPushChannel, service: PushService, browser: Browser
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(["127.0.0.2", "127.0.0.1"]))

    assert isinstance(await channel.send(browser.address(service.endpoint("push.test")), note()), Sent)


@pytest.mark.parametrize(
    "number",
    [
        "0.0.0.0",  # noqa: S104
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.53",
        "169.254.169.254",
        "172.31.0.1",
        "192.168.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:10.0.0.1",
        "2002:0a00:0001::1",
        "2001:db8::1",
        "64:ff9b::a9fe:a9fe",
        "fc00::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_numbers_that_are_not_of_the_internet(number: str) -> None:
    assert not is_public(ip_address(number))


@pytest.mark.parametrize(
    "number", ["1.1.1.1", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1"]
)
def test_numbers_of_the_internet(number: str) -> None:
    assert is_public(ip_address(number))


# --- which addresses are taken ---


def test_a_subscription_of_a_browser_is_taken(browser: Browser) -> None:
    check_webpush(browser.address("https://fcm.googleapis.com/fcm/send/dQ:APA91b-_x"))
    check_webpush(browser.address("https://wns2.example.com/w/?token=BQ%3d%3d&x=1"))


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "http://push.example/x",
        "ftp://push.example/x",
        "https://",
        "https:///x",
        "https://ann@push.example/x",
        "https://push.example\\@evil.example/x",
        "https://push.example/x y",
        "https://push.example/\r\nHost: x",
        "https://push.example:99999/x",
        "https://[::1/x",
        "https://müller.example/x",
        "https://push.example/x#y",
        "https://push.example/" + "x" * 2048,
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://169.254.169.254/latest/meta-data",
    ],
)
def test_an_endpoint_that_is_no_public_https_address_is_refused(endpoint: str, browser: Browser) -> None:
    with pytest.raises(InvalidInput, match="endpoint"):
        check_webpush(browser.address(endpoint))


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"p256dh": ""}, "p256dh"),
        ({"p256dh": "not base64!"}, "p256dh"),
        ({"p256dh": "ü"}, "p256dh"),
        ({"p256dh": base64url(b"\x04" + bytes(64))}, "p256dh"),  # no point of the curve
        ({"p256dh": base64url(bytes(65))}, "p256dh"),
        ({"p256dh": base64url(public_point(ec.generate_private_key(ec.SECP256K1()).public_key()))}, "p256dh"),
        ({"p256dh": base64url(public_point(ec.generate_private_key(ec.SECP384R1()).public_key()))}, "p256dh"),
        ({"auth": ""}, "auth"),
        ({"auth": base64url(bytes(15))}, "auth"),
        ({"auth": base64url(bytes(17))}, "auth"),
    ],
)
async def test_keys_that_no_browser_has_are_refused_and_never_used(
    keys: dict[str, str], named: str, browser: Browser, channel: WebPushChannel, service: PushService
) -> None:
    good = browser.address(service.endpoint())
    bad = WebPush(endpoint=good.endpoint, keys=msgspec.structs.replace(good.keys, **keys))

    with pytest.raises(InvalidInput, match=named):
        check_webpush(bad)
    assert isinstance(await channel.send(bad, note()), Dead)
    assert service.connections == 0


async def test_keys_in_the_other_alphabet_and_with_padding_are_taken(
    browser: Browser, channel: WebPushChannel, service: PushService
) -> None:
    good = browser.address(service.endpoint())

    def respelled(text: str) -> str:
        return text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)

    keys = Keys(p256dh=respelled(good.keys.p256dh), auth=respelled(good.keys.auth))
    await channel.send(WebPush(endpoint=good.endpoint, keys=keys), note())

    assert browser.read(service.requests[0])["title"] == "Ann"


# --- the key ---


def test_the_key_is_made_once_readable_by_its_owner_alone(open_channel: Open, tmp_path: Path) -> None:
    first, second = open_channel(), open_channel()

    assert first.vapid.public_key == second.vapid.public_key
    assert stat.S_IMODE((tmp_path / "data" / "vapid.pem").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["vapid.pem"]


def test_the_public_key_is_what_a_browser_subscribes_with(channel: WebPushChannel) -> None:
    point = base64.urlsafe_b64decode(channel.vapid.public_key + "=")

    assert len(point) == 65
    assert ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def test_a_key_outside_the_data_directory_is_used_where_it_is(open_channel: Open, tmp_path: Path) -> None:
    key = load_or_make_key(tmp_path / "elsewhere" / "key.pem")
    channel = open_channel(Settings(subject="mailto:a@b.org", key_file=str(tmp_path / "elsewhere" / "key.pem")))

    token = channel.vapid.authorization("https://push.example", now()).split("t=")[1].split(",")[0]
    assert jwt.decode(token, key.public_key(), algorithms=["ES256"], audience="https://push.example")


@pytest.mark.parametrize("content", ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_key_file_with_something_else_is_an_error_and_stays(content: str, open_channel: Open, tmp_path: Path) -> None:
    path = tmp_path / "data" / "vapid.pem"
    path.parent.mkdir()
    path.write_text(content)

    with pytest.raises(ConfigError, match="push.webpush.key_file"):
        open_channel()
    assert path.read_text() == content


@pytest.mark.parametrize("subject", [None, "", "ops@example.org", "http://example.org", "mailto: ops@example.org"])
def test_a_subject_that_is_no_address_is_an_error(subject: str | None, open_channel: Open) -> None:
    with pytest.raises(ConfigError, match="push.webpush.subject"):
        open_channel(Settings(subject=subject))
