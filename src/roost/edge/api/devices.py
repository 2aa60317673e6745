"""Devices: where each of one's own stands, and where it is reached by push."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from roost.edge.api.operations import Call, operation
from roost.edge.roads import Roads
from roost.errors import InvalidInput, NotFound
from roost.model import ids
from roost.model.names import Wire
from roost.protocol.answers import Device, Devices, PushAddress
from roost.push.contract import Address, Apns, Dead, Email, Failed, Fcm, Keys, Outcome, Retry, WebPush

Platform = Literal["apns", "fcm", "webpush", "email"]
DeviceIDInPath = Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": ids.MAX_DEVICE_ID})]


class Subscription(Wire, kw_only=True):
    """Where this device is reached by push. What else is needed hangs on the `platform`.

    `token` for apns and fcm; `endpoint` and `keys` for webpush, as a browser's `PushSubscription.toJSON()` has them;
    `email` for email. `preview`: whether a push may show what was written. `muted`: no push for now.
    """

    platform: Platform
    token: str | None = None
    endpoint: str | None = None
    keys: Keys | None = None
    email: str | None = None
    preview: bool = True
    muted: bool = False


class Subscribed(Wire, kw_only=True):
    """What holds now. `active`: this server pushes to addresses of this kind."""

    device_id: str
    platform: str
    preview: bool
    muted: bool
    active: bool


class Unsubscription(Wire, kw_only=True):
    """Which addresses of this device go: those of a `platform`, or all."""

    platform: Platform | None = None


class DeviceUnsubscription(Unsubscription, kw_only=True):
    """The same of another device of one's own."""

    device_id: DeviceIDInPath


class Unsubscribed(Wire, kw_only=True):
    """How many addresses there were."""

    removed: int


class DeviceNamed(Wire, kw_only=True):
    """A device of one's own."""

    device_id: DeviceIDInPath


class Tested(Wire, kw_only=True):
    """What became of a test: `outcome` is sent, retry (not now), dead (the address is gone, and removed) or failed."""

    platform: str
    outcome: str
    detail: str


class TestResult(Wire, kw_only=True):
    """A line for each address of the device."""

    results: list[Tested]


class WebPushKey(Wire, kw_only=True):
    """The `applicationServerKey` that browsers subscribe with, base64url."""

    public_key: str


async def list_devices(call: Call) -> Devices:
    """List one's devices with their positions, lag and push addresses."""
    return await devices_of(call.roads, call.author.uid, call.author.did)


async def devices_of(roads: Roads, uid: int, asking: int) -> Devices:
    """A user's devices, as they are shown; the device `asking` (did) is the current one."""
    await roads.pulling.bring(uid)
    standings, state = await roads.positions.of_user(uid)
    reached: dict[int, list[PushAddress]] = {}
    for listed in await roads.push.listed(uid):
        reached.setdefault(listed.did, []).append(
            PushAddress(
                platform=listed.platform,
                preview=bool(listed.preview),
                muted=bool(listed.muted),
                active=roads.push.is_on(listed.platform),
                create_time=listed.created_at,
            )
        )
    devices = [
        Device(
            device_id=standing.device_id,
            position=standing.mark,
            lag=state.head - standing.mark,
            sync_time=standing.synced_at,
            last_seen=standing.last_seen or None,
            current=standing.did == asking,
            push=reached.get(standing.did, []),
        )
        for standing in standings
    ]
    return Devices(devices=devices, head_seq=state.head)


async def subscribe(call: Call, asked: Subscription) -> Subscribed:
    """Have this device reached by push. Again with the same platform replaces the address or its settings."""
    push = call.roads.push
    await push.add(call.author, _address(asked), preview=asked.preview, muted=asked.muted)
    return Subscribed(
        device_id=call.author.device_id,
        platform=asked.platform,
        preview=asked.preview,
        muted=asked.muted,
        active=push.is_on(asked.platform),
    )


def _address(asked: Subscription) -> Address:
    """The address in what was asked. Raises `InvalidInput`, which names the field that is missing."""
    if asked.platform in {"apns", "fcm"}:
        if asked.token is None:
            raise InvalidInput(f"platform {asked.platform} needs a token.")
        return Apns(asked.token) if asked.platform == "apns" else Fcm(asked.token)
    if asked.platform == "webpush":
        if asked.endpoint is None or asked.keys is None:
            raise InvalidInput("platform webpush needs endpoint and keys, as PushSubscription.toJSON() gives them.")
        return WebPush(asked.endpoint, asked.keys)
    if asked.email is None:
        raise InvalidInput("platform email needs an email.")
    return Email(asked.email)


async def unsubscribe(call: Call, asked: Unsubscription) -> Unsubscribed:
    """Have this device no longer reached by push."""
    removed = await call.roads.push.remove(call.author.uid, call.author.did, asked.platform)
    return Unsubscribed(removed=removed)


async def unsubscribe_other(call: Call, asked: DeviceUnsubscription) -> Unsubscribed:
    """Have another device of one's own no longer reached by push."""
    did = await _own_device(call, asked.device_id)
    return Unsubscribed(removed=await call.roads.push.remove(call.author.uid, did, asked.platform))


async def test(call: Call, asked: DeviceNamed) -> TestResult:
    """Send a test to the push addresses of a device of one's own, and tell what became of it."""
    outcomes = await call.roads.push.test(call.author, await _own_device(call, asked.device_id))
    return TestResult(
        results=[
            Tested(platform=platform, outcome=str(type(outcome).__struct_config__.tag), detail=_detail(outcome))
            for platform, outcome in outcomes.items()
        ]
    )


def _detail(outcome: Outcome) -> str:
    return outcome.reason if isinstance(outcome, Retry | Dead | Failed) else outcome.detail


async def _own_device(call: Call, device_id: str) -> int:
    did = await call.roads.users.device_of(call.author.uid, device_id)
    if did is None:
        raise NotFound(f"You have no device {device_id}.")
    return did


async def webpush_key(call: Call) -> WebPushKey:
    """The key that browsers subscribe with."""
    key = call.roads.push.vapid_key
    if key is None:
        raise NotFound("Web Push is switched off on this server.")
    return WebPushKey(public_key=key)


OPERATIONS = (
    operation("GET", "/devices", list_devices),
    operation("POST", "/devices", subscribe),
    operation("DELETE", "/devices", unsubscribe),
    operation("GET", "/devices/webpush-key", webpush_key),
    operation("DELETE", "/devices/{device_id}", unsubscribe_other),
    operation("POST", "/devices/{device_id}/test", test),
)
