"""`make demo`: the main job of Roost, played over real sockets in some seconds.

A server starts with an empty data directory. Bob is online, says goodbye and goes offline. Three people send him
10,000 messages, privately and in a group; each is acknowledged, so it is on disk. Bob returns with the number of the
last entry he has, catches up, and every message is looked at: none lost, none twice, none out of order. Only then is
the exit code 0.

`make cluster` plays it on two nodes: `--senders PORT --receiver PORT` names servers that run already on this machine,
without a limit on messages. The people are then known from the last time, perhaps.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the repository, where `bench` lies

from bench.client import Connection, FullFrame, Message, Template
from bench.load import Sender
from bench.server import request, running

TO_BOB = {"alice": 5_000, "carol": 3_000}
"""Private messages while he is away."""

TO_GROUP = {"dave": 2_000}
"""Group messages while he is away."""

TOTAL = sum(TO_BOB.values()) + sum(TO_GROUP.values())
HELLO = "Hello, Bob!"
PEOPLE = ("alice", "bob", "carol", "dave")
TIMEOUT = 120
"""Seconds for each step; it takes a few."""


class Bob(Connection):
    """Bob's device: follows his log from the last seq it has, keeps what comes, and acks each batch."""

    decode = staticmethod(msgspec.json.Decoder(FullFrame).decode)

    def __init__(self, token: str, last_seq: int) -> None:
        super().__init__(token, last_seq=last_seq)
        self.seq = last_seq
        self.gaps = 0
        self.messages: list[Message] = []
        self.news = asyncio.Event()

    def received(self, frame: FullFrame, last: bool) -> None:  # noqa: FBT001 - as the base class has it
        """Keeps what came, and acks it."""
        if frame.type == "offline":
            self._reach(frame.from_seq, frame.through_seq)
            self.messages += frame.messages
        elif frame.type in ("message", "change"):
            self._reach(frame.seq, frame.seq)
            if frame.type == "message":
                self.messages.append(msgspec.convert(frame, Message, from_attributes=True))
        if last:
            self.send({"type": "ack", "seq": self.seq})
            self.news.set()

    def _reach(self, first: int, last: int) -> None:
        self.gaps += first != self.seq + 1
        self.seq = last

    async def has(self, seq: int, bar: Progress | None = None) -> None:
        """Waits until everything up to `seq` has come."""
        task = None if bar is None else bar.add_task("  bob catches up  ", total=TOTAL)
        async with asyncio.timeout(TIMEOUT):
            while self.seq < seq:
                await self.news.wait()
                self.news.clear()
                if bar is not None and task is not None:
                    bar.update(task, completed=len(self.messages))
                if self.closed.done():
                    raise self.closed.exception() or ConnectionError("the server closed the connection")

    def on_ws_disconnected(self, transport: Any) -> None:
        """Wakes who waits in `has`."""
        super().on_ws_disconnected(transport)
        self.news.set()


async def play(senders: int, receiver: int, console: Console) -> bool:
    """The whole story; returns whether every message arrived once and in order.

    `senders` and `receiver` are the ports at which the others and Bob meet the server, or a node each of a cluster.
    """
    tokens = {name: sign_in(receiver if name == "bob" else senders, name) for name in PEOPLE}
    group = request(senders, "POST", "/groups", {"name": "tea", "members": ["bob", "carol", "dave"]}, tokens["alice"])
    last_seq, milliseconds = await visit(senders, receiver, tokens)
    console.print(f"  everybody is here; bob reads {HELLO!r} after {milliseconds:.0f} ms and goes offline")
    with progress(console) as bar:
        expected = await send_all(senders, tokens, group["groupID"], bar)
        started = time.monotonic()
        bob = Bob(tokens["bob"], last_seq)
        ready = await bob.connect(receiver)
        await bob.has(ready["headSeq"], bar)
        seconds = time.monotonic() - started
    await bob.close()
    return verdict(bob, expected, last_seq, seconds, console)


def sign_in(port: int, name: str) -> str:
    """The token of an account, which is made where it is missing."""
    account = {"userID": name, "password": f"{name} and a long tail"}
    try:
        made = request(port, "POST", "/auth/register", account)
    except RuntimeError:  # it is there from the last time
        made = request(port, "POST", "/auth/login", account)
    return str(made["token"])


async def visit(senders: int, receiver: int, tokens: dict[str, str]) -> tuple[int, float]:
    """Bob is online, gets a message live, and leaves: the last seq that he has, and how long it took (ms)."""
    bob = Bob(tokens["bob"], 0)
    ready = await bob.connect(receiver)
    await bob.has(ready["headSeq"])
    started = time.monotonic()
    hello = {"receiver_id": "bob", "content": HELLO}
    await asyncio.gather(
        asyncio.to_thread(request, senders, "POST", "/messages/user", hello, tokens["alice"]),
        bob.has(ready["headSeq"] + 1),
    )
    milliseconds = (time.monotonic() - started) * 1000
    await bob.close()
    return bob.seq, milliseconds


async def send_all(port: int, tokens: dict[str, str], group: str, bar: Progress) -> set[str]:
    """Everybody sends at once, over WebSockets of their own; returns the ids once each is acknowledged."""
    shares = [(name, "private", "bob", count) for name, count in TO_BOB.items()]
    shares += [(name, "group", group, count) for name, count in TO_GROUP.items()]
    expected: set[str] = set()
    senders = []
    for place, (name, kind, to, count) in enumerate(shares):
        template = Template(kind, to, place, padding=f" are the messages before this one, writes {name}.")
        sender = Sender(tokens[name], template, window=200)
        await sender.connect(port)
        senders.append((sender, count))
        expected |= {template.message_id(number) for number in range(count)}
    task = bar.add_task("  others send him ", total=TOTAL)
    for sender, count in senders:
        sender.start(count)
    finished = asyncio.gather(*(sender.finished for sender, _ in senders))
    async with asyncio.timeout(TIMEOUT):
        while not finished.done():
            await asyncio.wait([finished], timeout=0.05)
            bar.update(task, completed=sum(sender.acknowledged for sender, _ in senders))
    await finished
    for sender, _ in senders:
        await sender.close()
    return expected


def verdict(bob: Bob, expected: set[str], last_seq: int, seconds: float, console: Console) -> bool:
    """Looks at every message, prints the line of figures, and tells whether all is well."""
    got = [message.message_id for message in bob.messages]
    lost = len(expected.difference(got))
    twice = len(got) - len(set(got))
    strange = len(set(got).difference(expected))
    disorder = bob.gaps + out_of_order(bob.messages, last_seq)
    good = not (lost or twice or strange or disorder)
    console.print(
        f"[bold {'green' if good else 'red'}]{len(got):,} messages in {seconds:.2f} s "
        f"({len(got) / seconds:,.0f} a second): lost {lost}, twice {twice}, out of order {disorder}[/]"
    )
    if strange:
        console.print(f"[red]{strange} messages that nobody sent while bob was away[/]")
    return good


def out_of_order(messages: list[Message], last_seq: int) -> int:
    """How many do not come after the one before, in the log or in their conversation."""
    wrong = 0
    conversations: dict[str, int] = {}
    for message in messages:
        place = conversations.get(message.conversation_id, message.conversation_seq - 1)
        wrong += message.seq <= last_seq or message.conversation_seq != place + 1
        last_seq = message.seq
        conversations[message.conversation_id] = message.conversation_seq
    return wrong


def progress(console: Console) -> Progress:
    """Two bars, one below the other; without a terminal their last state is printed."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


def main() -> int:
    """0 only if every message arrived once and in order."""
    parser = argparse.ArgumentParser(description="Plays the main job of Roost.")
    parser.add_argument("--senders", type=int, metavar="PORT", help="where a server runs that those who send come to")
    parser.add_argument("--receiver", type=int, metavar="PORT", help="where one runs that the receiver comes to")
    chosen = parser.parse_args()
    if (chosen.senders is None) != (chosen.receiver is None):
        parser.error("--senders and --receiver go together")
    console = Console(highlight=False)
    console.print("[bold]Roost: nobody loses a message by being offline[/]")
    try:
        if chosen.senders is not None:
            return 0 if uvloop.run(play(chosen.senders, chosen.receiver, console)) else 1
        with running() as server:
            console.print(f"  a server runs on http://127.0.0.1:{server.port}, SQLite inside")
            return 0 if uvloop.run(play(server.port, server.port, console)) else 1
    except (OSError, RuntimeError, TimeoutError) as reason:
        console.print(f"[red]The demo could not be played: {str(reason) or type(reason).__name__}[/]")
        return 1


if __name__ == "__main__":
    sys.exit(main())
