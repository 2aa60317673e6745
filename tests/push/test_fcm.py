"""FCM: what Google gets to see, and what its answers mean."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from roost.config import ConfigError
from roost.config import Fcm as Settings
from roost.push.contract import Dead, Failed, Fcm, Outcome, Retry, Sent
from roost.push.fcm import FcmChannel
from tests.push.certificates import Tls, make_tls
from tests.push.http2 import Answer, PushService, Trouble
from tests.push.notifications import HOUR, LONG_TEXTS, notification, trial
from tests.rooms import BEGINNING, Clock

PHONE = Fcm("registration:token")
SEND = "/v1/projects/roost-test/messages:send"
TOKEN = "/token"
KEY = rsa.generate_private_key(65537, 2048)
NAME = "projects/roost-test/messages/7"
PATIENT = 30.0
"""Seconds of a channel that is not to give up, however busy the machine is."""
HASTY = 0.5


def pem(key: Any) -> str:
    written: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return written.decode()


def granted(token: str) -> Answer:
    return Answer(body={"access_token": token, "expires_in": 3600, "token_type": "Bearer"})


def refused(status: int, word: str, message: str = "", *details: dict[str, Any], code: str = "") -> Answer:
    """An error as Google words it: `word` is its own, `code` Firebase's."""
    found = [*details]
    if code:
        found.append({"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code})
    return Answer(status, {"error": {"code": status, "message": message, "status": word, "details": found}})


def violation(field: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": field}]}


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return make_tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture
async def google(tls: Tls) -> AsyncIterator[PushService]:
    async with PushService.running(tls) as service:
        service.usual = {TOKEN: granted("access"), SEND: Answer(body={"name": NAME})}
        yield service


@pytest.fixture
def account(google: PushService) -> dict[str, str]:
    return {
        "type": "service_account",
        "project_id": "roost-test",
        "private_key_id": "key-1",
        "private_key": pem(KEY),
        "client_email": "push@roost-test.example",
        "token_uri": f"{google.url}{TOKEN}",
    }


@pytest.fixture
def settings(google: PushService, account: dict[str, str], tmp_path: Path) -> Settings:
    file = tmp_path / "account.json"
    file.write_text(json.dumps(account))
    return Settings(enabled=True, service_account=str(file), url=google.url)


@pytest.fixture
async def channel(settings: Settings, tls: Tls, clock: Clock) -> AsyncIterator[FcmChannel]:
    opened = FcmChannel(settings, clock, timeout=PATIENT, verify=tls.client)
    yield opened
    await opened.close()


def access_tokens(google: PushService) -> list[str]:
    return [request.headers["authorization"] for request in google.came_to(SEND)]


# --- what Google gets ---


async def test_the_message_says_what_is_shown_and_what_the_app_needs(google: PushService, channel: FcmChannel) -> None:
    assert await channel.send(PHONE, notification()) == Sent(NAME)
    (request,) = google.came_to(SEND)
    assert request.headers[":method"] == "POST"
    assert request.headers["authorization"] == "Bearer access"
    assert request.json == {
        "message": {
            "token": "registration:token",
            "notification": {"title": "Ann", "body": "hello"},
            "data": {
                "conversationID": "p:ann:ben",
                "serverMsgID": "01K0",
                "seq": "41",
                "senderID": "ann",
                "badge": "3",
            },
            "android": {
                "priority": "high",
                "ttl": "3600s",
                "collapse_key": "p:ann:ben",
                "notification": {"tag": "p:ann:ben", "notification_count": 3},
            },
            "apns": {
                "headers": {"apns-expiration": str((BEGINNING + HOUR) // 1000), "apns-collapse-id": "p:ann:ben"},
                "payload": {"aps": {"badge": 3, "sound": "default"}},
            },
        }
    }


async def test_a_test_push_names_no_message(google: PushService, channel: FcmChannel) -> None:
    assert isinstance(await channel.send(PHONE, trial()), Sent)
    message = google.came_to(SEND)[0].json["message"]
    assert message["data"] == {"badge": "0"}
    assert "collapse_key" not in message["android"]
    assert "tag" not in message["android"]["notification"]


@pytest.mark.parametrize(("expires_at", "ttl"), [(BEGINNING - 1, "0s"), (BEGINNING + 60 * 24 * HOUR, "2419200s")])
async def test_the_ttl_stays_within_what_google_takes(
    expires_at: int, ttl: str, google: PushService, channel: FcmChannel
) -> None:
    await channel.send(PHONE, notification(expires_at=expires_at))
    assert google.came_to(SEND)[0].json["message"]["android"]["ttl"] == ttl


@pytest.mark.parametrize("body", LONG_TEXTS.values(), ids=LONG_TEXTS)
async def test_a_long_body_is_cut_to_fit(body: str, google: PushService, channel: FcmChannel) -> None:
    await channel.send(PHONE, notification(body=body))
    message = google.came_to(SEND)[0].json["message"]
    shown = message["notification"]
    del message["token"]
    assert 4080 < len(msgspec.json.encode(message)) <= 4096
    assert shown["title"] == "Ann"
    assert shown["body"].endswith("…")
    assert body.startswith(shown["body"][:-1])


# --- the access token ---


async def test_the_access_token_is_asked_for_with_a_signed_assertion(google: PushService, channel: FcmChannel) -> None:
    await channel.send(PHONE, notification())
    (request,) = google.came_to(TOKEN)
    form = parse_qs(request.body.decode())
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    (assertion,) = form["assertion"]
    any_time = {"verify_iat": False, "verify_exp": False}
    claims = jwt.decode(
        assertion, KEY.public_key(), algorithms=["RS256"], audience=f"{google.url}{TOKEN}", options=any_time
    )
    assert claims == {
        "iss": "push@roost-test.example",
        "scope": "https://www.googleapis.com/auth/firebase.messaging",
        "aud": f"{google.url}{TOKEN}",
        "iat": BEGINNING // 1000,
        "exp": BEGINNING // 1000 + 3600,
    }
    assert jwt.get_unverified_header(assertion)["kid"] == "key-1"


async def test_an_access_token_is_kept_until_shortly_before_its_end(
    google: PushService, channel: FcmChannel, clock: Clock
) -> None:
    google.will_answer(TOKEN, granted("first"), granted("second"))
    await channel.send(PHONE, notification())
    clock.pass_(seconds=58 * 60)
    await channel.send(PHONE, notification())
    clock.pass_(seconds=60)
    await channel.send(PHONE, notification())
    assert access_tokens(google) == ["Bearer first", "Bearer first", "Bearer second"]


async def test_many_pushes_at_once_fetch_one_access_token(google: PushService, channel: FcmChannel) -> None:
    outcomes = await asyncio.gather(*(channel.send(PHONE, notification()) for _ in range(16)))
    assert set(outcomes) == {Sent(NAME)}
    assert len(google.came_to(TOKEN)) == 1


async def test_a_push_that_is_called_off_leaves_others_their_access_token(
    google: PushService, channel: FcmChannel
) -> None:
    google.will_answer(TOKEN, Trouble.SILENCE)
    called_off, waiting = (asyncio.create_task(channel.send(PHONE, notification())) for _ in range(2))
    await google.has_got(1)
    called_off.cancel()
    google.answer_late(granted("late"))
    assert await waiting == Sent(NAME)
    assert access_tokens(google) == ["Bearer late"]


async def test_an_access_token_that_is_refused_is_renewed_and_the_push_sent_again(
    google: PushService, channel: FcmChannel
) -> None:
    google.will_answer(TOKEN, granted("old"), granted("new"))
    google.will_answer(SEND, refused(401, "UNAUTHENTICATED"))
    assert await channel.send(PHONE, notification()) == Sent(NAME)
    assert access_tokens(google) == ["Bearer old", "Bearer new"]


async def test_a_renewed_access_token_that_is_refused_as_well_fails_the_push(
    google: PushService, channel: FcmChannel
) -> None:
    google.usual[SEND] = refused(401, "UNAUTHENTICATED", "Request had invalid credentials.")
    outcome = await channel.send(PHONE, notification())
    assert outcome == Failed("401 UNAUTHENTICATED: Request had invalid credentials.")
    assert len(google.came_to(SEND)) == 2


async def test_a_key_of_the_apps_that_is_wrong_renews_no_access_token(google: PushService, channel: FcmChannel) -> None:
    google.usual[SEND] = refused(401, "UNAUTHENTICATED", code="THIRD_PARTY_AUTH_ERROR")
    assert await channel.send(PHONE, notification()) == Failed("401 THIRD_PARTY_AUTH_ERROR")
    assert len(google.came_to(SEND)) == 1


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (
            Answer(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}),
            Failed("access token: 400 invalid_grant: Invalid JWT Signature."),
        ),
        (Answer(503, headers={"Retry-After": "9"}), Retry("access token: 503 Service Unavailable", 9.0)),
        (Answer(429), Retry("access token: 429 Too Many Requests")),
        (Answer(200, b"<html>"), Retry("access token: 200, and the answer can't be read")),
        (Answer(302, b'{"error": "\xff"}'), Retry("access token: 302, and the answer can't be read")),
    ],
)
async def test_without_an_access_token_nothing_is_sent(
    answer: Answer, outcome: Outcome, google: PushService, channel: FcmChannel
) -> None:
    google.will_answer(TOKEN, answer)
    assert await channel.send(PHONE, notification()) == outcome
    assert google.came_to(SEND) == []
    assert await channel.send(PHONE, notification()) == Sent(NAME)


# --- what Google answers ---


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (
            refused(404, "NOT_FOUND", "Requested entity was not found.", code="UNREGISTERED"),
            Dead("404 UNREGISTERED: Requested entity was not found."),
        ),
        (
            refused(
                400,
                "INVALID_ARGUMENT",
                "The registration token is not a valid FCM registration token",
                code="INVALID_ARGUMENT",
            ),
            Dead("400 INVALID_ARGUMENT: The registration token is not a valid FCM registration token"),
        ),
        (
            refused(400, "INVALID_ARGUMENT", "No.", violation("message.token"), code="INVALID_ARGUMENT"),
            Dead("400 INVALID_ARGUMENT: No."),
        ),
        (
            refused(400, "INVALID_ARGUMENT", "No.", violation("message.data[0].value")),
            Failed("400 INVALID_ARGUMENT: No."),
        ),
        (
            refused(400, "INVALID_ARGUMENT", "Android message is too big", code="INVALID_ARGUMENT"),
            Failed("400 INVALID_ARGUMENT: Android message is too big"),
        ),
        (refused(404, "NOT_FOUND", "No such project."), Failed("404 NOT_FOUND: No such project.")),
        (refused(403, "PERMISSION_DENIED", code="SENDER_ID_MISMATCH"), Failed("403 SENDER_ID_MISMATCH")),
        (refused(403, "PERMISSION_DENIED"), Failed("403 PERMISSION_DENIED")),
        (refused(429, "RESOURCE_EXHAUSTED", code="QUOTA_EXCEEDED"), Retry("429 QUOTA_EXCEEDED", 60.0)),
        (refused(500, "INTERNAL", code="INTERNAL"), Retry("500 INTERNAL")),
        (refused(503, "UNAVAILABLE", code="UNAVAILABLE"), Retry("503 UNAVAILABLE")),
        (Answer(502, b"<html>"), Retry("502 Bad Gateway")),
        (Answer(500, b'{"name": "\xff"}'), Retry("500 Internal Server Error")),
    ],
    ids=lambda value: getattr(value, "reason", None),
)
async def test_a_refusal_becomes_its_outcome_with_its_reason(
    answer: Answer, outcome: Outcome, google: PushService, channel: FcmChannel
) -> None:
    google.will_answer(SEND, answer)
    assert await channel.send(PHONE, notification()) == outcome


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("wait", "after"), [("120", 120.0), ("Tue, 14 Nov 2023 22:14:05 GMT", 45.0)])
async def test_retry_after_is_seconds_or_a_date(
    status: int, wait: str, after: float, google: PushService, channel: FcmChannel
) -> None:
    """Time stands at 2023-11-14 22:13:20 GMT."""
    google.will_answer(SEND, Answer(status, headers={"Retry-After": wait}))
    outcome = await channel.send(PHONE, notification())
    assert isinstance(outcome, Retry)
    assert outcome.after == after


async def test_a_reason_is_not_longer_than_the_log_wants(google: PushService, channel: FcmChannel) -> None:
    google.will_answer(SEND, refused(400, "INVALID_ARGUMENT", "x" * 9999))
    outcome = await channel.send(PHONE, notification())
    assert isinstance(outcome, Failed)
    assert len(outcome.reason) == 300


# --- the connection ---


async def test_a_hundred_pushes_take_one_connection(google: PushService, channel: FcmChannel) -> None:
    at_once = asyncio.Semaphore(16)

    async def push() -> None:
        async with at_once:
            assert await channel.send(PHONE, notification()) == Sent(NAME)

    await asyncio.gather(*(push() for _ in range(100)))
    assert len(google.came_to(SEND)) == 100
    assert google.connections == 1


async def test_what_a_goodbye_left_unread_is_sent_on_a_new_connection(google: PushService, channel: FcmChannel) -> None:
    google.will_answer(SEND, Trouble.NOT_LOOKED_AT)
    assert await channel.send(PHONE, notification()) == Sent(NAME)
    assert [request.connection for request in google.came_to(SEND)] == [1, 2]


@pytest.mark.parametrize("path", [TOKEN, SEND])
@pytest.mark.parametrize("trouble", [Trouble.CUT, Trouble.RESET, Trouble.NONSENSE])
async def test_a_connection_that_breaks_is_tried_again_later_on_another(
    trouble: Trouble, path: str, google: PushService, channel: FcmChannel
) -> None:
    google.will_answer(path, trouble)
    assert isinstance(await channel.send(PHONE, notification()), Retry)
    assert await channel.send(PHONE, notification()) == Sent(NAME)


@pytest.mark.parametrize(("path", "where"), [(TOKEN, "access token: "), (SEND, "")])
async def test_silence_ends_and_the_next_push_opens_a_new_connection(
    path: str, where: str, google: PushService, channel: FcmChannel
) -> None:
    await channel._connection.post(google.url, b"", {})  # connecting may take long
    google.will_answer(path, Trouble.SILENCE)
    channel._connection._timeout = HASTY
    assert await channel.send(PHONE, notification()) == Retry(f"{where}no answer within 0.5 s")
    channel._connection._timeout = PATIENT
    assert await channel.send(PHONE, notification()) == Sent(NAME)
    assert google.connections == 2


async def test_nobody_there_is_tried_again_later(google: PushService, channel: FcmChannel) -> None:
    await google.stop()
    assert isinstance(await channel.send(PHONE, notification()), Retry)


# --- settings ---

Change = Callable[[dict[str, str]], object]


def test_a_missing_setting_is_named_at_the_start(settings: Settings, clock: Clock) -> None:
    settings.service_account = None
    with pytest.raises(ConfigError, match=r"push\.fcm\.service_account must be set"):
        FcmChannel(settings, clock)


def test_an_account_file_that_is_not_there_is_named_at_the_start(settings: Settings, clock: Clock) -> None:
    settings.service_account = "/nowhere/account.json"
    with pytest.raises(ConfigError, match=r"push\.fcm\.service_account: /nowhere/account\.json can't be read: No such"):
        FcmChannel(settings, clock)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda account: account.pop("project_id"), "missing required field `project_id`"),
        (lambda account: account.pop("private_key"), "missing required field `private_key`"),
        (lambda account: account.update(private_key="none"), "is not an RSA key"),
        (lambda account: account.update(private_key=pem(ec.generate_private_key(ec.SECP256R1()))), "is not an RSA key"),
        (lambda account: account.update(token_uri="oauth2"), "token_uri .* must be an address"),
    ],
)
def test_an_account_that_can_not_be_used_is_told_at_the_start(
    change: Change, told: str, account: dict[str, str], settings: Settings, clock: Clock
) -> None:
    change(account)
    assert settings.service_account is not None
    Path(settings.service_account).write_text(json.dumps(account))
    with pytest.raises(ConfigError, match=rf"push\.fcm\.service_account: .*{told}"):
        FcmChannel(settings, clock)


@pytest.mark.parametrize("content", [b"", b"no json", b'{"project_id": "\xff"}', b"[]"])
def test_a_file_that_is_no_account_is_told_at_the_start(content: bytes, settings: Settings, clock: Clock) -> None:
    assert settings.service_account is not None
    Path(settings.service_account).write_bytes(content)
    with pytest.raises(ConfigError, match=r"push\.fcm\.service_account: .*is not the JSON file of a service account"):
        FcmChannel(settings, clock)


def test_an_address_without_scheme_is_told_at_the_start(settings: Settings, clock: Clock) -> None:
    settings.url = "fcm.googleapis.com"
    with pytest.raises(ConfigError, match=r"push\.fcm\.url"):
        FcmChannel(settings, clock)
