"""The client: what an application, a bot or a test uses to talk to Roost.

    async with Client("http://127.0.0.1:8080", token=token, store="alice.db") as client:
        await client.send("bob", "hi")
        async for message in client.messages():
            print(message.sender_id, message.content)

Everything is in the store first: reading works offline, sending works offline, and a restart goes on where it was.
"""

from __future__ import annotations

from roost.client.asking import Asking
from roost.client.avatars import Avatars
from roost.client.blocks import Blocks
from roost.client.changing import Changing
from roost.client.reading import Reading
from roost.client.sending import Sending
from roost.client.stickers import Stickering


class Client(Sending, Reading, Asking, Changing, Avatars, Blocks, Stickering):
    """One user on one device, with one store. Use it in one event loop, as `async with` or open/connect/close."""
