"""The client under measurement, in a process of its own: `python -m bench.catcher URL IDLE_TOKEN TOKEN FOLDER COUNT`.

It first follows an empty log, which makes it an idle client; then it takes in a log that waits, into a new store, once
for each store asked for. What it finds is printed as JSON. Memory is the resident peak, from the kernel's own count.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import uvloop

from roost.client import Client, SyncProgress

SETTLE = 0.5
"""Seconds for an idle client to be idle."""


def resident_peak() -> int:
    """The highest resident memory since the last `forget_peak`, in bytes."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)[1]) * 1024  # type: ignore[index]


def forget_peak() -> None:
    """From now on the peak counts anew."""
    Path("/proc/self/clear_refs").write_text("5")


async def measure(url: str, idle_token: str, token: str, folder: Path, count: int) -> dict[str, Any]:
    """One catch-up: seconds, processor seconds, memory above the idle client, and whether everything is there."""
    async with Client(url, token=idle_token, store=folder / "idle.db") as idle:
        await idle.connected(30)
        await asyncio.sleep(SETTLE)
        gc.collect()
        forget_peak()
        before = resident_peak()
        batches: list[int] = []
        client = Client(url, token=token, store=folder / "store.db")

        @client.on(SyncProgress)
        def _(progress: SyncProgress) -> None:
            batches.append(progress.batch)

        began, used = time.monotonic(), time.process_time()
        await client.connect()
        await client.connected(120)
        seconds, busy = time.monotonic() - began, time.process_time() - used
        peak = resident_peak()
        config = await client.store.config()
        stored = await client.store.read(lambda book: book.execute("SELECT count(*) FROM messages").fetchone()[0])
        found = len(await client.search("quick brown", limit=5))
        metrics = client.sync.metrics
        await client.close()
    return {
        "seconds": seconds,
        "cpuSeconds": busy,
        "bytesAboveIdle": peak - before,
        "idleBytes": before,
        "position": config.last_sync_seq,
        "stored": stored,
        "expected": count,
        "found": found,
        "batches": max(batches, default=0),
        "throughput": metrics.throughput if metrics else None,
        "storeBytes": (folder / "store.db").stat().st_size,
    }


def main() -> None:
    url, idle_token, token, folder, count = sys.argv[1:]
    print(json.dumps(uvloop.run(measure(url, idle_token, token, Path(folder), int(count)))))


if __name__ == "__main__":
    main()
