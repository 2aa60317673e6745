"""`roost push explain`: the right words, whatever became of a push (A9)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from roost.config import Config
from roost.errors import NotFound
from roost.operations import explain_push
from tests.blackbox.house import Guest, House
from tests.blackbox.line import eventually
from tests.push.conftest import OpenHouse
from tests.push.http2 import Answer, PushService, Trouble
from tests.push.road import Books, reached, settings, token_of

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
A_MINUTE = 60
NOT_TAKEN = "the push service did not take it, and it was to be tried again"

Explain = Callable[..., list[str]]


class Scene:
    """A server that pushes, ann who writes and bob who does not hear, and what is said of it."""

    def __init__(self, house: House, ann: Guest, bob: Guest) -> None:
        self.data = house.data
        self.books = Books(house)
        self.ann = ann
        self.bob = bob

    async def sent(self) -> str:
        """A message of ann's to bob; its server id."""
        return str((await self.ann.send(self.bob))["serverMsgID"])

    def explain(self, message: str, user: str = "bob", **push: Any) -> list[str]:
        """What the command says, without the times; `push` are settings that it is given."""
        sections = {"server": {"data": str(self.data)}, "push": {"apns": {"enabled": True}} | push}
        lines = explain_push(msgspec.convert(sections, Config), user, message)
        return [re.sub(TIME, "TIME", line) for line in lines]


OpenScene = Callable[..., Awaitable[Scene]]


@pytest.fixture
def open_scene(open_house: OpenHouse, apple: PushService, tmp_path: Path) -> OpenScene:
    async def start(**push: Any) -> Scene:
        house = await open_house(**settings(tmp_path, apple, **push))
        return Scene(house, await house.guest("ann"), await house.guest("bob"))

    return start


@pytest.fixture
async def scene(open_scene: OpenScene) -> Scene:
    return await open_scene()


def head(mid: str) -> str:
    return f"Message {mid} of ann in p:ann:bob, TIME:"


async def test_what_was_sent(scene: Scene) -> None:
    await reached(scene.bob)
    mid = await scene.sent()
    await eventually(scene.books.settled)
    assert scene.explain(mid) == [head(mid), "TIME  apns to device phone: sent: the push service took it"]


async def test_a_message_is_known_by_its_senders_id_too(scene: Scene) -> None:
    receipt = await scene.ann.send(scene.bob, messageID="my-own")
    assert scene.explain("my-own")[0] == head(receipt["serverMsgID"])


async def test_what_was_dropped_and_why(scene: Scene) -> None:
    await reached(scene.bob, muted=True)
    mid = await scene.sent()
    await eventually(scene.books.settled)
    line = "TIME  apns to device phone: dropped: it was not sent (the device is muted)"
    assert scene.explain(mid) == [head(mid), line]


async def test_an_address_that_is_no_more(scene: Scene, apple: PushService) -> None:
    await reached(scene.bob)
    apple.usual[f"/3/device/{token_of(scene.bob)}"] = Answer(410, {"reason": "Unregistered"})
    mid = await scene.sent()
    await eventually(scene.books.settled)
    line = "TIME  apns to device phone: dead: the address is no more, and was removed (410 Unregistered)"
    assert scene.explain(mid) == [head(mid), line]


async def test_what_was_sent_after_an_address_was_removed(scene: Scene, apple: PushService) -> None:
    await reached(scene.bob)
    apple.usual[f"/3/device/{token_of(scene.bob)}"] = Answer(410, {"reason": "Unregistered"})
    await scene.sent()
    await eventually(scene.books.settled)
    line = "no push: bob has registered no push address; that for apns was removed TIME (410 Unregistered)."
    later = await scene.sent()
    assert scene.explain(later) == [head(later), line]


async def test_what_was_refused(scene: Scene, apple: PushService) -> None:
    await reached(scene.bob)
    apple.usual[f"/3/device/{token_of(scene.bob)}"] = Answer(403, {"reason": "InvalidProviderToken"})
    mid = await scene.sent()
    await eventually(scene.books.settled)
    line = "TIME  apns to device phone: failed: it was refused for good (403 InvalidProviderToken)"
    assert scene.explain(mid) == [head(mid), line]


async def test_what_is_tried_again(scene: Scene, apple: PushService) -> None:
    await reached(scene.bob)
    busy = Answer(503, {"reason": "ServiceUnavailable"}, {"Retry-After": "60"})
    apple.usual[f"/3/device/{token_of(scene.bob)}"] = busy
    mid = await scene.sent()
    await eventually(lambda: has_tried(scene))
    assert scene.explain(mid) == [
        head(mid),
        f"TIME  apns to device phone: retry: {NOT_TAKEN} (503 ServiceUnavailable)",
        "device phone: waits, due TIME, tried once",
    ]


async def has_tried(scene: Scene) -> bool:
    return len(scene.books.attempts("bob")) > 0


async def test_what_waits(open_scene: OpenScene) -> None:
    scene = await open_scene(grace=A_MINUTE)
    await reached(scene.bob)
    await scene.bob.line(lastSeq=0)
    mid = await scene.sent()
    assert scene.explain(mid) == [head(mid), "device phone: waits, due TIME"]


async def test_what_is_with_a_worker(scene: Scene, apple: PushService) -> None:
    await reached(scene.bob)
    apple.usual[f"/3/device/{token_of(scene.bob)}"] = Trouble.SILENCE
    mid = await scene.sent()
    await apple.has_got(1)
    assert scene.explain(mid) == [head(mid), "device phone: with a worker since TIME"]


async def test_who_has_no_address(scene: Scene) -> None:
    mid = await scene.sent()
    assert scene.explain(mid) == [head(mid), "no push: bob has registered no push address."]


async def test_an_address_that_came_later(scene: Scene) -> None:
    mid = await scene.sent()
    await reached(scene.bob)
    assert scene.explain(mid) == [head(mid), "no push: bob registered an address only later."]


async def test_a_platform_that_is_off(scene: Scene) -> None:
    await scene.bob.post("/devices", {"platform": "fcm", "token": "abcd"})
    mid = await scene.sent()
    assert scene.explain(mid) == [head(mid), "no push: bob has addresses for fcm only, which are switched off."]


async def test_push_that_is_off(scene: Scene) -> None:
    mid = await scene.sent()
    assert scene.explain(mid, enabled=False) == [head(mid), "no push: push.enabled is false."]


async def test_what_a_connected_device_stored_in_time(scene: Scene) -> None:
    await reached(scene.bob)
    line = await scene.bob.line(lastSeq=0)
    mid = await scene.sent()
    await line.hear("message")
    assert (await scene.bob.post("/messages/mark_synced", {"message_ids": [mid]})).status == 200
    await eventually(scene.books.settled)
    [_, why, since] = scene.explain(mid)
    assert why.startswith("no push: a device of bob had stored it before it was due")
    assert since == "A device of bob has stored it."


async def test_what_was_read_since(scene: Scene) -> None:
    await reached(scene.bob)
    mid = await scene.sent()
    await eventually(scene.books.settled)
    await scene.bob.post("/conversations/p:ann:bob/read", {"conversationSeq": 1})
    assert scene.explain(mid)[-1] == "bob has read it."


async def test_ones_own_message(scene: Scene) -> None:
    mid = await scene.sent()
    assert scene.explain(mid, user="ann") == [head(mid), "no push: ann sent it."]


async def test_a_user_there_is_not(scene: Scene) -> None:
    with pytest.raises(NotFound, match="There is no user zoe."):
        scene.explain("1", user="zoe")


async def test_a_message_that_the_user_has_not(scene: Scene) -> None:
    with pytest.raises(NotFound, match="bob has no message 1234 in the log: not sent to bob, or cleared since."):
        scene.explain("1234")


async def test_the_command_says_the_same(scene: Scene) -> None:
    mid = await scene.sent()
    command = [sys.executable, "-m", "roost", "push", "explain", "bob", mid, "--data", str(scene.data)]
    environment = {**os.environ, "ROOST_PUSH__APNS__ENABLED": "true"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=True)  # noqa: ASYNC221 - the server may wait
    assert re.sub(TIME, "TIME", done.stdout).splitlines() == scene.explain(mid)
