"""Firebase Cloud Messaging, the HTTP v1 API: Android, and whatever else an app registers there.

Source: Google, "Method: projects.messages.send", "ErrorCode", and "Best practices when sending FCM messages at scale".
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx2
import msgspec

from roost.config import Fcm as Settings
from roost.push.connection import TIMEOUT, Connection, Unreachable
from roost.push.contract import Address, Dead, Failed, Fcm, Notification, Outcome, Retry, Sent
from roost.push.google import AccessToken, ServiceAccount
from roost.push.http import LONGEST_REASON, retry_after
from roost.push.payload import collapse_id, fitted, identifiers
from roost.push.settings import required, web_address

SETTING = "push.fcm.service_account"
LARGEST_PAYLOAD = 4096
"""Bytes of a message."""
LONGEST_TTL = 28 * 86400
"""Seconds that Google keeps a message for a device that is not connected."""
QUOTA_WAIT = 60.0
"""Seconds to wait after 429 where the answer does not say: quotas are counted by the minute."""


class FcmChannel:
    """Devices that Firebase reaches (a `Channel`). `clock` in ms; `timeout` in seconds, for each request.

    Raises `ConfigError` where the settings can't be used: no file, or not one of a service account.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], int],
        *,
        timeout: float = TIMEOUT,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        path, url = required("push.fcm", settings, "service_account", "url")
        account = ServiceAccount.read(SETTING, path)
        projects = f"{web_address('push.fcm.url', url)}/v1/projects"
        self._url = f"{projects}/{quote(account.project_id, safe='')}/messages:send"
        self._clock = clock
        self._connection = Connection(timeout=timeout, verify=verify)
        self._access = AccessToken(account, account.key(SETTING), self._connection, clock)

    async def send(self, address: Address, notification: Notification) -> Outcome:
        """Sends once; an access token that is refused is renewed, and once."""
        assert isinstance(address, Fcm)
        content = msgspec.json.encode({"message": {"token": address.token} | message(notification, self._clock())})
        try:
            answer = await self._post(content)
            if isinstance(answer, httpx2.Response) and refuses_access(answer):
                answer = await self._post(content)
        except Unreachable as error:
            return Retry(str(error))
        return outcome_of(answer, self._clock()) if isinstance(answer, httpx2.Response) else answer

    async def _post(self, content: bytes) -> httpx2.Response | Retry | Failed:
        """What Firebase answers, or why there is no access token. One that is refused is not used again."""
        token = await self._access.get()
        if not isinstance(token, str):
            return token
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        response = await self._connection.post(self._url, content, headers)
        if refuses_access(response):
            self._access.forget(token)
        return response

    async def close(self) -> None:
        """Closes the connections."""
        await self._access.close()
        await self._connection.close()


def message(notification: Notification, now: int) -> dict[str, Any]:
    """The message without its token, which is more than Google's limit counts. `now` in ms."""
    newest = notification.missed[-1] if notification.missed else None
    data = {key: str(value) for key, value in identifiers(newest).items()} if newest else {}
    rest = {
        "data": data | {"badge": str(notification.badge)},
        "android": _android(notification, now),
        "apns": _apple(notification),
    }

    def draft(title: str, body: str) -> dict[str, Any]:
        return {"notification": {"title": title, "body": body}} | rest

    def fits(title: str, body: str) -> bool:
        return len(msgspec.json.encode(draft(title, body))) <= LARGEST_PAYLOAD

    return draft(*fitted(notification.title, notification.body, fits))


def _android(notification: Notification, now: int) -> dict[str, Any]:
    """How Android shows it: one that waits, or is shown, gives way to the next with the same `collapse`."""
    ttl = min(max(0, (notification.expires_at - now) // 1000), LONGEST_TTL)
    shown: dict[str, Any] = {"notification_count": notification.badge}
    options: dict[str, Any] = {"priority": "high", "ttl": f"{ttl}s", "notification": shown}
    if notification.collapse:
        options["collapse_key"] = shown["tag"] = notification.collapse
    return options


def _apple(notification: Notification) -> dict[str, Any]:
    """How an iPhone shows it that the app has registered with Firebase. Without a sound it would make none."""
    headers = {"apns-expiration": str(notification.expires_at // 1000)}
    if notification.collapse:
        headers["apns-collapse-id"] = collapse_id(notification.collapse)
    return {"headers": headers, "payload": {"aps": {"badge": notification.badge, "sound": "default"}}}


# --- what Google answers ---


class Violation(msgspec.Struct, frozen=True):
    """A field of the request that is wrong, as `message.token`."""

    field: str = ""


class Detail(msgspec.Struct, frozen=True, rename="camel"):
    """One of an error's details: an `FcmError` has a code, a `BadRequest` the fields that are wrong."""

    error_code: str = ""
    field_violations: tuple[Violation, ...] = ()


class Error(msgspec.Struct, frozen=True):
    """What is wrong. `status` is Google's word for it in general, the code of a detail Firebase's own."""

    message: str = ""
    status: str = ""
    details: tuple[Detail, ...] = ()

    @property
    def code(self) -> str:
        """The most exact word for it."""
        return next((detail.error_code for detail in self.details if detail.error_code), self.status)

    @property
    def blames_token(self) -> bool:
        """Whether an `INVALID_ARGUMENT` is the registration token, and nothing else of the message.

        Firebase names the field, or says so in words alone ("The registration token is not a valid FCM registration
        token"); the same code tells of messages that are too big.
        """
        fields = [violation.field for detail in self.details for violation in detail.field_violations]
        return fields == ["message.token"] if fields else "registration token" in self.message


class Answer(msgspec.Struct, frozen=True):
    """The name that a message was given, or what is wrong with it."""

    name: str = ""
    error: Error = Error()


def answer_of(response: httpx2.Response) -> Answer:
    """What Firebase says; an empty answer where somebody else does."""
    try:
        return msgspec.json.decode(response.content, type=Answer)
    except ValueError:  # of msgspec, or text that is not UTF-8
        return Answer()


def outcome_of(response: httpx2.Response, now: int) -> Outcome:
    """What an answer means. `now` in ms.

    `SENDER_ID_MISMATCH` (403) says that the token is another project's. It is no reason to remove the address: with a
    wrong service account it is said of every one.
    """
    status, answer = response.status_code, answer_of(response)
    error = answer.error
    if status == HTTPStatus.OK:
        return Sent(answer.name)
    told = f"{status} {error.code or response.reason_phrase}" + (f": {error.message}" if error.message else "")
    told = told[:LONGEST_REASON]
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        after = retry_after(response.headers.get("Retry-After"), now)
        return Retry(told, QUOTA_WAIT if after is None and status == HTTPStatus.TOO_MANY_REQUESTS else after)
    if error.code == "UNREGISTERED" or (error.code == "INVALID_ARGUMENT" and error.blames_token):
        return Dead(told)
    return Failed(told)


def refuses_access(response: httpx2.Response) -> bool:
    """Whether it is the access token that was refused.

    Firebase says 401, too, where the app's own key for APNs is wrong; no token of ours mends that.
    """
    unauthorized = response.status_code == HTTPStatus.UNAUTHORIZED
    return unauthorized and answer_of(response).error.code != "THIRD_PARTY_AUTH_ERROR"
