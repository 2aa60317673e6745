"""Looking at pictures: how large they are, and a thumbnail of each. The decoding is another process's.

One at a time, and no longer than `PATIENCE`: a picture that takes longer, or takes the process down, is no picture,
and the next one gets a new process. It is started when the first picture comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog

from roost.errors import ImageTooLarge
from roost.files.decoding import Seen, Task
from roost.files.kinds import PICTURES

PATIENCE = 20.0
"""Seconds for one picture."""

logger = structlog.get_logger()

_decode = msgspec.json.Decoder(Seen).decode


class Size(NamedTuple):
    """A picture's size in pixels, as it is shown."""

    width: int
    height: int


class Pictures:
    """What looks at pictures. `max_pixels` is for one of them, `side` the longer side of a thumbnail."""

    def __init__(self, *, max_pixels: int, side: int) -> None:
        self._max_pixels = max_pixels
        self._side = side
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None

    async def look(self, source: Path, kind: str, thumbnail: Path) -> Size | None:
        """The size of a picture of this media type, whose thumbnail (WebP) is written; None where it is broken.

        Raises `ImageTooLarge`. Where it is not a `Size` that is returned, some of a thumbnail may be there.
        """
        task = Task(str(source), PICTURES[kind], str(thumbnail), self._side, self._max_pixels)
        async with self._turn:
            seen = await self._ask(task)
        if seen.outcome == "large":
            raise ImageTooLarge(f"A picture has at most {self._max_pixels} pixels.", limit=self._max_pixels)
        return Size(seen.width, seen.height) if seen.outcome == "ok" else None

    async def _ask(self, task: Task) -> Seen:
        process = self._process
        if process is None or process.returncode is not None:
            process = self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "roost.files.decoding",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(msgspec.json.encode(task) + b"\n")
            async with asyncio.timeout(PATIENCE):
                answer = await process.stdout.readline()
            return _decode(answer)
        except (TimeoutError, OSError, msgspec.DecodeError) as error:
            logger.warning("a picture could not be decoded", kind=task.format, error=type(error).__name__)
            await self._end()
            return Seen("broken")
        except BaseException:
            await self._end()  # its answer would be taken for the next one's
            raise

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def close(self) -> None:
        """Ends the process."""
        async with self._turn:
            await self._end()
