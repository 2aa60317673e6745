"""Devices on bad networks: a client, its store's file, its proxy, and the application that it tells of what comes.

A device that is killed leaves its store where it is: nothing is flushed, closed or told any more, as when the process
ends. What the application saw outlives it, as what a user saw does.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self, cast

import httpx2

from roost.client import Client, Durable, Event, MessageChanged, MessageReceived, RoostError, SendFailed
from roost.testing import LocalServer
from tests.chaos.proxy import Proxy

PATIENCE = 0.02
"""Scales the client's waits: the first of them is 10 ms."""

_numbers = itertools.count(1)


class Told(NamedTuple):
    """An event that an application was given: its place, its kind, and which message it is about (or "")."""

    seq: int
    kind: str
    server_msg_id: str


class Sending(NamedTuple):
    """A message that an application sent. `bad` ones are refused for good."""

    message_id: str
    conversation_id: str
    content: str
    bad: bool


class Person:
    """A user, as the server knows it: asked over HTTP, beside all proxies."""

    def __init__(self, town: Town, name: str) -> None:
        self.town = town
        self.name = name
        self.user_id = f"{name}-{next(_numbers)}"

    async def call(self, method: str, path: str, body: Any = None, *, device: str = "witness") -> Any:
        """One request; returns `data`."""
        headers = {"Authorization": f"Bearer {self.town.server.token(self.user_id, device)}"}
        answer = await self.town.http.request(method, f"/api/v1{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    async def log(self) -> tuple[dict[int, dict[str, Any]], dict[int, dict[str, Any]]]:
        """The whole log: messages and changes by seq. Every seq is there, once."""
        messages: dict[int, dict[str, Any]] = {}
        changes: dict[int, dict[str, Any]] = {}
        last, more = 0, True
        while more:
            page = await self.call("POST", "/messages/sync", {"lastSeq": last, "count": 1000})
            messages |= {one["seq"]: one for one in page["messages"]}
            changes |= {one["seq"]: one for one in page["changes"]}
            last, more = page["maxSeq"], page["hasMore"]
        assert sorted([*messages, *changes]) == list(range(1, last + 1)), "the log has gaps"
        assert len({one["serverMsgID"] for one in messages.values()}) == len(messages)
        return messages, changes

    async def head(self) -> int:
        """The end of the log."""
        return int((await self.call("POST", "/messages/sync", {"lastSeq": 0, "count": 1}))["headSeq"])


class Device:
    """A device of a person. `start`, then `kill` or `close`, and again."""

    def __init__(self, person: Person, name: str, folder: Path, proxy: Proxy, *, iterates: bool) -> None:
        """`iterates`: the application reads an iterator; otherwise it has a handler."""
        self.person = person
        self.name = f"{person.name}-{name}"
        self.device_id = name
        self.proxy = proxy
        self.client: Client | None = None
        self.told: list[Told] = []
        self.killed_at: list[int] = []
        """How many events the application had been given at each kill: the next may be the last once more."""
        self.sent: list[Sending] = []
        """Messages of which `send` returned, in order."""
        self.begun: list[Sending] = []
        """Messages of which `send` was called."""
        self.failures: set[str] = set()
        self.beside: set[asyncio.Task[Any]] = set()
        """What the application does without waiting for it."""
        self.faults: list[BaseException] = []
        """What went wrong there, other than what a network does."""
        self._store = folder / f"{self.name}.db"
        self._iterates = iterates

    # --- life ---

    async def start(self) -> None:
        """Opens the store and connects; nothing happens if it is running."""
        if self.client is not None:
            return
        token = self.person.town.server.token(self.person.user_id, self.device_id)
        self.client = client = Client(self.proxy.url, token=token, store=self._store, patience=PATIENCE)
        client.on(SendFailed)(self._failed)
        if self._iterates:
            self.spawn(self._read(client.events(Durable)))
        else:
            client.on(Durable)(self._told)
        await client.connect()

    async def kill(self) -> None:
        """The process ends where it stands."""
        client, self.client = self.client, None
        if client is not None:
            with self.person.town.ears.shut():
                await abandon(client, self.beside)
            self.killed_at.append(len(self.told))

    async def close(self) -> None:
        """The application ends in good order."""
        client, self.client = self.client, None
        if client is not None:
            await client.close()
            await asyncio.gather(*self.beside, return_exceptions=True)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Starts something that the application does not wait for."""
        task = asyncio.get_running_loop().create_task(work)
        self.beside.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self.beside.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, RoostError):
            self.faults.append(error)

    # --- the application ---

    async def _read(self, events: AsyncIterator[Event]) -> None:
        async for event in events:
            self._told(cast("Durable", event))

    def _told(self, event: Durable) -> None:
        server_msg_id = event.message.server_msg_id if isinstance(event, MessageReceived | MessageChanged) else ""
        self.told.append(Told(event.seq, type(event).__name__, server_msg_id))

    def _failed(self, event: SendFailed) -> None:
        self.failures.add(event.message_id)

    async def send(self, conversation_id: str, *, bad: bool = False) -> None:
        """Sends a message; one that is `bad` is too long."""
        if self.client is None:
            return
        number = next(_numbers)
        content = f"{number} from {self.name}" + "!" * (6000 * bad)
        sending = Sending(f"{self.name}-{number}", conversation_id, content, bad)
        self.begun.append(sending)
        await self.client.send(conversation_id, content, message_id=sending.message_id)
        self.sent.append(sending)


async def abandon(client: Client, beside: set[asyncio.Task[Any]]) -> None:
    """What SIGKILL leaves of a client: the store's file as the last transaction left it, and a broken connection."""
    following, store = client._following, client.store
    book, store._book = store._book, None
    assert book is not None
    if following.connection._link is not None:
        following.connection._link.drop("killed")
    work = [client._delivery._task, following.connection._task, following.sync._task, following.intake._task]
    tasks = {task for task in [*work, following.outbox._task, following.read_marks._task, *beside] if task is not None}
    while tasks := tasks | following._tasks:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        tasks = set()
    if store._thread is not None:
        await asyncio.get_running_loop().run_in_executor(store._thread, book.connection.close)
        store._thread.shutdown(wait=True)
    await following.http.close()


class Ears(logging.Handler):
    """Hears what the clients log of failures that no network explains: those with a traceback."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []
        self._shut = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps it."""
        if record.exc_info and not self._shut:
            self.heard.append(f"{record.getMessage()}: {record.exc_info[1]!r}")

    @contextlib.contextmanager
    def shut(self) -> Iterator[None]:
        """Hears nothing: what is being killed may cry."""
        self._shut += 1
        try:
            yield
        finally:
            self._shut -= 1


class Town(contextlib.AsyncExitStack):
    """People and their devices on one server; each device behind a proxy of its own."""

    def __init__(self, server: LocalServer, folder: Path) -> None:
        super().__init__()
        self.server = server
        self.folder = folder
        self.http = httpx2.AsyncClient(base_url=server.url, timeout=20, verify=False)
        self.devices: list[Device] = []
        self.shifting: set[Person] = set()
        """Who was not always a member of the group."""
        self.ears = Ears()

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        clients = logging.getLogger("roost.client")
        clients.addHandler(self.ears)
        self.callback(clients.removeHandler, self.ears)
        await self.enter_async_context(self.http)
        return self

    async def person(self, name: str) -> Person:
        """A new user."""
        person = Person(self, name)
        await person.call("GET", "/conversations")
        return person

    async def device(self, person: Person, name: str, *, iterates: bool = False) -> Device:
        """A device, not started yet."""
        proxy = await self.enter_async_context(Proxy(self.server.port))
        device = Device(person, name, self.folder, proxy, iterates=iterates)
        self.push_async_callback(device.kill)
        self.devices.append(device)
        return device
