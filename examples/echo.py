import asyncio

from roost.client import Client


async def main() -> None:
    async with Client("http://127.0.0.1:8080", token="TOKEN", store="echo.db") as client:
        async for message in client.messages():
            await client.send(message.conversation_id, f"You said: {message.content}")


asyncio.run(main())
