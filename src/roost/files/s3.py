"""Files in a bucket of Amazon S3, or of whatever speaks its protocol.

The library works in threads of its own (docs/decisions/0014-files.md). A large file goes there in parts, which become
one object with the last of them, so nobody reads half of it; parts that never became one are for the bucket's own
rules to remove (`AbortIncompleteMultipartUpload`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store as Bucket

from roost.config import S3
from roost.errors import Unavailable, UnknownAttachment
from roost.files.contract import PIECE
from roost.files.threads import Threads

if TYPE_CHECKING:
    from obstore.store import S3Config

PART = 8 << 20
"""Bytes of a part; S3 takes 10,000 of them."""
PARTS_AT_ONCE = 2
CONNECT = timedelta(seconds=5)
SILENCE = timedelta(seconds=30)
"""How long the store may take for its next byte."""
LONGEST = timedelta(hours=1)
"""How long one download may take: the reader may be a slow one."""
RETRIES = 2


class S3Store:
    """Files in one bucket."""

    def __init__(self, settings: S3, threads: Threads) -> None:
        self._threads = threads
        self._bucket = Bucket(
            settings.bucket,
            prefix=settings.prefix or None,
            config=_config(settings),
            client_options={
                "allow_http": settings.endpoint.startswith("http://"),
                "connect_timeout": CONNECT,
                "read_timeout": SILENCE,
                "timeout": LONGEST,
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": SILENCE},
        )

    async def keep(self, key: str, source: Path) -> None:
        """See `roost.files.contract`."""
        try:
            await obstore.put_async(self._bucket, key, source, chunk_size=PART, max_concurrency=PARTS_AT_ONCE)
        except BaseError as error:
            raise _away(error) from error
        await self._threads.run(lambda: source.unlink(missing_ok=True))

    async def read(self, key: str, start: int, length: int) -> AsyncGenerator[bytes, None]:
        """See `roost.files.contract`."""
        if length <= 0:
            return
        try:
            found = await obstore.get_async(self._bucket, key, options={"range": (start, start + length)})
            async for piece in found.stream(min_chunk_size=PIECE):
                yield bytes(piece)
        except FileNotFoundError:
            raise UnknownAttachment from None
        except BaseError as error:
            raise _away(error) from error

    async def remove(self, key: str) -> None:
        """See `roost.files.contract`."""
        try:
            await obstore.delete_async(self._bucket, key)
        except FileNotFoundError:
            return
        except BaseError as error:
            raise _away(error) from error

    async def close(self) -> None:
        """The library closes its connections by itself."""


def _config(settings: S3) -> S3Config:
    config: S3Config = {"region": settings.region, "virtual_hosted_style_request": False}
    if settings.endpoint:
        config["endpoint"] = settings.endpoint
    if settings.access_key is not None and settings.secret_key is not None:
        config["access_key_id"] = settings.access_key
        config["secret_access_key"] = settings.secret_key
    return config


def _away(error: BaseError) -> Unavailable:
    return Unavailable(f"The store of files can't do this now ({type(error).__name__}).", retry_after=5)
