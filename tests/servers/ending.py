"""Ending programs that a library has started, which may wait for them for ever."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Collection, Iterator
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    children: list[int] = []
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            children += map(int, (thread / "children").read_text().split())
    return [one for child in children for one in (child, *descendants(child))]


@contextlib.contextmanager
def killed_after(seconds: float, processes: Collection[int]) -> Iterator[None]:
    """Where the block takes longer than that, kills these processes and all that they have started."""

    def kill() -> None:
        for pid in {one for process in processes for one in (process, *descendants(process))}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    timer = threading.Timer(seconds, kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
