"""APNs: what Apple gets to see, and what its answers mean."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from roost.config import Apns as Settings
from roost.config import ConfigError
from roost.push.apns import ApnsChannel
from roost.push.contract import Apns, Dead, Failed, Retry, Sent
from tests.push.certificates import Tls, make_tls
from tests.push.http2 import Answer, PushService, Trouble
from tests.push.notifications import HOUR, LONG_TEXTS, notification, trial
from tests.rooms import BEGINNING, Clock

TOKEN = "0a" * 32
PATH = f"/3/device/{TOKEN}"
PHONE = Apns(TOKEN)
KEY = ec.generate_private_key(ec.SECP256R1())
PATIENT = 30.0
"""Seconds of a channel that is not to give up, however busy the machine is."""
HASTY = 0.5

Open = Callable[..., ApnsChannel]


def pem(key: Any, path: Path) -> str:
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(path)


def reason(word: str) -> dict[str, str]:
    return {"reason": word}


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return make_tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture
async def apple(tls: Tls) -> AsyncIterator[PushService]:
    async with PushService.running(tls) as service:
        yield service


@pytest.fixture
def settings(apple: PushService, tmp_path: Path) -> Settings:
    key_file = pem(KEY, tmp_path / "key.p8")
    return Settings(
        enabled=True,
        key_file=key_file,
        key_id="KEY1234567",
        team_id="TEAM123456",
        topic="org.example.app",
        url=apple.url,
    )


@pytest.fixture
async def opened(settings: Settings, tls: Tls, clock: Clock) -> AsyncIterator[Open]:
    channels: list[ApnsChannel] = []

    def open_one(**options: Any) -> ApnsChannel:
        usual = {"timeout": PATIENT, "verify": tls.client}
        channels.append(ApnsChannel(settings, clock, **{**usual, **options}))
        return channels[-1]

    yield open_one
    for channel in channels:
        await channel.close()


@pytest.fixture
def channel(opened: Open) -> ApnsChannel:
    return opened()


def provider_tokens(apple: PushService) -> list[str]:
    return [request.headers["authorization"].removeprefix("bearer ") for request in apple.requests]


# --- what Apple gets ---


async def test_the_request_says_who_what_and_until_when(apple: PushService, channel: ApnsChannel) -> None:
    apple.will_answer(PATH, Answer(headers={"apns-id": "EC1B"}))
    assert await channel.send(PHONE, notification()) == Sent("EC1B")
    (request,) = apple.requests
    headers = {name: value for name, value in request.headers.items() if name.startswith("apns-")}
    assert request.headers[":method"] == "POST"
    assert headers == {
        "apns-topic": "org.example.app",
        "apns-push-type": "alert",
        "apns-priority": "10",
        "apns-expiration": str((BEGINNING + HOUR) // 1000),
        "apns-collapse-id": "p:ann:ben",
    }
    assert request.json == {
        "aps": {
            "alert": {"title": "Ann", "body": "hello"},
            "badge": 3,
            "sound": "default",
            "thread-id": "p:ann:ben",
            "mutable-content": 1,
        },
        "roost": {"conversationID": "p:ann:ben", "serverMsgID": "01K0", "seq": 41, "senderID": "ann"},
    }


async def test_a_test_push_names_no_message(apple: PushService, channel: ApnsChannel) -> None:
    assert isinstance(await channel.send(PHONE, trial()), Sent)
    (request,) = apple.requests
    assert "roost" not in request.json
    assert "thread-id" not in request.json["aps"]
    assert "apns-collapse-id" not in request.headers


async def test_the_provider_token_is_signed_with_the_key(apple: PushService, channel: ApnsChannel) -> None:
    await channel.send(PHONE, notification())
    (token,) = provider_tokens(apple)
    claims = jwt.decode(token, KEY.public_key(), algorithms=["ES256"], options={"verify_iat": False})
    assert claims == {"iss": "TEAM123456", "iat": BEGINNING // 1000}
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "kid": "KEY1234567", "typ": "JWT"}


@pytest.mark.parametrize("collapse", ["g:" + "x" * 100, "g:кот"])
async def test_a_collapse_id_that_no_header_can_carry_is_hashed(
    collapse: str, apple: PushService, channel: ApnsChannel
) -> None:
    for _ in range(2):
        assert isinstance(await channel.send(PHONE, notification(collapse=collapse)), Sent)
    first, second = (request.headers["apns-collapse-id"] for request in apple.requests)
    assert first == second
    assert len(first.encode()) <= 64


@pytest.mark.parametrize("body", LONG_TEXTS.values(), ids=LONG_TEXTS)
async def test_a_long_body_is_cut_to_fit(body: str, apple: PushService, channel: ApnsChannel) -> None:
    await channel.send(PHONE, notification(body=body))
    (request,) = apple.requests
    shown = request.json["aps"]["alert"]
    assert 4080 < len(request.body) <= 4096
    assert shown["title"] == "Ann"
    assert shown["body"].endswith("…")
    assert body.startswith(shown["body"][:-1])


async def test_a_long_title_is_cut_once_the_body_is_gone(apple: PushService, channel: ApnsChannel) -> None:
    await channel.send(PHONE, notification(title="ü" * 5000))
    (request,) = apple.requests
    assert len(request.body) <= 4096
    assert request.json["aps"]["alert"]["title"].startswith("üüü")
    assert request.json["aps"]["alert"]["body"] == ""


@pytest.mark.parametrize("token", ["../../../other", "0a?x", "", "zz" * 32, "0a" * 200])
async def test_what_is_no_token_is_dead_before_it_gets_into_a_path(
    token: str, apple: PushService, channel: ApnsChannel
) -> None:
    assert isinstance(await channel.send(Apns(token), notification()), Dead)
    assert apple.requests == []


# --- what Apple answers ---


@pytest.mark.parametrize(
    ("status", "word", "kind"),
    [
        (410, "Unregistered", Dead),
        (410, "ExpiredToken", Dead),
        (400, "BadDeviceToken", Dead),
        (400, "DeviceTokenNotForTopic", Dead),
        (400, "Unregistered", Dead),
        (400, "BadTopic", Failed),
        (400, "IdleTimeout", Retry),
        (403, "InvalidProviderToken", Failed),
        (404, "BadPath", Failed),
        (413, "PayloadTooLarge", Failed),
        (429, "TooManyRequests", Retry),
        (500, "InternalServerError", Retry),
        (503, "Shutdown", Retry),
    ],
)
async def test_a_refusal_becomes_its_outcome_with_its_reason(
    status: int, word: str, kind: type, apple: PushService, channel: ApnsChannel
) -> None:
    apple.will_answer(PATH, Answer(status, reason(word)))
    assert await channel.send(PHONE, notification()) == kind(f"{status} {word}")


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"reason": "\xff"}', b'{"reason": 1}'])
async def test_a_refusal_that_is_not_of_apples_form_has_its_status_as_reason(
    body: bytes, apple: PushService, channel: ApnsChannel
) -> None:
    apple.will_answer(PATH, Answer(502, body))
    assert await channel.send(PHONE, notification()) == Retry("502 Bad Gateway")


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("wait", "after"), [("120", 120.0), ("Tue, 14 Nov 2023 22:14:05 GMT", 45.0), ("soon", None)])
async def test_retry_after_is_seconds_or_a_date(
    status: int, wait: str, after: float | None, apple: PushService, channel: ApnsChannel
) -> None:
    """Time stands at 2023-11-14 22:13:20 GMT."""
    apple.will_answer(PATH, Answer(status, headers={"Retry-After": wait}))
    outcome = await channel.send(PHONE, notification())
    assert isinstance(outcome, Retry)
    assert outcome.after == after


# --- the provider token ---


async def test_a_provider_token_is_used_for_fifty_minutes(
    apple: PushService, channel: ApnsChannel, clock: Clock
) -> None:
    await channel.send(PHONE, notification())
    clock.pass_(seconds=49 * 60)
    await channel.send(PHONE, notification())
    clock.pass_(seconds=60)
    await channel.send(PHONE, notification())
    first, second, third = provider_tokens(apple)
    assert first == second
    assert first != third


async def test_an_expired_provider_token_is_renewed_and_the_push_sent_again(
    apple: PushService, channel: ApnsChannel
) -> None:
    apple.will_answer(PATH, Answer(403, reason("ExpiredProviderToken")), Answer(headers={"apns-id": "7"}))
    assert await channel.send(PHONE, notification()) == Sent("7")
    first, second = provider_tokens(apple)
    assert first != second


async def test_a_renewed_provider_token_that_is_refused_as_well_fails_the_push(
    apple: PushService, channel: ApnsChannel
) -> None:
    apple.usual[PATH] = Answer(403, reason("ExpiredProviderToken"))
    outcome = await channel.send(PHONE, notification())
    assert isinstance(outcome, Failed)
    assert "clock" in outcome.reason
    assert len(apple.requests) == 2


async def test_a_wrong_clock_does_not_renew_the_token_with_each_push(
    apple: PushService, channel: ApnsChannel, clock: Clock
) -> None:
    apple.usual[PATH] = Answer(403, reason("ExpiredProviderToken"))
    for _ in range(5):
        await channel.send(PHONE, notification())
    assert len(set(provider_tokens(apple))) == 2
    clock.pass_(seconds=20 * 60)
    await channel.send(PHONE, notification())
    assert len(set(provider_tokens(apple))) == 3


async def test_pushes_that_are_refused_together_renew_the_token_once(apple: PushService, channel: ApnsChannel) -> None:
    apple.will_answer(PATH, *[Answer(403, reason("ExpiredProviderToken"))] * 8)
    outcomes = await asyncio.gather(*(channel.send(PHONE, notification()) for _ in range(8)))
    assert set(outcomes) == {Sent()}
    assert len(set(provider_tokens(apple))) == 2


# --- the connection ---


async def test_a_hundred_pushes_take_one_connection(apple: PushService, channel: ApnsChannel) -> None:
    at_once = asyncio.Semaphore(16)

    async def push() -> None:
        async with at_once:
            assert await channel.send(PHONE, notification()) == Sent()

    await asyncio.gather(*(push() for _ in range(100)))
    assert len(apple.requests) == 100
    assert apple.connections == 1


async def test_what_a_goodbye_left_unread_is_sent_on_a_new_connection(apple: PushService, channel: ApnsChannel) -> None:
    apple.will_answer(PATH, Answer(), Trouble.NOT_LOOKED_AT, Answer(headers={"apns-id": "2"}))
    await channel.send(PHONE, notification())
    assert await channel.send(PHONE, notification()) == Sent("2")
    assert [request.connection for request in apple.requests] == [1, 1, 2]


async def test_after_a_goodbye_the_next_push_opens_a_new_connection(apple: PushService, channel: ApnsChannel) -> None:
    apple.will_answer(PATH, Trouble.ANSWERED_LAST)
    for _ in range(3):
        assert await channel.send(PHONE, notification()) == Sent()
    assert [request.connection for request in apple.requests] == [1, 2, 2]


@pytest.mark.parametrize("trouble", [Trouble.CUT, Trouble.RESET, Trouble.NONSENSE])
async def test_a_connection_that_breaks_is_tried_again_later_on_another(
    trouble: Trouble, apple: PushService, channel: ApnsChannel
) -> None:
    apple.will_answer(PATH, Answer(), trouble)
    assert isinstance(await channel.send(PHONE, notification()), Sent)
    assert isinstance(await channel.send(PHONE, notification()), Retry)
    assert isinstance(await channel.send(PHONE, notification()), Sent)


async def test_silence_ends_and_the_next_push_opens_a_new_connection(apple: PushService, channel: ApnsChannel) -> None:
    apple.will_answer(PATH, Answer(), Trouble.SILENCE)
    await channel.send(PHONE, notification())
    channel._connection._timeout = HASTY
    assert await channel.send(PHONE, notification()) == Retry("no answer within 0.5 s")
    channel._connection._timeout = PATIENT
    assert await channel.send(PHONE, notification()) == Sent()
    assert [request.connection for request in apple.requests] == [1, 1, 2]


async def test_pushes_that_nobody_answers_leave_room_for_others(tls: Tls, settings: Settings, opened: Open) -> None:
    """Others are answered on the same connection all the while, and the service allows two at once."""
    async with PushService.running(tls, most_streams=2) as apple:
        settings.url = apple.url
        apple.usual[PATH] = Trouble.SILENCE
        channel, other = opened(timeout=HASTY), Apns("0b" * 32)
        for _ in range(3):
            unanswered = asyncio.create_task(channel.send(PHONE, notification()))
            while not unanswered.done():
                await channel.send(other, notification())
            assert isinstance(await unanswered, Retry)
        channel._connection._timeout = PATIENT
        assert await channel.send(other, notification()) == Sent()


async def test_a_push_that_nobody_answers_does_not_take_others_with_it(
    apple: PushService, channel: ApnsChannel
) -> None:
    """What is under way on the same connection when one is given up is answered still."""
    apple.will_answer(PATH, Answer(), Trouble.SILENCE, Trouble.SILENCE)
    await channel.send(PHONE, notification())
    channel._connection._timeout = HASTY
    given_up = asyncio.create_task(channel.send(PHONE, notification()))
    await apple.has_got(2)
    channel._connection._timeout = PATIENT
    waiting = asyncio.create_task(channel.send(PHONE, notification()))
    await apple.has_got(3)
    assert isinstance(await given_up, Retry)
    apple.answer_late(Answer(headers={"apns-id": "late"}))
    assert await waiting == Sent("late")


async def test_without_tls_http2_is_spoken_from_the_first_byte(settings: Settings, opened: Open) -> None:
    """As a stand-in of Apple's on a developer's machine wants it (RFC 9113 §3.3)."""
    async with PushService.running(None) as apple:
        settings.url = apple.url
        assert await opened().send(PHONE, notification()) == Sent()


async def test_nobody_there_is_tried_again_later(apple: PushService, channel: ApnsChannel) -> None:
    await apple.stop()
    assert isinstance(await channel.send(PHONE, notification()), Retry)


async def test_who_has_no_certificate_to_trust_gets_nothing(apple: PushService, opened: Open) -> None:
    assert isinstance(await opened(verify=True).send(PHONE, notification()), Retry)
    assert apple.requests == []


# --- settings ---


@pytest.mark.parametrize("key", ["key_file", "key_id", "team_id", "topic", "url"])
def test_a_missing_setting_is_named_at_the_start(key: str, settings: Settings, clock: Clock) -> None:
    setattr(settings, key, None)
    with pytest.raises(ConfigError, match=rf"push\.apns\.{key}"):
        ApnsChannel(settings, clock)


def test_a_key_file_that_is_not_there_is_named_at_the_start(settings: Settings, clock: Clock, tmp_path: Path) -> None:
    settings.key_file = str(tmp_path / "nowhere.p8")
    with pytest.raises(ConfigError, match=r"push\.apns\.key_file: .*nowhere\.p8 can't be read: No such file"):
        ApnsChannel(settings, clock)


@pytest.mark.parametrize(
    "key",
    [
        b"no key",
        rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        ec.generate_private_key(ec.SECP384R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    ],
    ids=["no key", "rsa", "another curve"],
)
def test_a_key_that_apple_would_not_take_is_told_at_the_start(
    key: bytes, settings: Settings, clock: Clock, tmp_path: Path
) -> None:
    settings.key_file = str(tmp_path / "wrong.p8")
    Path(settings.key_file).write_bytes(key)
    with pytest.raises(ConfigError, match=r"push\.apns\.key_file: .*wrong\.p8 is not"):
        ApnsChannel(settings, clock)


def test_an_address_without_scheme_is_told_at_the_start(settings: Settings, clock: Clock) -> None:
    settings.url = "api.push.apple.com"
    with pytest.raises(ConfigError, match=r"push\.apns\.url"):
        ApnsChannel(settings, clock)
