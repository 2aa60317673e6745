"""Mail, through one SMTP server (RFC 5321).

Connections are kept for some seconds: a server that was away for an hour sends its mails in one go. A kept one is
asked whether it is still there (NOOP) before it is used again, so that a mail is not lost to a server that hung up.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import Callable
from email.headerregistry import Address as Mailbox

import aiosmtplib

from roost.config import ConfigError
from roost.config import Email as Settings
from roost.errors import InvalidInput
from roost.push.addresses import check_email
from roost.push.contract import Address, Dead, Email, Failed, Notification, Outcome, Retry, Sent
from roost.push.digest import MAIL, compose
from roost.push.settings import required
from roost.push.text import one_line

TIMEOUT = 20.0
"""Seconds for a mail, all in all; some servers greet slowly on purpose."""
CONNECTIONS = 4
"""Open at once: what a provider lets one customer have."""
IDLE_SECONDS = 10.0
"""How long a connection is kept for the next mail."""
LONGEST_REPLY = 300
"""Characters of the server's words that are kept."""
NO_MAILBOX = frozenset({"5.1.1", "5.1.3", "5.1.6", "5.1.10"})
"""The mailbox does not exist, can't exist, has moved, or its domain takes no mail (RFC 3463 §3.2, RFC 7505 §4.2).

Other refusals of a recipient may be about us (relaying denied is 5.7.1, and a full or slow mailbox is 5.2.x), and so
is a 550 without such a code for all one can tell; addresses are not taken away on a guess.
"""
PERMANENT = range(500, 600)
"""Replies that mean no, and not just now (RFC 5321 §4.2.1)."""


class EmailChannel:
    """Mailboxes (a `Channel`). `clock` in ms, `timeout` in seconds; `verify`: the certificates to trust.

    Raises `ConfigError` where the settings can't be used.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], int],
        *,
        timeout: float = TIMEOUT,
        verify: ssl.SSLContext | None = None,
    ) -> None:
        host, sender = required("push.email", settings, "host", "sender")
        try:
            host.encode("idna")
        except UnicodeError:
            raise ConfigError(f"push.email.host: {host!r} is no host name.") from None
        if (settings.username is None) != (settings.password is None):
            raise ConfigError("push.email.username and push.email.password must be set together.")
        self._settings = settings
        self._sender = _mailbox(sender)
        self._unsubscribe = _link(settings.unsubscribe)
        self._clock = clock
        self._timeout = timeout
        self._context = None if settings.tls == "none" else verify or ssl.create_default_context()
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self._idle: dict[aiosmtplib.SMTP, asyncio.Task[None]] = {}

    async def send(self, address: Address, notification: Notification) -> Outcome:
        """Sends once, in time; what the network does is a `Retry`, what the server says its outcome."""
        assert isinstance(address, Email)
        try:
            check_email(address)
        except InvalidInput as error:  # checked when it was given; such an address was never one
            return Dead(str(error))
        mail = compose(
            address.email, notification, sender=self._sender, unsubscribe=self._unsubscribe, now=self._clock()
        )
        try:
            async with asyncio.timeout(self._timeout):
                return Sent(one_line(await self._hand_over(address.email, mail.as_bytes()), LONGEST_REPLY))
        except TimeoutError:
            return Retry(f"no answer within {self._timeout:g} s")
        except (aiosmtplib.SMTPException, OSError) as error:
            return outcome(error)

    async def close(self) -> None:
        """Closes its connections."""
        while self._idle:
            connection, retirement = self._idle.popitem()
            retirement.cancel()
            await _quit(connection)

    async def _hand_over(self, receiver: str, mail: bytes) -> str:
        """What the server replies when it has the mail: `2.0.0 Ok: queued as 4F2A9`."""
        async with self._slots:
            connection = await self._kept() or await self._connect()
            try:
                _, reply = await connection.sendmail(self._sender.addr_spec, receiver, mail)
            except BaseException:
                connection.close()
                raise
            self._idle[connection] = asyncio.create_task(self._retire(connection))
            return reply

    async def _connect(self) -> aiosmtplib.SMTP:
        settings = self._settings
        connection = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username,
            password=settings.password,
            use_tls=settings.tls == "tls",
            start_tls=settings.tls == "starttls",
            tls_context=self._context,
            timeout=None,  # `send` has one for all of it
        )
        await connection.connect()
        return connection

    async def _kept(self) -> aiosmtplib.SMTP | None:
        """A connection that is open already and still answers."""
        while self._idle:
            connection, retirement = self._idle.popitem()
            retirement.cancel()
            try:
                async with asyncio.timeout(self._timeout / 4):
                    await connection.noop()
            except (aiosmtplib.SMTPException, OSError):
                connection.close()
            except asyncio.CancelledError:
                connection.close()
                raise
            else:
                return connection
        return None

    async def _retire(self, connection: aiosmtplib.SMTP) -> None:
        await asyncio.sleep(IDLE_SECONDS)
        await _quit(connection)  # who takes it now finds out by its NOOP
        del self._idle[connection]


def outcome(error: Exception) -> Outcome:
    """What a refusal or a broken connection means."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        error = error.recipients[0]  # there was one
    if isinstance(error, aiosmtplib.SMTPResponseException):
        said = f"{error.code} {one_line(error.message, LONGEST_REPLY)}"
        if error.code not in PERMANENT:
            return Retry(said)
        of_sender = isinstance(error, aiosmtplib.SMTPSenderRefused)
        return Dead(said) if _status(error.message) in NO_MAILBOX and not of_sender else Failed(said)
    said = one_line(f"{type(error).__name__}: {error}", LONGEST_REPLY)
    return Retry(said) if isinstance(error, OSError) else Failed(said)  # not an OSError: it lacks STARTTLS or AUTH


def _status(reply: str) -> str:
    """The enhanced status code that a reply begins with (RFC 2034 §4), or nothing."""
    match = re.match(r"[245]\.\d{1,3}\.\d{1,3}", reply)
    return match.group() if match else ""


async def _quit(connection: aiosmtplib.SMTP) -> None:
    with contextlib.suppress(aiosmtplib.SMTPException, OSError):
        async with asyncio.timeout(1):
            await connection.quit()
    connection.close()


def _mailbox(sender: str) -> Mailbox:
    """`Roost <chat@example.org>` as name and address."""
    try:
        (mailbox,) = MAIL.header_store_parse("from", sender)[1].addresses
        check_email(Email(email=mailbox.addr_spec))
    except (ValueError, InvalidInput):
        raise ConfigError(f"push.email.sender must be like Roost <chat@example.org>, not {sender!r}.") from None
    return Mailbox(one_line(mailbox.display_name, LONGEST_REPLY), addr_spec=mailbox.addr_spec)


def _link(unsubscribe: str | None) -> str | None:
    if unsubscribe and re.fullmatch(r"(https?://|mailto:)[!-;=?-~]{1,700}", unsubscribe) is None:
        raise ConfigError(f"push.email.unsubscribe must be an http(s) or mailto address, not {unsubscribe!r}.")
    return unsubscribe
