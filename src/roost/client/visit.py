"""A short visit: says how far this device has stored, and leaves.

Only an ack on a socket moves a device's position at the server in one step. A client that is connected acks as it
goes; one that only pulls pages comes by after each sync, so that the server pushes no notice of what is here already,
and retention knows.
"""

from __future__ import annotations

import asyncio

from roost.client.connection import READY_TIMEOUT, error_of
from roost.client.errors import NetworkError
from roost.client.frames import ServerFrame
from roost.client.link import Link
from roost.protocol import frames


async def tell_position(url: str, hello: frames.Auth, seq: int) -> None:
    """Acks `seq` for the device of `hello`. Raises `NetworkError` or what the server refuses."""
    ready: asyncio.Future[frames.Ready] = asyncio.get_running_loop().create_future()

    def receive(frame: ServerFrame) -> None:
        if ready.done():
            return
        if isinstance(frame, frames.Ready):
            ready.set_result(frame)
        elif isinstance(frame, frames.Error):
            ready.set_exception(error_of(frame))

    link = Link(receive)
    await link.open(url)
    try:
        link.send(hello)
        async with asyncio.timeout(READY_TIMEOUT):
            found = await ready
        if found.position < seq and found.epoch == hello.epoch:
            link.send(frames.Ack(seq=seq))
    except TimeoutError:
        raise NetworkError("the server did not answer `auth` in time") from None
    finally:
        await link.close()
