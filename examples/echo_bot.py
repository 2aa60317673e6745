"""A bot that answers everybody: `python examples/echo_bot.py URL KEY`, with a key from `roost key create`."""

import asyncio
import sys

from roost.client import AdminClient, Client

YEAR = 365 * 86400


async def main(url: str, key: str) -> None:
    async with AdminClient(url, key=key) as admin:
        await admin.create_user("echo", display_name="Echo", bot=True)

        async def token() -> str:
            """Asked for first, and whenever the server refuses the last one."""
            return (await admin.create_token("echo", device_id="bot", ttl=YEAR)).token

        async with Client(url, token=token, store="echo_bot.db") as client:
            async for message in client.messages():
                await client.send(message.conversation_id, f"You said: {message.content}", reply_to=message)


asyncio.run(main(*sys.argv[1:]))
