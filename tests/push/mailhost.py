"""A mail server in this process: a real one, which takes every mail unless the test says otherwise."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, NamedTuple

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

USERNAME, PASSWORD = "roost", "pass word"


class Mail(NamedTuple):
    """A mail that arrived: from and to whom its envelope says, the mail, and as the bytes that came."""

    sender: str
    receivers: list[str]
    message: EmailMessage
    content: bytes
    encrypted: bool
    login: str | None


class MailHost:
    """Replies to a command (`MAIL`, `RCPT`, `DATA`) with what `replies` has for it; to a `silent` one it does not."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.replies: dict[str, str] = {}
        self.silent: str | None = None
        self.connections = 0
        self.quits = asyncio.Semaphore(0)
        self._open: list[SMTP] = []

    @classmethod
    @asynccontextmanager
    async def running(
        cls, *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None, login: bool = False
    ) -> AsyncIterator[MailHost]:
        """Listens on this machine: with TLS from the first byte, or offering STARTTLS, or neither."""
        host = cls()
        loop = asyncio.get_running_loop()
        options: dict[str, Any] = {"tls_context": starttls, "hostname": "mail.test", "loop": loop}
        if login:
            options |= {"authenticator": host._authenticate, "auth_required": not tls, "auth_require_tls": not tls}

        def connect() -> SMTP:
            host.connections += 1
            host._open.append(SMTP(host, **options))
            return host._open[-1]

        server = await loop.create_server(connect, "127.0.0.1", 0, ssl=tls)
        host.port = server.sockets[0].getsockname()[1]
        try:
            yield host
        finally:
            server.close()
            host.hang_up()
            await server.wait_closed()

    port: int

    def hang_up(self) -> None:
        """Ends every connection without a word."""
        for connection in self._open:
            if connection.transport is not None:
                connection.transport.abort()
        self._open.clear()

    def _authenticate(self, server: SMTP, session: Any, envelope: Any, mechanism: str, login: Any) -> AuthResult:
        good = isinstance(login, LoginPassword) and login == LoginPassword(USERNAME.encode(), PASSWORD.encode())
        return AuthResult(success=good, handled=False, auth_data=login)

    async def _reply(self, command: str, usual: str) -> str:
        if self.silent == command:
            await asyncio.Event().wait()
        return self.replies.get(command, usual)

    # aiosmtpd asks its handler by these names.

    async def handle_MAIL(self, server: SMTP, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        envelope.mail_from = address
        return await self._reply("MAIL", "250 2.1.0 Ok")

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        envelope.rcpt_tos.append(address)
        return await self._reply("RCPT", "250 2.1.5 Ok")

    async def handle_NOOP(self, server: SMTP, session: Any, envelope: Any, arg: str) -> str:  # noqa: N802
        return await self._reply("NOOP", "250 2.0.0 Ok")

    async def handle_QUIT(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
        self.quits.release()
        return "221 2.0.0 Bye"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
        reply = await self._reply("DATA", f"250 2.0.0 Ok: queued as {len(self.mails) + 1}")
        if reply.startswith("250"):
            message = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            encrypted = server.transport.get_extra_info("sslcontext") is not None
            login = session.auth_data.login.decode() if session.authenticated else None
            self.mails.append(Mail(envelope.mail_from, envelope.rcpt_tos, message, envelope.content, encrypted, login))
        return reply
