"""The mail that tells what was missed: as text and as HTML, and the headers that mails of programs have.

Names and texts are other people's. They are put on one line before anything else, escaped in HTML, and the headers
are made by `email.message`, which refuses line breaks: nobody can add a header or a tag.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import defaultdict
from datetime import UTC, datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from html import escape
from typing import NamedTuple
from urllib.parse import quote

from roost.push.contract import Missed, Notification
from roost.push.text import one_line

LONGEST_NAME = 60
"""Characters of a user's or conversation's name."""
LONGEST_PREVIEW = 300
"""Characters of a message."""
LISTED = 10
"""Messages of a conversation that are shown, the newest; the others are counted."""
CONVERSATIONS = 20
"""Conversations that are shown; the others are counted."""
ONE_CLICK = "List-Unsubscribe=One-Click"
"""RFC 8058 §3.1."""


class _Unfolded(UnstructuredHeader, BaseHeader):
    """A header whose value stays in one piece: folded, a long address becomes an encoded word, which no one follows."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("list-unsubscribe", _Unfolded)
MAIL = SMTP.clone(cte_type="7bit", header_factory=_HEADERS)
"""7bit: a server that does not know 8BITMIME takes it as well."""


class Section(NamedTuple):
    """A conversation with `size` missed messages, of which `shown` have a text to show; the newest last."""

    name: str
    size: int
    shown: tuple[Missed, ...]

    @property
    def heading(self) -> str:
        """`Team (2 messages)`."""
        return f"{self.name} ({_messages(self.size)})"


def compose(
    receiver: str, notification: Notification, *, sender: Address, unsubscribe: str | None, now: int
) -> EmailMessage:
    """The mail to the mailbox `receiver`; `now` in milliseconds. `unsubscribe` is an address with `{user}` in it.

    Where something was missed, the same messages make the same Message-ID: a mail that is sent twice, because its
    first sending was not recorded, is shown once by most mailboxes.
    """
    sections, more = group(notification.missed)
    link = unsubscribe and unsubscribe.replace("{user}", quote(notification.user_id, safe=""))
    mail = EmailMessage(policy=MAIL)
    mail["From"] = sender
    mail["To"] = Address(addr_spec=receiver)
    mail["Subject"] = subject(notification)
    mail["Date"] = datetime.fromtimestamp(now / 1000, UTC)
    mail["Message-ID"] = f"<{_identity(notification)}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: nobody's holiday note answers it
    if link:
        mail["List-Unsubscribe"] = f"<{link}>"
        if link.startswith("https://"):
            mail["List-Unsubscribe-Post"] = ONE_CLICK
    mail.set_content(as_text(notification, sections, more, link))
    mail.add_alternative(as_html(notification, sections, more, link), subtype="html")
    return mail


def subject(notification: Notification) -> str:
    """`3 messages from Ann and 2 others`; the title of a test."""
    if not notification.missed:
        return one_line(notification.title, LONGEST_NAME)
    names = list(
        {missed.sender_id: one_line(missed.sender_name, LONGEST_NAME) for missed in notification.missed}.values()
    )
    return f"{_messages(len(notification.missed))} from {_people(names)}"


def group(missed: tuple[Missed, ...]) -> tuple[list[Section], int]:
    """What was missed by conversation, in the order in which each was heard of; and how many more are not shown."""
    conversations: defaultdict[str, list[Missed]] = defaultdict(list)
    for message in missed:
        conversations[message.conversation_id].append(message)
    sections = [
        Section(
            name=one_line(messages[-1].conversation_name or messages[-1].sender_name, LONGEST_NAME),
            size=len(messages),
            shown=tuple(message for message in messages[-LISTED:] if message.text),
        )
        for messages in conversations.values()
    ]
    return sections[:CONVERSATIONS], len(sections[CONVERSATIONS:])


def as_text(notification: Notification, sections: list[Section], more: int, link: str | None) -> str:
    """The mail without markup."""
    lines = [one_line(notification.body, LONGEST_PREVIEW), ""] if not sections else []
    for section in sections:
        lines += [section.heading]
        lines += [f"  {_time(m.time)}  {_name(m)}: {one_line(m.text, LONGEST_PREVIEW)}" for m in section.shown]
        lines += [""]
    if more:
        lines += [_more(more), ""]
    if link:
        lines += ["-- ", f"Switch these mails off: {link}"]
    return "\n".join(lines).rstrip("\n") + "\n"


def as_html(notification: Notification, sections: list[Section], more: int, link: str | None) -> str:
    """The mail with as little markup as shows the same; `dir="auto"` lets each text run in its own direction."""
    parts = [] if sections else [f'<p dir="auto">{escape(one_line(notification.body, LONGEST_PREVIEW))}</p>']
    for section in sections:
        parts.append(f'<h3 dir="auto">{escape(section.heading)}</h3>')
        if section.shown:
            parts += ["<ul>", *(_item(message) for message in section.shown), "</ul>"]
    if more:
        parts.append(f"<p>{_more(more)}</p>")
    if link:
        parts.append(f'<hr>\n<p><small><a href="{escape(link)}">Switch these mails off</a></small></p>')
    return "\n".join(['<!DOCTYPE html>\n<html lang="en">\n<body>', *parts, "</body>\n</html>\n"])


def _item(message: Missed) -> str:
    text = escape(one_line(message.text, LONGEST_PREVIEW))
    return f'<li dir="auto"><small>{_time(message.time)}</small> <b>{escape(_name(message))}</b>: {text}</li>'


def _identity(notification: Notification) -> str:
    if not notification.missed:
        return secrets.token_hex(16)
    ids = [notification.user_id, *(missed.server_msg_id for missed in notification.missed)]
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()[:32]


def _name(message: Missed) -> str:
    return one_line(message.sender_name, LONGEST_NAME)


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count} messages"


def _people(names: list[str]) -> str:
    first, *others = names
    if not others:
        return first
    return f"{first} and {others[0] if len(others) == 1 else f'{len(others)} others'}"


def _more(conversations: int) -> str:
    return f"… and {'1 more conversation' if conversations == 1 else f'{conversations} more conversations'}"


def _time(milliseconds: int) -> str:
    """UTC, since where the reader is nobody said."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M} UTC"
