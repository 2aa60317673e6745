"""Python names, wire names, and the spellings of these that are accepted (CONTRACT §2)."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from roost.model.message import Change, Message
from roost.model.names import accept_snake_case, wire_name
from roost.protocol.codec import encode_json

json_values = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abID_", max_size=6), inner),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("seq", "seq"),
        ("message_id", "messageID"),
        ("user_ids", "userIDs"),
        ("server_msg_id", "serverMsgID"),
        ("conversation_seq", "conversationSeq"),
        ("page_size", "pageSize"),
    ],
)
def test_a_wire_name(name: str, expected: str) -> None:
    assert wire_name(name) == expected


@given(json_values)
def test_accepting_twice_is_accepting_once(value: Any) -> None:
    once = accept_snake_case(value)
    assert accept_snake_case(once) == once


@given(st.dictionaries(st.text("abID", max_size=6), st.integers()))
def test_wire_names_are_left_as_they_are(value: dict[str, int]) -> None:
    assert accept_snake_case(value) == value


def test_names_are_accepted_at_any_depth() -> None:
    spelled = {"a_b": [{"user_id": {"c_ids": 1}}]}
    assert accept_snake_case(spelled) == {"aB": [{"userID": {"cIDs": 1}}]}


def test_the_wire_name_wins_whatever_comes_first() -> None:
    assert accept_snake_case({"user_id": 1, "userID": 2}) == {"userID": 2}
    assert accept_snake_case({"userID": 2, "user_id": 1}) == {"userID": 2}


def test_what_is_not_set_is_not_sent() -> None:
    sent = encode_json(Change(kind="read", conversation_id="p:a:b"))
    assert sent == b'{"kind":"read","conversationID":"p:a:b"}'


def test_a_message_has_the_names_of_the_contract() -> None:
    message = Message(
        message_id="m",
        server_msg_id="1",
        seq=2,
        conversation_id="p:a:b",
        conversation_seq=3,
        sender_id="a",
        message_type=1,
        content="",
        create_time=0,
        server_time=0,
        version=1,
    )
    names = (
        b'{"messageID":"m","serverMsgID":"1","seq":2,"conversationID":"p:a:b","conversationSeq":3,"senderID":"a",'
        b'"messageType":1,"content":"","createTime":0,"serverTime":0,"version":1}'
    )
    assert encode_json(message) == names
