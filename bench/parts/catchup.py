"""How long the Python SDK takes to bring 100,000 waiting messages into its store, and what memory that takes.

A user is offline while others send them 100,000 messages. Then a client in a process of its own follows an empty log
for a moment, which makes it an idle client, and opens a new store for the user who was away: the time runs from
`connect` until the client says that it is up to date, that is, until the last message is on disk, searchable and
acked. The server works on the same machine. Every round starts with an empty store.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import uvloop

from bench.client import sign
from bench.figures import Figure
from bench.load import WrongDeliveryError
from bench.parts.syncpage import fill_log
from bench.server import Server, running

NAME = "catchup"
ABOUT = "the Python SDK takes 100,000 waiting messages into its store"

COUNT = 100_000
COUNT_QUICK = 20_000
TARGET_SECONDS = 5.0
TARGET_MEGABYTES = 50.0
ALLOWED_SECONDS = 30.0
TARGET_PERCENT = 30.0
"""C14 allows 30 s, and the processor to be busy for less than 30 % of them: 9 seconds of processor time.

A share of the time that it takes would be bettered by being slow, so the share is one of what it may take.
"""
TIMEOUT = 180
"""Seconds for one round."""


def run(*, quick: bool) -> list[Figure]:
    """Measures on a fresh server."""
    count = COUNT_QUICK if quick else COUNT
    with running() as server:
        uvloop.run(fill_log(server, "reader", count))
        found = [catch_up(server, count) for _ in range(3 if quick else 5)]
    notes = {
        "clientCores": [round(one["cpuSeconds"] / one["seconds"], 2) for one in found],
        "serverCores": [round(one["serverCpuSeconds"] / one["seconds"], 2) for one in found],
        "idleMegabytes": [round(one["idleBytes"] / 1e6, 1) for one in found],
        "storeMegabytes": round(found[-1]["storeBytes"] / 1e6, 1),
        "batches": found[-1]["batches"],
    }
    seconds = [one["seconds"] for one in found]
    target = None if quick else TARGET_SECONDS
    return [
        Figure(NAME, f"{count:,} messages into the store", "s", seconds, target, "less", notes),
        Figure(NAME, "messages stored", "1/s", [count / one for one in seconds]),
        Figure(
            NAME,
            "peak memory above the idle client",
            "MB",
            [one["bytesAboveIdle"] / 1e6 for one in found],
            TARGET_MEGABYTES,
            "less",
        ),
        Figure(
            NAME,
            f"processor time of the client, in {ALLOWED_SECONDS:.0f} s",
            "%",
            [100 * one["cpuSeconds"] / ALLOWED_SECONDS for one in found],
            None if quick else TARGET_PERCENT,
            "less",
            {"seconds": [round(one["cpuSeconds"], 2) for one in found]},
        ),
    ]


def catch_up(server: Server, count: int) -> dict[str, Any]:
    """One round. Raises `WrongDeliveryError` unless every message is in the store."""
    with tempfile.TemporaryDirectory(prefix="roost-") as folder:
        tokens = [sign(server.data, user, "phone") for user in ("idle", "reader")]
        busy = server.cpu_seconds()
        answer = subprocess.run(  # noqa: S603 - our own interpreter and arguments
            [sys.executable, "-m", "bench.catcher", f"http://127.0.0.1:{server.port}", *tokens, folder, str(count)],
            cwd=Path(__file__).resolve().parents[2],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    if answer.returncode:
        raise RuntimeError(f"the client failed:\n{answer.stderr[-4000:]}")
    found: dict[str, Any] = json.loads(answer.stdout)
    found["serverCpuSeconds"] = server.cpu_seconds() - busy
    if found["stored"] != count or found["position"] != count or not found["found"]:
        raise WrongDeliveryError(f"{found['stored']} of {count} are in the store, up to seq {found['position']}")
    return found
