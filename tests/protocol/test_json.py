"""JSON frames: what is taken, in which spellings, and what is said of the rest."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from roost.errors import InvalidInput, MalformedInput, RateLimited, UnknownFrameType
from roost.protocol import frames
from roost.protocol.codec import convert, decode_client_json, encode_json, error_frame, read_json
from tests.protocol.shapes import CLIENT_FRAMES, SERVER_FRAMES, structs

client_frames = st.one_of([structs(kind) for kind in CLIENT_FRAMES])
server_frames = st.one_of([structs(kind) for kind in SERVER_FRAMES])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def fields(kind: type[Any]) -> list[msgspec.structs.FieldInfo]:
    return list(msgspec.structs.fields(kind))


SENT: dict[str, Any] = {"content": "c", "messageID": "m", "messageType": 1, "createTime": 5, "replyTo": "7"}
SENT |= {"mentions": ["b"], "attachments": ["0f"], "ttl": 9, "sticker": {"packID": "p", "stickerID": "s"}}
EXAMPLES: list[dict[str, Any]] = [
    {"type": "auth", "token": "t", "deviceID": "d", "lastSeq": 3, "epoch": "e", "hints": True},
    {"type": "private", "to": "a"} | SENT,
    {"type": "group", "to": "a"} | SENT,
    {"type": "ack", "seq": 1},
    {"type": "sync", "lastSeq": 1, "count": 2, "epoch": "e"},
    {"type": "read", "conversationID": "g:a", "conversationSeq": 1},
    {"type": "edit", "serverMsgID": "1", "content": "c"},
    {"type": "recall", "serverMsgID": "1"},
    {"type": "react", "serverMsgID": "1", "emoji": "e", "remove": True},
    {"type": "typing", "conversationID": "g:a"},
    {"type": "presence", "userIDs": ["a", 2]},
    {"type": "request", "requestID": "7", "method": "PUT", "path": "/api/v1/drafts?a=b", "body": {"content": "c"}},
    {"type": "ping"},
]
REQUIRED = {
    "auth": set(),
    "private": {"to"},
    "group": {"to"},
    "ack": {"seq"},
    "sync": {"lastSeq"},
    "read": {"conversationID", "conversationSeq"},
    "edit": {"serverMsgID", "content"},
    "recall": {"serverMsgID"},
    "react": {"serverMsgID", "emoji"},
    "typing": {"conversationID"},
    "presence": {"userIDs"},
    "request": {"requestID", "method", "path"},
    "ping": set(),
}
FIELDS = [(example, name) for example in EXAMPLES for name in example if name != "type"]


def named(value: object) -> str:
    return value["type"] if isinstance(value, dict) else str(value)


@given(client_frames)
def test_a_client_frame_comes_back_as_it_was(frame: Any) -> None:
    assert decode_client_json(encode_json(frame)) == frame


@given(client_frames)
def test_a_client_frame_may_be_spelled_in_snake_case(frame: Any) -> None:
    spelled = {field.encode_name: field.name for field in fields(type(frame))}
    values = {spelled.get(name, name): value for name, value in msgspec.to_builtins(frame).items()}
    assert decode_client_json(json.dumps(values).encode()) == frame


@given(server_frames)
def test_a_server_frame_comes_back_as_it_was(frame: Any) -> None:
    assert msgspec.json.decode(encode_json(frame), type=type(frame)) == frame


@given(server_frames)
def test_a_server_frame_says_its_type_and_only_names_of_the_contract(frame: Any) -> None:
    sent = json.loads(encode_json(frame))
    assert sent["type"] == frame.__struct_config__.tag
    assert not any("_" in name or name.endswith(("Id", "Ids")) for name in sent)


@pytest.mark.parametrize("example", EXAMPLES, ids=named)
def test_the_contracts_frames_are_taken_with_all_their_fields(example: dict[str, Any]) -> None:
    frame = decode_client_json(json.dumps(example).encode())
    assert {field.encode_name: msgspec.to_builtins(getattr(frame, field.name)) for field in fields(type(frame))} | {
        "type": example["type"]
    } == example


@pytest.mark.parametrize(("example", "name"), FIELDS, ids=named)
def test_a_field_of_the_wrong_type_is_named(example: dict[str, Any], name: str) -> None:
    with pytest.raises(InvalidInput, match=name):
        decode_client_json(json.dumps(example | {name: ["no such"] if name == "body" else {"no": "such"}}).encode())


@pytest.mark.parametrize(("example", "name"), FIELDS, ids=named)
def test_a_field_that_is_required_and_missing_is_named_and_others_may_be_left_out(
    example: dict[str, Any], name: str
) -> None:
    data = json.dumps({key: value for key, value in example.items() if key != name}).encode()
    if name in REQUIRED[example["type"]]:
        with pytest.raises(InvalidInput, match=name):
            decode_client_json(data)
    else:
        decode_client_json(data)


@pytest.mark.parametrize("example", EXAMPLES, ids=named)
def test_a_field_that_is_not_in_the_contract_is_passed_over(example: dict[str, Any]) -> None:
    """A newer client may say more."""
    plain = decode_client_json(json.dumps(example).encode())
    assert decode_client_json(json.dumps(example | {"futureField": 1, "future_field": [2]}).encode()) == plain


@pytest.mark.parametrize("example", EXAMPLES, ids=named)
def test_a_frame_that_was_cut_is_malformed_wherever_it_was_cut(example: dict[str, Any]) -> None:
    data = json.dumps(example | {"wrong": 1, "to": None, "seq": "x", "token": 5}).encode()
    for end in range(len(data)):
        with pytest.raises(MalformedInput):
            decode_client_json(data[:end])


@pytest.mark.parametrize("kind", ["message", "ready", "Auth", "", "edit ", "x" * 5000, "\0"])
def test_an_unknown_type_is_told_with_those_that_are_known(kind: str) -> None:
    with pytest.raises(UnknownFrameType, match="auth, edit, group, ping") as caught:
        decode_client_json(json.dumps({"type": kind, "to": "a"}).encode())
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "data", ["{}", "[]", "null", "5", '"auth"', '{"type":null}', '{"type":5}', '{"type":["auth"]}', '{"Type":"auth"}']
)
def test_what_has_no_type_is_invalid(data: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        decode_client_json(data.encode())
    assert not isinstance(caught.value, MalformedInput | UnknownFrameType)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"\xff",
        b"{",
        b'{"type":"ack","seq":"x"',
        b'{"type":"ack","seq":01}',
        b'{"type":"ack","seq":1}{"type":"ack","seq":2}',
        b'{"type":"ack","seq":NaN}',
        b"{'type':'ack'}",
        b'{"type":"ack","seq":"\xff"}',
        b'{"type":"private","to":"a","content":"\xed\xa0\x80"}',
        b'{"type":"private","to":"a","content":"\\ud800"}',
        b'{"type":"ack","seq":' + b"1" * 5000 + b"}",
        b"[" * 100_000,
        b'{"_":' + b"[" * 100_000,
        b'{"type":"ack","a":' * 5000,
    ],
    ids=lambda data: data[:24].decode("latin-1"),
)
def test_what_is_not_json_is_malformed(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode_client_json(data)
    with pytest.raises(InvalidInput):
        convert(read_json(data), frames.SyncRequest)


@given(st.binary(max_size=60))
def test_no_bytes_do_worse_than_to_be_refused(data: bytes) -> None:
    for decode in (decode_client_json, lambda it: convert(read_json(it), frames.SyncRequest)):
        with suppress(InvalidInput):
            decode(data)


@given(st.dictionaries(st.sampled_from(["type", "to", "content", "seq", "token", "user_ids", "_"]), anything))
def test_no_json_does_worse_than_to_be_refused(value: dict[str, Any]) -> None:
    for kind in ("ack", "private", "presence", None):
        with suppress(InvalidInput):
            decode_client_json(json.dumps(value if kind is None else value | {"type": kind}).encode())


def test_the_name_of_the_contract_wins_over_its_other_spelling() -> None:
    frame = decode_client_json(b'{"type":"private","to":"a","content":"c","message_id":"no","messageID":"yes"}')
    assert isinstance(frame, frames.Private)
    assert frame.message_id == "yes"


def test_content_with_an_underscore_is_left_alone() -> None:
    frame = decode_client_json(b'{"type":"private","to":"a_b","content":"{\\"message_id\\":1} user_id"}')
    assert isinstance(frame, frames.Private)
    assert (frame.to, frame.content) == ("a_b", '{"message_id":1} user_id')


def test_integers_are_ids() -> None:
    frame = decode_client_json(b'{"type":"private","to":2,"content":"c","messageID":7}')
    assert isinstance(frame, frames.Private)
    assert (frame.to, frame.message_id) == (2, 7)


@pytest.mark.parametrize("name", ["messageID", "message_id"])
def test_a_refusal_says_which_message_it_is_about(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        decode_client_json(json.dumps({"type": "private", "to": "a", "content": 5, name: "m" * 100}).encode())
    assert error_frame(caught.value).message_id == "m" * 64


def test_a_refusal_repeats_an_id_that_is_an_integer() -> None:
    with pytest.raises(InvalidInput) as caught:
        decode_client_json(b'{"type": "private", "to": "a", "content": 5, "messageID": 44}')
    assert error_frame(caught.value).message_id == "44"


@pytest.mark.parametrize("name", ["requestID", "request_id"])
def test_a_refusal_says_which_request_it_is_about(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        decode_client_json(json.dumps({"type": "request", "path": "/", name: "7"}).encode())
    assert error_frame(caught.value).request_id == "7"
    asked = frames.Request(request_id=7, method="GET", path="/")
    assert error_frame(MalformedInput(), asked).request_id == "7"


def test_an_error_frame_carries_what_a_program_needs() -> None:
    refusal = RateLimited("Too fast.", retry_after=1.5, retainedSeq=41)
    assert json.loads(encode_json(error_frame(refusal, frames.Private(to="a", message_id="m")))) == {
        "type": "error",
        "code": 42900,
        "error": "rate_limited",
        "message": "Too fast.",
        "messageID": "m",
        "retryAfter": 1.5,
        "data": {"retainedSeq": 41},
    }


@given(structs(frames.SyncRequest))
def test_a_sync_request_comes_back_as_it_was(request: frames.SyncRequest) -> None:
    assert convert(read_json(encode_json(request)), frames.SyncRequest) == request


@pytest.mark.parametrize("seq", [0, 2**53, 2**63 - 1 - 100])
def test_a_sync_request_may_name_any_seq(seq: int) -> None:
    assert convert(read_json(b'{"last_seq":%d}' % seq), frames.SyncRequest).last_seq == seq
