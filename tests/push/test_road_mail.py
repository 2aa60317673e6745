"""The road of a push to a mailbox: from messages to one mail, through a real server and a real SMTP server (A8, A9)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from roost import wiring
from roost.config import ConfigError
from tests.blackbox.house import Guest, House
from tests.blackbox.line import eventually
from tests.push.conftest import OpenHouse
from tests.push.mailhost import MailHost
from tests.push.road import Books

WAIT = 60
"""Seconds from the first message that was missed to the mail."""


class Time:
    """The server's clock, which tests put forward."""

    def __init__(self) -> None:
        self._real = wiring.now_ms
        self._ahead = 0

    def __call__(self) -> int:
        return self._real() + self._ahead

    def pass_(self, seconds: float) -> None:
        self._ahead += int(seconds * 1000)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr("roost.wiring.now_ms", time)
    monkeypatch.setattr("roost.push.outbox.LOOK_AGAIN", 0.02)
    return time


@pytest.fixture
async def host() -> AsyncIterator[MailHost]:
    async with MailHost.running() as host:
        yield host


@pytest.fixture
async def house(open_house: OpenHouse, host: MailHost, time: Time) -> House:
    email = {"enabled": True, "host": "127.0.0.1", "port": host.port, "tls": "none"}
    return await open_house(email=email | {"sender": "Roost <chat@roost.test>", "wait": WAIT})


@pytest.fixture
def books(house: House) -> Books:
    return Books(house)


@pytest.fixture
async def ann(house: House) -> Guest:
    return await house.guest("ann")


@pytest.fixture
async def bob(house: House) -> Guest:
    bob = await house.guest("bob")
    answer = await bob.post("/devices", {"platform": "email", "email": "bob@example.org"})
    assert answer.data["active"]
    return bob


def text(host: MailHost, number: int) -> str:
    """What a mail says, without markup."""
    body = host.mails[number].message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


async def test_several_messages_become_one_mail_that_tells_of_all(
    host: MailHost, time: Time, books: Books, ann: Guest, bob: Guest
) -> None:
    for content in ("one", "two", "three"):
        await ann.send(bob, content)
    assert (host.mails, books.waiting()) == ([], 3)
    time.pass_(WAIT)
    await eventually(books.settled)
    [mail] = host.mails
    assert mail.receivers == ["bob@example.org"]
    assert mail.message["Subject"] == "3 messages from ann"
    assert [word for word in ("one", "two", "three") if f"ann: {word}" in text(host, 0)] == ["one", "two", "three"]


async def test_the_log_has_a_line_for_each_message_of_a_mail(
    time: Time, books: Books, house: House, ann: Guest, bob: Guest
) -> None:
    sent = [await ann.send(bob, content) for content in ("one", "two", "three")]
    time.pass_(WAIT)
    await eventually(books.settled)
    lines = books.rows("SELECT message_id, push_type, push_status FROM push_log")
    assert {tuple(line.values()) for line in lines} == {(int(one["serverMsgID"]), "email", "sent") for one in sent}
    assert len(lines) == 3


async def test_a_private_conversation_is_called_by_who_speaks(
    host: MailHost, time: Time, books: Books, ann: Guest, bob: Guest
) -> None:
    await ann.send(bob)
    time.pass_(WAIT)
    await eventually(books.settled)
    assert text(host, 0).splitlines()[0] == "ann (1 message)"


async def test_a_second_mail_tells_only_of_what_is_new(
    host: MailHost, time: Time, books: Books, ann: Guest, bob: Guest
) -> None:
    await ann.send(bob, "early")
    time.pass_(WAIT)
    await eventually(books.settled)
    await ann.send(bob, "late")
    time.pass_(WAIT)
    await eventually(books.settled)
    assert len(host.mails) == 2
    assert "late" in text(host, 1)
    assert "early" not in text(host, 1)


async def test_what_was_read_meanwhile_makes_no_mail(
    host: MailHost, time: Time, books: Books, ann: Guest, bob: Guest
) -> None:
    await ann.send_many(bob, 2)
    assert (await bob.post("/conversations/p:ann:bob/read", {"conversationSeq": 2})).status == 200
    time.pass_(WAIT)
    await eventually(books.settled)
    assert host.mails == []
    assert books.attempts("bob") == [("dropped", "the user has read it")] * 2


async def test_what_a_mail_leaves_out_is_not_logged_as_sent(
    host: MailHost, time: Time, books: Books, ann: Guest, bob: Guest, house: House
) -> None:
    cat = await house.guest("cat")
    await ann.send(bob, "hear me")
    await cat.send(bob, "not me")
    await ann.send(bob, "and me")
    await bob.put("/conversations/p:bob:cat/mute", {"muted": True})
    time.pass_(WAIT)
    await eventually(books.settled)
    [_] = host.mails
    assert "not me" not in text(host, 0)
    assert sorted(books.attempts("bob"), key=str) == [
        ("dropped", "the conversation is muted"),
        ("sent", None),
        ("sent", None),
    ]


async def test_a_mailbox_that_does_not_exist_is_removed(
    host: MailHost, time: Time, books: Books, ann: Guest, bob: Guest
) -> None:
    host.replies["RCPT"] = "550 5.1.1 No such user"
    await ann.send(bob)
    time.pass_(WAIT)
    await eventually(books.settled)
    assert books.attempts("bob") == [("dead", "550 5.1.1 No such user")]
    assert (await bob.devices())["phone"]["push"] == []


async def test_a_wait_that_outlasts_the_news_is_refused_at_the_start(open_house: OpenHouse) -> None:
    email: dict[str, Any] = {"enabled": True, "host": "localhost", "sender": "chat@roost.test", "wait": 600}
    with pytest.raises(ConfigError, match="push.email.wait"):
        await open_house(ttl=600, email=email)
