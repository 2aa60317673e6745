"""Posts to push services: over one connection that is kept, and with an end to every wait."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import Mapping

import h2.exceptions
import httpx2

TIMEOUT = 10.0
"""Seconds for a post, from the connection to the last byte of the answer."""
IDLE = 300.0
"""Seconds that an unused connection is kept. Apple wants few connections that last; routers forget one after 350."""


class Unreachable(Exception):
    """No answer: nobody is there, the connection was cut, or it is silent. Whether the post arrived is not known."""


class Connection:
    """Posts, many at once over one connection: HTTP/2, or HTTP/1.1 where `http1` allows that and the other wants it.

    `verify`: the certificates to trust; True is those of the system.
    """

    def __init__(self, *, timeout: float = TIMEOUT, verify: ssl.SSLContext | bool = True, http1: bool = True) -> None:
        self._timeout = timeout
        self._context = httpx2.create_ssl_context(verify=verify)
        self._http1 = http1
        self._client = self._connect()
        self._under_way: Counter[httpx2.AsyncClient] = Counter()

    def _connect(self) -> httpx2.AsyncClient:
        """A client, which opens its connection with the first post."""
        limits = httpx2.Limits(keepalive_expiry=IDLE)
        return httpx2.AsyncClient(
            http1=self._http1, http2=True, verify=self._context, limits=limits, timeout=None, follow_redirects=False
        )

    async def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> httpx2.Response:
        """The answer, whatever its status. Raises `Unreachable`.

        Posts that the other side says it has not looked at (GOAWAY, RFC 9113 §6.8) are sent again on a new connection.
        """
        client = self._client
        self._under_way[client] += 1
        try:
            async with asyncio.timeout(self._timeout):
                return await client.post(url, content=content, headers=dict(headers))
        except TimeoutError:
            # An abandoned post keeps its place among the streams that the other side allows, and the connection may
            # be dead: the next post opens another. What else is under way on this one may still be answered.
            if client is self._client:
                self._client = self._connect()
            raise Unreachable(f"no answer within {self._timeout:g} s") from None
        except (httpx2.HTTPError, h2.exceptions.H2Error) as error:  # the latter: nonsense in the middle of an answer
            raise Unreachable(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__) from error
        finally:
            self._under_way[client] -= 1
            if not self._under_way[client]:
                del self._under_way[client]
                if client is not self._client:
                    await client.aclose()

    async def close(self) -> None:
        """Closes the connections; posts under way fail."""
        for client in {self._client, *self._under_way}:
            await client.aclose()
