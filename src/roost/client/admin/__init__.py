"""What an application's own server does: users, tokens, messages, with a key of the server (`docs/admin.md`).

    async with AdminClient("http://127.0.0.1:8080", key=key) as admin:
        await admin.create_user("ann", display_name="Ann")
        await admin.send("ann", "Welcome!")

`BlockingAdminClient` is the same for plain functions. Errors are those of `Client`: `NetworkError`, and what the server
refuses, such as `MissingScope`. Nothing is tried again by itself; each call may be made again safely, sending with a
`message_id` of one's own.
"""

from __future__ import annotations

from roost.client.admin.blocking import BlockingAdminClient
from roost.client.admin.client import AdminClient

__all__ = ["AdminClient", "BlockingAdminClient"]
