"""Stickers over WebSocket, in both spellings (D9)."""

from __future__ import annotations

import time
from typing import Any

import pytest

from roost.edge.auth.keys import operator_key
from tests.blackbox.house import Guest, House
from tests.blackbox.line import JSON
from tests.blackbox.proto import PROTOBUF

WAVE = {"stickerID": "wave", "emoji": "👋", "url": "https://example.org/wave.webp"}


@pytest.mark.parametrize("speech", [JSON, PROTOBUF], ids=["JSON", "Protobuf"])
async def test_the_receipt_and_the_message_carry_the_sticker(house: House, ann: Guest, bob: Guest, speech: Any) -> None:
    pack = house.name("pack")
    key = operator_key(house.secret, time.time_ns() // 1_000_000)
    body = {"name": "Cats", "stickers": [WAVE]}
    path, headers = f"/api/v1/admin/stickers/{pack}", {"Authorization": f"Bearer {key}"}
    assert (await house.http.put(path, json=body, headers=headers)).status_code == 200
    here, there = await ann.line(speech=speech, lastSeq=0), await bob.line(speech=speech, lastSeq=0)
    sent = await here.send(bob.user_id, "", sticker={"packID": pack, "stickerID": "wave"})
    message = await there.hear("message")
    assert sent["sticker"] == message["sticker"] == {"packID": pack} | WAVE
    assert (sent["content"], message["content"], message["messageType"]) == ("👋", "👋", 4)
    await here.say("private", to=bob.user_id, sticker={"packID": pack, "stickerID": "none"})
    await here.refused("unknown_sticker")
