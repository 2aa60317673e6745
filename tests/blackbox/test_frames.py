"""RFC 6455 below the contract: fragments, control frames, and what is no WebSocket at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.blackbox.house import Guest, House
from tests.blackbox.raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Raw, frame, request, text

MAX_FRAME = 65536


@pytest.fixture
async def raw(house: House, ann: Guest) -> AsyncIterator[Raw]:
    """An authenticated connection of ann."""
    status, _, raw = await request(house.port)
    assert status == 101
    raw.write(text(type="auth", token=ann.token))
    assert (await raw.hear())["type"] == "ready"
    yield raw
    await raw.close()


async def is_open(raw: Raw) -> bool:
    raw.write(text(type="ping"))
    return (await raw.hear())["type"] == "pong"


async def test_a_message_may_come_in_fragments(raw: Raw, bob: Guest) -> None:
    payload = b'{"type":"private","to":"%s","content":"in \xf0\x9f\x98\x80 pieces"}' % bob.user_id.encode()
    raw.write(frame(TEXT, payload[:1], fin=False))
    for index in range(1, len(payload)):
        raw.write(frame(CONTINUATION, payload[index : index + 1], fin=False))
    raw.write(frame(CONTINUATION))
    assert (await raw.hear())["type"] == "sent"
    assert (await bob.offline())["messages"][0]["content"] == "in \N{GRINNING FACE} pieces"


async def test_control_frames_may_come_between_fragments(raw: Raw) -> None:
    raw.write(frame(TEXT, b'{"type":', fin=False), frame(PING, b"between"), frame(PONG, b"unasked"))
    raw.write(frame(CONTINUATION, b'"ping"', fin=False), frame(PING), frame(CONTINUATION, b"}"))
    answers = [await raw.read() for _ in range(3)]
    assert [(one.opcode, one.payload) for one in answers[:2]] == [(PONG, b"between"), (PONG, b"")]
    assert b'"pong"' in answers[2].payload


async def test_a_ping_is_answered_with_its_payload(raw: Raw) -> None:
    for payload in (b"", b"hello", bytes(125)):
        raw.write(frame(PING, payload))
        assert await raw.read() == (PONG, payload)


async def test_bytes_may_come_one_at_a_time(raw: Raw) -> None:
    for byte in text(type="ping"):
        raw.write(bytes((byte,)))
        await asyncio.sleep(0)
    assert (await raw.hear())["type"] == "pong"


async def test_many_frames_may_come_at_once(raw: Raw) -> None:
    raw.write(*[text(type="ping")] * 2000)
    assert [(await raw.hear())["type"] for _ in range(2000)] == ["pong"] * 2000


PROTOCOL_ERRORS = {
    "unmasked": frame(TEXT, b'{"type":"ping"}', masked=False),
    "first reserved bit": frame(TEXT, b'{"type":"ping"}', rsv=4),
    "second reserved bit": frame(TEXT, b'{"type":"ping"}', rsv=2),
    "third reserved bit": frame(TEXT, b'{"type":"ping"}', rsv=1),
    "reserved bit on a ping": frame(PING, rsv=4),
    "unknown data opcode": frame(3, b"x"),
    "unknown control opcode": frame(11, b"x"),
    "continuation of nothing": frame(CONTINUATION, b"x"),
    "message within a message": frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"),
    "binary within text": frame(TEXT, b"a", fin=False) + frame(BINARY, b"b"),
    "fragmented ping": frame(PING, b"x", fin=False),
    "long ping": frame(PING, bytes(126)),
    "long close": frame(CLOSE, b"\x03\xe8" + bytes(124)),
    "close with half a code": frame(CLOSE, b"\x03"),
    "close with a code nobody may send": frame(CLOSE, (1005).to_bytes(2, "big")),
    "close with a code below all": frame(CLOSE, (999).to_bytes(2, "big")),
}


@pytest.mark.parametrize("wrong", PROTOCOL_ERRORS.values(), ids=PROTOCOL_ERRORS)
async def test_what_is_no_websocket_closes_with_1002(raw: Raw, wrong: bytes) -> None:
    raw.write(wrong)
    assert await raw.closed() == 1002


INVALID_TEXT = {
    "in a content": b'{"type":"private","to":"x","content":"\xff"}',
    "outside of strings": b'{"type":"ping"\xff}',
    "in a field nobody knows": b'{"type":"ping","more":"\xc3\x28"}',
    "in a key": b'{"type":"ping","\xe2\x28\xa1":1}',
    "cut off": b'{"type":"ping","more":"\xf0\x9f\x98"}',
    "a surrogate": b'{"type":"ping","more":"\xed\xa0\x80"}',
    "overlong": b'{"type":"ping","more":"\xc0\xaf"}',
    "snake_case besides": b'{"type":"ping","mo_re":"\xc0\xaf"}',
}


@pytest.mark.parametrize("payload", INVALID_TEXT.values(), ids=INVALID_TEXT)
async def test_text_that_is_not_utf8_closes_with_1007(raw: Raw, payload: bytes) -> None:
    raw.write(frame(TEXT, payload))
    assert await raw.closed() == 1007


async def test_a_close_reason_that_is_not_utf8_closes_with_1007(raw: Raw) -> None:
    raw.write(frame(CLOSE, b"\x03\xe8\xff"))
    assert await raw.closed() == 1007


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1011, 3000, 4000, 4999])
async def test_a_close_is_answered_with_its_code(raw: Raw, code: int) -> None:
    raw.write(text(type="ping"), frame(CLOSE, code.to_bytes(2, "big") + b"bye"))
    assert (await raw.hear())["type"] == "pong"
    assert await raw.closed() == code


async def test_a_close_without_a_code_is_answered(raw: Raw) -> None:
    raw.write(frame(CLOSE))
    assert (await raw.read()).opcode == CLOSE
    await raw.ended()


async def test_nothing_counts_that_comes_behind_a_close(raw: Raw, bob: Guest) -> None:
    raw.write(frame(CLOSE, b"\x03\xe8"), text(type="private", to=bob.user_id, content="too late"))
    await raw.ended()
    assert (await bob.offline())["total"] == 0


async def test_a_frame_of_the_largest_size_is_taken_and_one_byte_more_closes_with_1009(raw: Raw) -> None:
    payload = b'{"type":"ping","more":"' + b"x" * (MAX_FRAME - 25) + b'"}'
    assert len(payload) == MAX_FRAME
    raw.write(frame(TEXT, payload))
    assert (await raw.hear())["type"] == "pong"
    raw.write(frame(TEXT, payload + b" "))
    assert await raw.closed() == 1009


@pytest.mark.parametrize("length", [MAX_FRAME + 1, 2**31, 2**62])
async def test_the_length_alone_is_enough_to_refuse_a_frame(raw: Raw, length: int) -> None:
    raw.write(frame(BINARY, length=length))
    assert await raw.closed() == 1009


async def test_fragments_have_the_bound_of_one_frame(raw: Raw) -> None:
    whole = b'{"type":"ping","more":"' + b"x" * (MAX_FRAME - 25) + b'"}'
    raw.write(frame(TEXT, whole[:30_000], fin=False), frame(CONTINUATION, whole[30_000:]))
    assert (await raw.hear())["type"] == "pong"
    raw.write(frame(TEXT, bytes(40_000), fin=False), frame(CONTINUATION, bytes(40_000), fin=False))
    assert await raw.closed() == 1009


async def test_a_bad_connection_harms_no_other(raw: Raw, house: House, ann: Guest, bob: Guest) -> None:
    other = await ann.line()

    async def disturb(wrong: bytes) -> None:
        _, _, one = await request(house.port)
        one.write(text(type="auth", token=bob.token), wrong)
        await one.ended()
        await one.close()

    await asyncio.gather(*(disturb(wrong) for wrong in PROTOCOL_ERRORS.values()))
    await other.nothing()
    assert await is_open(raw)
