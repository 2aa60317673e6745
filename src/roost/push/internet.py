"""Connections to the public internet, and to nothing else.

An endpoint of Web Push is an address that a user made up. Whoever can make this server call addresses of its own
choice reaches what the server reaches: the metadata of the cloud it runs in, a database without a password next
door. So a name is resolved here, what it resolves to is judged, and the connection is made to exactly that:
resolving once to judge and again to connect would let a name server answer differently the second time.
TLS still checks the certificate against the name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable

import httpcore2

from roost.push.addresses import IPAddress, is_public


class NotPublic(Exception):
    """A name that resolves to an address which is not of the public internet."""


class Internet(httpcore2.AsyncNetworkBackend):
    """The network as an HTTP connection pool sees it, without what is not public.

    `loopback` lets connections to this machine pass: for tests.
    """

    def __init__(self, *, loopback: bool = False) -> None:
        self._loopback = loopback
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the pool's interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to one of the addresses of `host`, tried in the resolver's order; they share `timeout` seconds.

        Raises `NotPublic` where any of them is not of the internet: no honest name mixes the two.
        """
        addresses = await self._resolve(host, port)
        for address in addresses:
            if not (is_public(address) or (self._loopback and address.is_loopback)):
                raise NotPublic(f"{host} is {address}, which is no address of the public internet.")
        share = None if timeout is None else timeout / len(addresses)
        for address in addresses[:-1]:
            try:
                return await self._network.connect_tcp(str(address), port, share, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._network.connect_tcp(str(addresses[-1]), port, share, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        """Waits; for the pool's own tries, of which there are none."""
        await self._network.sleep(seconds)

    async def _resolve(self, host: str, port: int) -> list[IPAddress]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:  # UnicodeError: a name that can't be one, such as `a..b`
            raise httpcore2.ConnectError(f"{host} can't be resolved: {error}") from error
        return [ipaddress.ip_address(entry[4][0]) for entry in found]
