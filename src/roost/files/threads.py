"""The threads in which files are read and written: the event loop waits for no disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from roost.errors import Unavailable

T = TypeVar("T")

THREADS = 4
"""Files that are read or written at the same moment; more would only wait for the same disk."""


class Threads:
    """A few threads, for all that have to do with the disk."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="roost-files")

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns. A disk that fails, or is full, is `Unavailable`; what is not there stays an error."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except (FileNotFoundError, BlockingIOError):
            raise
        except OSError as error:
            raise Unavailable(f"The server's disk can't do this now: {error.strerror}.", retry_after=60) from error

    def close(self) -> None:
        """Waits for what is under way."""
        self._pool.shutdown()
