"""What a figure depends on besides the code: the machine, its disk, its noise. Linux only, by `/proc`."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import statistics
import subprocess
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

FSYNCS = 100
"""Writes that the probe of the disk makes."""


def describe() -> dict[str, Any]:
    """Cores, memory, versions, and the disk that carries the temporary folders, with its cost of an fsync."""
    folder = Path(tempfile.gettempdir())
    return {
        "processor": _line_of("/proc/cpuinfo", r"model name\s*:\s*(.+)"),
        "cores": os.cpu_count(),
        "memoryGB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: version(name) for name in ("picows", "uvloop", "uvicorn", "litestar", "msgspec")},
        "fileSystem": _file_system(folder),
        "fsyncMilliseconds": round(_fsync_seconds(folder) * 1000, 3),
        "loadAverage": os.getloadavg()[0],
    }


def commit() -> dict[str, Any]:
    """The commit that is measured, and whether the tree differs from it."""
    root = Path(__file__).parent.parent
    try:
        head = _git(root, "rev-parse", "HEAD")
        return {"commit": head, "changed": bool(_git(root, "status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "changed": None}


def processor_seconds() -> tuple[float, float]:
    """Processor time since boot over all cores: used by whatever runs here, and given by the host to others."""
    user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split(maxsplit=9)[1:9])
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / tick, steal / tick


def seconds_of(process: int) -> float:
    """Processor time used so far by a process and what it has started, user and system."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:  # it has ended meanwhile: its parent counts it
        return 0.0
    own, waited_for = sum(map(int, fields[11:13])), sum(map(int, fields[13:15]))
    return (own + waited_for) / os.sysconf("SC_CLK_TCK") + sum(seconds_of(int(child)) for child in children)


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)  # noqa: S603, S607
    return done.stdout.strip()


def _line_of(path: str, pattern: str) -> str | None:
    found = re.search(pattern, Path(path).read_text())
    return found[1] if found else None


def _file_system(folder: Path) -> str:
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    over = [mount for mount in mounts if folder.resolve().is_relative_to(mount[0])]
    return max(over, key=lambda mount: len(mount[0]))[1]


def _fsync_seconds(folder: Path) -> float:
    with tempfile.TemporaryFile(dir=folder) as file:
        times = []
        for _ in range(FSYNCS):
            started = time.perf_counter()
            os.write(file.fileno(), bytes(4096))
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - started)
    return statistics.median(times)
