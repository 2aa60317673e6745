"""Mail against a real SMTP server in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from roost.config import ConfigError
from roost.config import Email as Settings
from roost.errors import InvalidInput
from roost.push import email
from roost.push.addresses import check_email
from roost.push.contract import Dead, Email, Failed, Missed, Notification, Outcome, Retry, Sent
from roost.push.digest import CONVERSATIONS, LISTED
from roost.push.email import EmailChannel
from tests.push.certificates import Tls, make_tls
from tests.push.mailhost import PASSWORD, USERNAME, MailHost
from tests.push.notifications import notification, trial
from tests.rooms import BEGINNING

BEN = Email(email="ben@example.org")
INJECTION = "Ann\r\nBcc: eve@example.org\r\n\r\n<script>alert(1)</script>\x00\x1b[31m\u2028"
"""What a name or a text may be that wants to be more than that."""


def missed(**changes: object) -> Missed:
    (message,) = notification().missed
    return msgspec.structs.replace(message, **changes)


def digest(*messages: Missed) -> Notification:
    return notification(missed=messages)


@pytest.fixture
async def host() -> AsyncIterator[MailHost]:
    async with MailHost.running() as host:
        yield host


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return make_tls(tmp_path_factory.mktemp("certificates"))


Open = Callable[..., EmailChannel]


@pytest.fixture
async def open_channel(tls: Tls) -> AsyncIterator[Open]:
    """Channels to a mail server, that trust its certificate; other settings are keywords."""
    opened: list[EmailChannel] = []

    def open_one(server: MailHost | None = None, *, timeout: float = 20.0, **settings: object) -> EmailChannel:
        usual = {"host": "localhost", "port": server.port if server else 25, "tls": "none", "sender": "chat@roost.test"}
        section = msgspec.convert(usual | settings, Settings)
        opened.append(EmailChannel(section, lambda: BEGINNING, timeout=timeout, verify=tls.client))
        return opened[-1]

    yield open_one
    for channel in opened:
        await channel.close()


@pytest.fixture
def channel(open_channel: Open, host: MailHost) -> EmailChannel:
    return open_channel(host)


def text_of(host: MailHost) -> str:
    """The last mail as one reads it without HTML."""
    part = host.mails[-1].message.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def html_of(host: MailHost) -> str:
    part = host.mails[-1].message.get_body(("html",))
    assert part is not None
    return str(part.get_content())


class Seen(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str | None] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert {name for name, _ in attrs} <= {"dir", "lang", "href"}
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


# --- the mail ---


async def test_the_mail_goes_from_the_sender_to_the_mailbox(open_channel: Open, host: MailHost) -> None:
    await open_channel(host, sender="Röst <chat@roost.test>").send(BEN, notification())

    (mail,) = host.mails
    assert (mail.sender, mail.receivers) == ("chat@roost.test", ["ben@example.org"])
    assert mail.message["From"] == "Röst <chat@roost.test>"
    assert mail.message["To"] == "ben@example.org"


async def test_what_was_missed_is_listed_by_conversation_with_time_and_text(
    channel: EmailChannel, host: MailHost
) -> None:
    at = int(datetime(2026, 3, 1, 9, 5, tzinfo=UTC).timestamp() * 1000)
    team = {"conversation_id": "g:team", "conversation_name": "Team"}
    await channel.send(
        BEN,
        digest(
            missed(**team, sender_name="Ann", text="Who comes?", time=at),
            missed(text="Are you there?", time=at + 60_000),
            missed(**team, sender_name="Zoë", sender_id="zoe", text="I do & so <b>does</b> he", time=at + 120_000),
        ),
    )

    assert text_of(host).splitlines() == [
        "Team (2 messages)",
        "  2026-03-01 09:05 UTC  Ann: Who comes?",
        "  2026-03-01 09:07 UTC  Zoë: I do & so <b>does</b> he",
        "",
        "Ann (1 message)",
        "  2026-03-01 09:06 UTC  Ann: Are you there?",
    ]
    seen = Seen(html_of(host))
    for words in ("Team (2 messages)", "2026-03-01 09:07 UTC", "Zoë", "I do & so <b>does</b> he", "Are you there?"):
        assert words in seen.text


async def test_without_a_preview_only_the_number_is_told(channel: EmailChannel, host: MailHost) -> None:
    await channel.send(BEN, digest(missed(text=""), missed(text="")))

    assert text_of(host) == "Ann (2 messages)\n"
    assert Seen(html_of(host)).text.split() == ["Ann", "(2", "messages)"]


async def test_of_many_messages_the_newest_are_listed_and_all_are_counted(
    channel: EmailChannel, host: MailHost
) -> None:
    await channel.send(BEN, digest(*(missed(text=f"number {n}", server_msg_id=f"{n}") for n in range(500))))

    assert text_of(host).splitlines()[0] == "Ann (500 messages)"
    assert [line[-10:] for line in text_of(host).splitlines()[1:]] == [f"number {n}" for n in range(500 - LISTED, 500)]


async def test_of_many_conversations_some_are_only_counted(channel: EmailChannel, host: MailHost) -> None:
    await channel.send(BEN, digest(*(missed(conversation_id=f"g:{n}") for n in range(CONVERSATIONS + 3))))

    assert text_of(host).count("(1 message)") == CONVERSATIONS
    assert text_of(host).endswith("… and 3 more conversations\n")


async def test_a_test_push_says_its_title_and_body(channel: EmailChannel, host: MailHost) -> None:
    await channel.send(BEN, trial())

    assert host.mails[0].message["Subject"] == "Roost"
    assert text_of(host) == "It works.\n"
    assert "It works." in Seen(html_of(host)).text


@pytest.mark.parametrize(
    ("people", "subject"),
    [
        (["Ann"], "1 message from Ann"),
        (["Ann", "Ann", "Ann"], "3 messages from Ann"),
        (["Ann", "Zoë"], "2 messages from Ann and Zoë"),
        (["Ann", "Zoë", "Ben", "Zoë"], "4 messages from Ann and 2 others"),
        (["山田 🦆"], "1 message from 山田 🦆"),
    ],
)
async def test_the_subject_tells_how_many_and_from_whom(
    people: list[str], subject: str, channel: EmailChannel, host: MailHost
) -> None:
    await channel.send(BEN, digest(*(missed(sender_id=name, sender_name=name) for name in people)))

    assert host.mails[0].message["Subject"] == subject


async def test_a_program_is_seen_to_have_written_it(channel: EmailChannel, host: MailHost) -> None:
    """RFC 3834: nothing answers it by itself."""
    await channel.send(BEN, notification())

    message = host.mails[0].message
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == datetime.fromtimestamp(BEGINNING / 1000, UTC)
    assert message.get_content_type() == "multipart/alternative"


async def test_a_mail_that_is_sent_twice_is_the_same_mail(channel: EmailChannel, host: MailHost) -> None:
    for notice in (notification(), notification(), notification(user_id="cat"), digest(missed(server_msg_id="43"))):
        await channel.send(BEN, notice)

    first, again, another, later = (mail.message["Message-ID"] for mail in host.mails)
    assert first == again
    assert len({first, another, later}) == 3
    assert first.endswith("@roost.test>")


async def test_two_test_pushes_are_two_mails(channel: EmailChannel, host: MailHost) -> None:
    await channel.send(BEN, trial())
    await channel.send(BEN, trial())

    assert host.mails[0].message["Message-ID"] != host.mails[1].message["Message-ID"]


async def test_a_server_that_knows_only_ascii_takes_it(channel: EmailChannel, host: MailHost) -> None:
    await channel.send(BEN, digest(missed(text="Grüße 🦆", sender_name="Zoë")))

    assert host.mails[0].content.isascii()


async def test_the_mail_can_be_unsubscribed_with_one_click(open_channel: Open, host: MailHost) -> None:
    """RFC 8058. A long address stays in one piece, and no character of a user id ends it."""
    page = "https://example.org/" + "x" * 200 + "?user={user}"
    await open_channel(host, unsubscribe=page).send(BEN, notification(user_id="ben@example.org"))

    link = page.replace("{user}", "ben%40example.org")
    assert f"\r\nList-Unsubscribe: <{link}>\r\n".encode() in host.mails[0].content
    assert host.mails[0].message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert text_of(host).endswith(f"Switch these mails off: {link}\n")
    assert Seen(html_of(host)).links == [link]


async def test_one_click_is_promised_for_https_alone(open_channel: Open, host: MailHost) -> None:
    await open_channel(host, unsubscribe="mailto:off@roost.test?subject={user}").send(BEN, notification())

    assert host.mails[0].message["List-Unsubscribe"] == "<mailto:off@roost.test?subject=ben>"
    assert host.mails[0].message["List-Unsubscribe-Post"] is None


async def test_without_a_page_nothing_is_said_of_unsubscribing(channel: EmailChannel, host: MailHost) -> None:
    await channel.send(BEN, notification())

    assert host.mails[0].message["List-Unsubscribe"] is None
    assert "off" not in text_of(host)


# --- who wants to write more than a name ---

HEADERS = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"]


@pytest.mark.parametrize(
    "notice",
    [
        digest(missed(sender_name=INJECTION)),
        digest(missed(conversation_name=INJECTION)),
        digest(missed(text=INJECTION)),
        notification(title=INJECTION, body=INJECTION, missed=()),
    ],
    ids=["name", "conversation", "text", "title"],
)
async def test_no_name_or_text_adds_a_header_a_receiver_or_a_tag(
    notice: Notification, channel: EmailChannel, host: MailHost
) -> None:
    await channel.send(BEN, notice)

    (mail,) = host.mails
    assert mail.receivers == ["ben@example.org"]
    assert mail.message.keys() == HEADERS
    assert Seen(html_of(host)).tags <= {"html", "body", "h3", "p", "ul", "li", "b", "small"}
    shown = text_of(host) + mail.message["Subject"]
    assert "Bcc: eve@example.org" in shown  # one line of text among others
    assert not {"\r", "\x00", "\x1b", "\u2028"} & set(shown)
    assert not any(line.startswith("Bcc") for line in shown.splitlines())


async def test_a_name_can_t_turn_the_subject_around(channel: EmailChannel, host: MailHost) -> None:
    await channel.send(BEN, digest(missed(sender_name="Ann\u202emoc.live\u2066")))

    assert host.mails[0].message["Subject"] == "1 message from Ann moc.live"


async def test_a_text_of_a_dot_does_not_end_the_mail(channel: EmailChannel, host: MailHost) -> None:
    await channel.send(BEN, notification(body=".", missed=()))

    assert text_of(host) == ".\n"


async def test_long_names_and_texts_are_shortened(channel: EmailChannel, host: MailHost) -> None:
    await channel.send(BEN, digest(missed(sender_name="Ann " * 1000, text="word " * 5000)))

    assert len(host.mails[0].message["Subject"]) < 100
    assert len(text_of(host)) < 600


# --- what the server replies ---


async def outcome_of(channel: EmailChannel, host: MailHost, **replies: str) -> Outcome:
    host.replies = replies
    return await channel.send(BEN, notification())


async def test_what_the_server_takes_is_sent_with_its_queue_id(channel: EmailChannel, host: MailHost) -> None:
    assert await outcome_of(channel, host) == Sent("2.0.0 Ok: queued as 1")


@pytest.mark.parametrize("reply", ["550 5.1.1 no such user", "553 5.1.3 no", "551 5.1.6 moved", "556 5.1.10 null MX"])
async def test_a_mailbox_that_does_not_exist_is_dead(reply: str, channel: EmailChannel, host: MailHost) -> None:
    assert await outcome_of(channel, host, RCPT=reply) == Dead(reply)


async def test_a_mailbox_may_be_found_missing_only_with_the_mail_itself(channel: EmailChannel, host: MailHost) -> None:
    assert await outcome_of(channel, host, DATA="550 5.1.1 no such user") == Dead("550 5.1.1 no such user")


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("RCPT", "550 5.7.1 relaying denied"),
        ("RCPT", "550 no such user, perhaps"),
        ("RCPT", "552 5.2.2 mailbox full"),
        ("RCPT", "550 5.1.12 not a code we know"),
        ("MAIL", "550 5.1.1 who are you"),
        ("MAIL", "553 5.7.1 sender refused"),
        ("DATA", "554 5.7.1 looks like spam"),
    ],
)
async def test_another_refusal_is_failed_and_keeps_the_address(
    command: str, reply: str, channel: EmailChannel, host: MailHost
) -> None:
    assert await outcome_of(channel, host, **{command: reply}) == Failed(reply)


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("reply", ["450 4.2.0 greylisted", "421 4.3.2 shutting down"])
async def test_not_now_is_tried_again(command: str, reply: str, channel: EmailChannel, host: MailHost) -> None:
    assert await outcome_of(channel, host, **{command: reply}) == Retry(reply)

    assert isinstance(await outcome_of(channel, host), Sent)


async def test_a_refusal_fits_one_line_of_the_log(channel: EmailChannel, host: MailHost) -> None:
    outcome = await outcome_of(channel, host, RCPT="550-5.7.1 no\r\n550-5.7.1 \x1b[31m no\r\n550 5.7.1 " + "no " * 300)

    assert isinstance(outcome, Failed)
    assert outcome.reason.startswith("550 5.7.1 no 5.7.1 [31m no")
    assert outcome.reason.isprintable()
    assert len(outcome.reason) < 310


@pytest.mark.parametrize("command", ["MAIL", "DATA"])
async def test_a_server_that_falls_silent_is_tried_again(command: str, open_channel: Open, host: MailHost) -> None:
    channel = open_channel(host, timeout=0.5)
    host.silent = command

    assert await channel.send(BEN, notification()) == Retry("no answer within 0.5 s")

    host.silent = None
    assert isinstance(await channel.send(BEN, notification()), Sent)


async def test_a_server_that_is_not_there_is_tried_again(open_channel: Open) -> None:
    async with MailHost.running() as host:
        channel = open_channel(host)

    assert isinstance(await channel.send(BEN, notification()), Retry)


# --- TLS and login ---


async def test_the_connection_is_encrypted_by_starttls_before_the_login(open_channel: Open, tls: Tls) -> None:
    async with MailHost.running(starttls=tls.server, login=True) as host:
        channel = open_channel(host, tls="starttls", username=USERNAME, password=PASSWORD)

        assert isinstance(await channel.send(BEN, notification()), Sent)
        assert (host.mails[0].encrypted, host.mails[0].login) == (True, USERNAME)


async def test_the_connection_is_encrypted_from_the_first_byte(open_channel: Open, tls: Tls) -> None:
    async with MailHost.running(tls=tls.server, login=True) as host:
        channel = open_channel(host, tls="tls", username=USERNAME, password=PASSWORD)

        assert isinstance(await channel.send(BEN, notification()), Sent)
        assert (host.mails[0].encrypted, host.mails[0].login) == (True, USERNAME)


async def test_a_server_without_starttls_gets_nothing_where_it_is_asked_for(open_channel: Open, host: MailHost) -> None:
    assert isinstance(await open_channel(host, tls="starttls").send(BEN, notification()), Failed)
    assert host.mails == []


@pytest.mark.parametrize("mode", ["starttls", "tls"])
async def test_a_certificate_of_somebody_else_is_not_spoken_to(
    mode: str, open_channel: Open, tls: Tls, tmp_path: Path
) -> None:
    other = make_tls(tmp_path)
    async with MailHost.running(**{mode: other.server}) as host:
        assert isinstance(await open_channel(host, tls=mode).send(BEN, notification()), Retry)
        assert host.mails == []


async def test_a_wrong_password_is_failed(open_channel: Open, tls: Tls) -> None:
    async with MailHost.running(starttls=tls.server, login=True) as host:
        channel = open_channel(host, tls="starttls", username=USERNAME, password="wrong")

        outcome = await channel.send(BEN, notification())
        assert isinstance(outcome, Failed)
        assert outcome.reason.startswith("535 ")


async def test_a_server_that_knows_no_login_is_failed(open_channel: Open, host: MailHost) -> None:
    channel = open_channel(host, username=USERNAME, password=PASSWORD)

    assert isinstance(await channel.send(BEN, notification()), Failed)


# --- connections ---


async def test_one_connection_carries_one_mail_after_the_other(channel: EmailChannel, host: MailHost) -> None:
    for _ in range(5):
        await channel.send(BEN, notification())

    assert (len(host.mails), host.connections) == (5, 1)


async def test_many_mails_at_once_share_a_few_connections(channel: EmailChannel, host: MailHost) -> None:
    outcomes = await asyncio.gather(*(channel.send(BEN, notification()) for _ in range(30)))

    assert {type(outcome) for outcome in outcomes} == {Sent}
    assert (len(host.mails), host.connections) == (30, email.CONNECTIONS)


async def test_a_server_that_hung_up_meanwhile_is_called_again(channel: EmailChannel, host: MailHost) -> None:
    await channel.send(BEN, notification())
    host.hang_up()

    assert isinstance(await channel.send(BEN, notification()), Sent)
    assert host.connections == 2


async def test_a_connection_that_went_dead_meanwhile_is_given_up(open_channel: Open, host: MailHost) -> None:
    channel = open_channel(host, timeout=4.0)
    await channel.send(BEN, notification())
    host.silent = "NOOP"

    assert isinstance(await channel.send(BEN, notification()), Sent)
    assert host.connections == 2


async def test_an_idle_connection_is_ended_with_quit(
    monkeypatch: pytest.MonkeyPatch, channel: EmailChannel, host: MailHost
) -> None:
    monkeypatch.setattr(email, "IDLE_SECONDS", 0.05)
    await channel.send(BEN, notification())
    await asyncio.wait_for(host.quits.acquire(), 10)

    assert isinstance(await channel.send(BEN, notification()), Sent)
    assert host.connections == 2


async def test_closing_ends_the_connections_with_quit(channel: EmailChannel, host: MailHost) -> None:
    await asyncio.gather(*(channel.send(BEN, notification()) for _ in range(2)))
    await channel.close()

    await asyncio.wait_for(host.quits.acquire(), 10)
    await asyncio.wait_for(host.quits.acquire(), 10)


# --- which addresses are taken ---


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.org",
        "ann.lee+chat@mail.example.co.uk",
        "o'neil_{1}@example.org",
        "root@localhost",
        "ann@xn--mller-kva.example",
        "a" * 64 + "@" + "b" * 63 + "." + "c" * 63 + "." + "d" * 61,
    ],
)
def test_a_mailbox_is_taken(address: str) -> None:
    check_email(Email(email=address))


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "@example.org",
        "ann@",
        "ann@example.org\n",
        "ann@example.org\r\nRCPT TO:<eve@example.org>",
        "ann@example.org, eve@example.org",
        "Ann <ann@example.org>",
        "<ann@example.org>",
        "ann @example.org",
        '"ann lee"@example.org',
        "ann@[127.0.0.1]",
        "ann@-example.org",
        "ann@example..org",
        ".ann@example.org",
        "ann..lee@example.org",
        "ann@example.org\x00",
        "ann@exämple.org",
        "änn@example.org",
        "a" * 65 + "@example.org",
        "a" * 64 + "@" + "b" * 63 + "." + "c" * 63 + "." + "d" * 62,
    ],
)
async def test_what_is_no_plain_mailbox_is_refused_and_never_written_to(
    address: str, channel: EmailChannel, host: MailHost
) -> None:
    with pytest.raises(InvalidInput, match="email"):
        check_email(Email(email=address))
    assert isinstance(await channel.send(Email(email=address), notification()), Dead)
    assert host.connections == 0


# --- settings ---


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"host": None}, "push.email.host"),
        ({"host": "a..b"}, "push.email.host"),
        ({"sender": None}, "push.email.sender"),
        ({"sender": "Roost"}, "push.email.sender"),
        ({"sender": "a@example.org, b@example.org"}, "push.email.sender"),
        ({"sender": "Roost <chat@example.org>\r\nBcc: eve@example.org"}, "push.email.sender"),
        ({"username": "roost"}, "push.email.password"),
        ({"password": "secret"}, "push.email.username"),
        ({"unsubscribe": "example.org/{user}"}, "push.email.unsubscribe"),
        ({"unsubscribe": "https://example.org/>\r\nBcc: eve@example.org"}, "push.email.unsubscribe"),
    ],
)
def test_a_setting_that_can_t_be_used_is_named(settings: dict[str, object], key: str, open_channel: Open) -> None:
    with pytest.raises(ConfigError, match=key):
        open_channel(**settings)
