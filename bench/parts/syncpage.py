"""What a sync page of 500 costs where 1,000,000 entries wait, against where 1,000 wait.

Two users, both offline, get that many private messages over WebSocket; then their first pages are asked for in
turn, many times, over one HTTP connection. Pages from random places of the long log are shown as well: there the
database has to go to rows that no earlier request has read.
"""

from __future__ import annotations

import http.client
import random
import statistics
import time

import uvloop

from bench.client import Connection, Template, sign
from bench.figures import Figure
from bench.load import Sender, WrongDeliveryError, close_all, connect_all
from bench.server import Server, ask, running

NAME = "syncpage"
ABOUT = "a sync page of 500 at 1,000,000 entries waiting against one at 1,000"

COUNT = 500
FEW = 1_000
MANY = 1_000_000
MANY_QUICK = 100_000
SENDERS = 20
WINDOW = 64
PAGES = 40
"""Requests of each kind in a round; their median is the round's value."""


def run(*, quick: bool) -> list[Figure]:
    """Measures on a fresh server."""
    many = MANY_QUICK if quick else MANY
    with running() as server:
        started = time.monotonic()
        uvloop.run(_fill(server, many))
        notes = {"fillSeconds": round(time.monotonic() - started, 1)}
        return _measure(server, many=many, rounds=3 if quick else 7, notes=notes)


async def _fill(server: Server, many: int) -> None:
    """Makes both logs, each from the same senders, so that their pages are alike."""
    for user, count in (("few", FEW), ("many", many)):
        await fill_log(server, user, count)


async def fill_log(server: Server, user: str, count: int) -> None:
    """`SENDERS` users send a user who is offline `count` private messages; `count` is a multiple of `SENDERS`."""
    visit = Connection(sign(server.data, user, "phone"))  # a user exists from its first token on
    await visit.connect(server.port)
    await visit.close()
    senders = [
        Sender(sign(server.data, f"s{i}", "phone"), Template("private", user, i), window=WINDOW) for i in range(SENDERS)
    ]
    await connect_all(senders, server.port)
    for sender in senders:
        sender.start(count // SENDERS)
    for sender in senders:
        await sender.finished
    await close_all(senders)


def _measure(server: Server, *, many: int, rounds: int, notes: dict[str, float]) -> list[Figure]:
    tokens = {user: sign(server.data, user, "phone") for user in ("few", "many")}
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    chance = random.Random(1)  # places in the log, the same ones in each run

    def page(user: str, last_seq: int, waiting: int) -> float:
        started = time.perf_counter()
        found = ask(link, "POST", "/messages/sync", {"lastSeq": last_seq, "count": COUNT}, tokens[user])
        seconds = time.perf_counter() - started
        if len(found["messages"]) != COUNT or found["totalCount"] != waiting or not found["hasMore"]:
            raise WrongDeliveryError(f"a page of {len(found['messages'])}, {found['totalCount']} waiting")
        return seconds * 1000

    few, most, anywhere = [], [], []
    for _ in range(rounds):
        places = [chance.randrange(many - COUNT) for _ in range(PAGES)]
        times = [(page("few", 0, FEW), page("many", 0, many), page("many", at, many - at)) for at in places]
        for values, found in zip((few, most, anywhere), zip(*times, strict=True), strict=True):
            values.append(statistics.median(found))
    link.close()
    ratios = [big / small for big, small in zip(most, few, strict=True)]
    return [
        Figure(NAME, f"page at {many:,} against {FEW:,} waiting", "times", ratios, 1.3, "less", notes),
        Figure(NAME, f"page of {COUNT} at {FEW:,} waiting", "ms", few, None, "less", notes),
        Figure(NAME, f"page of {COUNT} at {many:,} waiting", "ms", most, None, "less", notes),
        Figure(NAME, f"page of {COUNT}, anywhere in {many:,}", "ms", anywhere, None, "less", notes),
    ]
