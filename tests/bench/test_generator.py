"""The load generator: its frames are right, and it notices every kind of wrong delivery."""

from __future__ import annotations

import json
import socket
import uuid

import pytest
from bench.audience import Member
from bench.client import Entry, Frame, Template, text_frame
from bench.figures import Figure, percentile
from bench.load import Follower, WrongDeliveryError


def unmask(frame: bytes) -> bytes:
    """The payload of a client frame (RFC 6455 §5.2), whatever its key."""
    size, start = frame[1] & 0x7F, 2
    if size == 126:
        size, start = int.from_bytes(frame[2:4], "big"), 4
    key, payload = frame[start : start + 4], frame[start + 4 :]
    assert len(payload) == size
    return bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535])
def test_a_frame_carries_its_payload_masked_and_whole(size: int) -> None:
    frame = text_frame(b"x" * size)
    assert frame[0] == 0x81
    assert frame[1] & 0x80
    assert unmask(frame) == b"x" * size


def test_a_template_fills_in_the_number_and_nothing_else() -> None:
    template = Template("private", "100%", 5000)
    first, later = (json.loads(unmask(template.frames([n]))) for n in (0, 123_456))
    assert first["content"].startswith("000000000000")
    assert later["content"].startswith("000000123456")
    assert later["messageID"] == template.message_id(123_456)
    assert uuid.UUID(later["messageID"]).version == 7
    assert {**first, "content": "", "messageID": ""} == {
        "type": "private",
        "to": "100%",
        "content": "",
        "messageID": "",
    }


def test_two_senders_make_different_message_ids() -> None:
    assert Template("private", "x", 1).message_id(7) != Template("private", "x", 2).message_id(7)


def message(seq: int, number: int) -> Frame:
    return Frame(type="message", seq=seq, content=f"{number:012d}")


def test_a_follower_takes_entries_and_batches_in_order() -> None:
    follower = Follower(ordered=True)
    follower.follow(Frame(type="offline", messages=(Entry(2, "0" * 12), Entry(3, "0" * 11 + "1")), through_seq=4))
    follower.follow(Frame(type="change", seq=5))
    follower.follow(message(6, 2))
    assert (follower.seq, follower.delivered) == (6, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(message(1, 0), id="twice"),
        pytest.param(message(3, 1), id="a gap in the log"),
        pytest.param(message(2, 2), id="a message left out"),
        pytest.param(Frame(type="offline", messages=(Entry(1, "0" * 12),), through_seq=1), id="twice, in a batch"),
    ],
)
def test_a_follower_notices(wrong: Frame) -> None:
    follower = Follower(ordered=True)
    follower.follow(message(1, 0))
    with pytest.raises(WrongDeliveryError):
        follower.follow(wrong)


def test_a_member_reads_frames_however_they_are_cut() -> None:
    frames = b""
    for n in range(3):
        text = json.dumps({"type": "message", "seq": n + 1, "content": f"{n:012d}" + "x" * 200 * n}).encode()
        head = bytes((0x81, len(text))) if len(text) < 126 else b"\x81\x7e" + len(text).to_bytes(2, "big")
        frames += head + text
    server, client = socket.socketpair()
    with server, client:
        member = Member(client)
        for byte in frames:
            server.send(bytes((byte,)))
            member.read()
    assert member.delivered == 3


def test_the_median_round_decides_whether_a_target_is_met() -> None:
    assert Figure("part", "name", "s", [1, 9, 2], target=2, better="less").met
    assert not Figure("part", "name", "1/s", [1, 9, 2], target=3).met
    assert Figure("part", "name", "s", [1]).met is None


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert percentile(values, 50) == 51
    assert percentile(values, 99) == 100
    assert percentile([3.0], 99.9) == 3.0
