"""Ticks in the event loop, closer together than its timers go (they count in whole milliseconds)."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
from collections.abc import Callable, Iterator

_CLOCK_MONOTONIC = 1
_ABSOLUTE = 1
_SECOND = 1_000_000_000


class _Interval(ctypes.Structure):
    """`struct itimerspec`: the period, then the first expiry, each in seconds and nanoseconds."""

    _fields_ = tuple((name, ctypes.c_long) for name in ("every_s", "every_ns", "first_s", "first_ns"))


@contextlib.contextmanager
def ticking(start: int, period: int, tick: Callable[[int], None]) -> Iterator[None]:
    """Calls `tick(n)` at `start` and every `period` after it; n is 1, or more where the loop was late.

    Both in nanoseconds, `start` on the clock of `time.monotonic_ns`, `period` below a second.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    file = libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
    if file < 0:
        raise OSError(ctypes.get_errno(), "timerfd_create")
    loop = asyncio.get_running_loop()

    def read() -> None:
        with contextlib.suppress(BlockingIOError):
            tick(int.from_bytes(os.read(file, 8), "little"))

    try:
        loop.add_reader(file, read)
        spec = _Interval(0, period, *divmod(start, _SECOND))
        if libc.timerfd_settime(file, _ABSOLUTE, ctypes.byref(spec), None) < 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")
        yield
    finally:
        loop.remove_reader(file)
        os.close(file)
