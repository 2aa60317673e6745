"""Servers and push workers as processes of their own: on one data directory, or on a database server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import aio_pika
from bench.server import Server

from roost.adapters import REPORTS, TASKS
from roost.push.contract import Report, Task
from roost.push.rabbitmq import RabbitQueue
from tests.blackbox.house import Guest, House, process
from tests.push.http2 import PushService
from tests.push.road import TOPIC, Books, apple_key, reached
from tests.servers.rabbitmq import RabbitMQ

READY = "The push worker is ready."
PATIENCE = 60.0
"""Seconds for what takes its time on a machine that is busy."""

Push = tuple[str, int]
"""Whom it is for, and the server's id of the message."""


class WorkerProcess:
    """One `roost push-worker`; what it prints is in a file."""

    def __init__(self, data: Path, settings: dict[str, str], output: Path) -> None:
        self._output = output
        with output.open("wb") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "roost", "push-worker", "--data", str(data)],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=output.parent,  # no config.yaml lies there
                env=os.environ | settings,
            )

    @property
    def printed(self) -> str:
        return self._output.read_text()

    async def ready(self) -> None:
        """Returns when it takes tasks, or would if there were a broker."""
        await until(lambda: READY in self.printed or self._process.poll() is not None)
        assert self._process.poll() is None, self.printed

    async def ended(self) -> int:
        """Its exit status, when it has ended."""
        return await asyncio.get_running_loop().run_in_executor(None, self._process.wait, PATIENCE)

    def tell_to_stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Office:
    """A server and its workers. What they need is the same: the broker, Apple's address, a key.

    Without a broker the server does its own pushes. `more` are settings as `process` takes them.
    """

    def __init__(self, folder: Path, broker: RabbitMQ | str | None, apple: PushService, **more: str) -> None:
        self._folder = folder
        self._workers: list[WorkerProcess] = []
        self._nodes: list[Server] = []
        self._alone = "SERVER__DATABASE" not in more
        settings = {
            "PUSH__QUEUE": "rabbitmq" if broker else "local",
            "PUSH__RABBITMQ": broker.url if isinstance(broker, RabbitMQ) else broker or "amqp://127.0.0.1",
            "PUSH__GRACE": "0",
            "PUSH__APNS__ENABLED": "true",
            "PUSH__APNS__KEY_FILE": apple_key(folder),
            "PUSH__APNS__KEY_ID": "K",
            "PUSH__APNS__TEAM_ID": "T",
            "PUSH__APNS__TOPIC": TOPIC,
            "PUSH__APNS__URL": apple.url,
        } | more
        self._settings = settings
        self.server = self._node(folder)

    def _node(self, folder: Path) -> Server:
        self._nodes.append(process(folder, **self._settings))
        return self._nodes[-1]

    def another_node(self) -> Server:
        """Starts one more on the same database; the first has run."""
        folder = self._folder / f"node-{len(self._nodes)}"
        (folder / "data").mkdir(parents=True)
        shutil.copy(self.data / "jwt.secret", folder / "data")
        node = self._node(folder)
        node.start()
        return node

    @property
    def data(self) -> Path:
        return self.server.data

    def worker(self, **settings: str) -> WorkerProcess:
        """Starts another worker: beside the file, or anywhere. `settings` as `process` takes them."""
        mine = {f"ROOST_{name}": value for name, value in (self._settings | settings).items()}
        data = self.data if self._alone else self._folder / "elsewhere"
        self._workers.append(WorkerProcess(data, mine, self._folder / f"worker-{len(self._workers)}.out"))
        return self._workers[-1]

    async def workers(self, count: int) -> list[WorkerProcess]:
        """So many more of them, ready."""
        started = [self.worker() for _ in range(count)]
        for one in started:
            await one.ready()
        return started

    def close(self) -> None:
        for one in self._workers:
            one.kill()
        for node in self._nodes:
            node.stop()


@contextlib.contextmanager
def office(folder: Path, broker: RabbitMQ | str | None, apple: PushService, **more: str) -> Iterator[Office]:
    """An office that is closed when the block ends; nothing runs yet."""
    opened = Office(folder, broker, apple, **more)
    try:
        yield opened
    finally:
        opened.close()


class Audience:
    """A group with `size` members who are away, each reached by Apple's service; `writer` sends to it."""

    def __init__(self, writer: Guest, members: list[str]) -> None:
        self._writer = writer
        self.members = members
        self.expected: set[Push] = set()
        """The pushes of what was sent and has its receipt."""

    @classmethod
    async def gathered(cls, house: House, size: int) -> Audience:
        writer = await house.guest("writer")
        guests = [await house.guest(f"member{number}") for number in range(size)]
        for guest in guests:
            await reached(guest)
        names = [guest.user_id for guest in guests]
        await writer.post("/groups", {"groupID": "all", "name": "All", "members": names})
        return cls(writer, names)

    async def hear(self, count: int) -> None:
        """Sends so many messages, all at once."""
        line = await self._writer.line()
        for number in range(count):
            await line.say("group", to="all", content=f"number {number}", messageID=f"{len(self.expected)}-{number}")
        for _ in range(count):
            sent = await line.hear("sent")
            self.expected |= {(name, int(sent["serverMsgID"])) for name in self.members}


def came(apple: PushService) -> Counter[Push]:
    """What Apple's stand-in got, and how often."""
    users: dict[str, str] = {}
    return Counter(
        (users.setdefault(request.path, _user(request.path)), int(request.json["roost"]["serverMsgID"]))
        for request in apple.requests
    )


def _user(path: str) -> str:
    return bytes.fromhex(path.rpartition("/")[2]).decode().partition("/")[0]


def logged(books: Books) -> Counter[Push]:
    """The attempts in `push_log`, by push."""
    return Counter((row["user_id"], row["message_id"]) for row in books.rows("SELECT * FROM push_log"))


async def until(holds: Callable[[], bool], *, within: float = PATIENCE) -> None:
    """Waits for what tells nobody."""
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.1)


WRITTEN = 4.0
"""Seconds until the broker has the name of a new queue on disk (RabbitMQ 3.10: dets' delayed write, 3 s). Killed before
that, it has the queue afterwards, and a queue that takes nothing."""


async def emptied(broker: RabbitMQ) -> None:
    """Takes away what another test left in the broker; its queues are there, and old enough to outlive it."""
    async with await aio_pika.connect(broker.url) as connection:
        try:
            async with connection.channel() as channel:
                for name in (TASKS, REPORTS):
                    for queue in (name, f"{name}.dead"):
                        await (await channel.get_queue(queue)).purge()
        except aio_pika.exceptions.ChannelNotFoundEntity:
            for name, kind in ((TASKS, Task), (REPORTS, Report)):
                made = RabbitQueue(broker.url, name, kind)
                await made.backlog()
                await made.close()
            await asyncio.sleep(WRITTEN)
