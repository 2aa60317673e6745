"""The queue in RabbitMQ when something goes away: the broker, a worker, the queue itself, sense."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import aio_pika
import pytest
import structlog

from roost.errors import Unavailable
from roost.push.contract import TRIES
from roost.push.rabbitmq import RabbitQueue
from tests.chaos.proxy import Proxy
from tests.push.queues import PATIENCE, Thing, drained, fresh_name, working
from tests.servers.rabbitmq import RabbitMQ

Opened = Callable[..., RabbitQueue[Thing]]


class Road(NamedTuple):
    """The way to a broker by a proxy."""

    url: str
    proxy: Proxy


@pytest.fixture
async def road(rabbitmq: RabbitMQ) -> AsyncIterator[Road]:
    """A way to the broker that stays up, which can be cut."""
    async with Proxy(rabbitmq.port) as proxy:
        yield Road(proxy.url.replace("http://", "amqp://guest:guest@"), proxy)


@pytest.fixture
async def opened() -> AsyncIterator[Opened]:
    """Opens queues that are closed when the test ends."""
    queues: list[RabbitQueue[Thing]] = []

    def opened(broker: RabbitMQ | Road, name: str | None = None, **settings: Any) -> RabbitQueue[Thing]:
        queues.append(RabbitQueue(broker.url, name or fresh_name(), Thing, **{"pause": 0.01} | settings))
        return queues[-1]

    yield opened
    for queue in queues:
        await queue.close()


@contextlib.asynccontextmanager
async def channel(broker: RabbitMQ) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
    """Another program's, which knows nothing of Roost."""
    async with await aio_pika.connect(broker.url) as connection, connection.channel() as opened:
        yield opened


@pytest.fixture
async def old(mortal_rabbitmq: RabbitMQ) -> str:
    """An empty queue on the broker that is going to be killed.

    The broker writes the name of a new one to disk within three seconds (RabbitMQ 3.10: dets' delayed write); killed
    before that, it has the queue afterwards, and a queue that takes nothing.
    """
    name = "roost.test.old"
    try:
        await empty(mortal_rabbitmq, name)
    except aio_pika.exceptions.ChannelNotFoundEntity:
        queue = RabbitQueue(mortal_rabbitmq.url, name, Thing)
        await queue.backlog()
        await queue.close()
        await asyncio.sleep(4)
    return name


async def empty(broker: RabbitMQ, name: str) -> None:
    async with channel(broker) as other:
        await (await other.get_queue(name)).purge()


async def put_aside(broker: RabbitMQ, name: str, count: int) -> list[bytes]:
    """The bodies in the dead-letter queue of `name`, when so many are there."""
    bodies: list[bytes] = []
    async with channel(broker) as other, asyncio.timeout(PATIENCE):
        queue = await other.get_queue(f"{name}.dead")
        while len(bodies) < count:
            message = await queue.get(no_ack=True, fail=False)
            if message:
                bodies.append(message.body)
            else:
                await asyncio.sleep(0.02)
    return bodies


async def put_until_taken(queue: RabbitQueue[Thing], things: list[Thing]) -> int:
    """Puts until that succeeds, and says how often it did not."""
    for failures in range(1000):
        try:
            await queue.put(things)
        except Unavailable:
            await asyncio.sleep(0.05)
        else:
            return failures
    raise AssertionError("never taken")


async def test_a_broker_killed_in_the_middle_of_ten_thousand_things_loses_and_doubles_none(
    mortal_rabbitmq: RabbitMQ, old: str, opened: Opened
) -> None:
    had: Counter[int] = Counter()
    twice: set[int] = set()
    some, all_of_them = asyncio.Event(), asyncio.Event()

    async def handle(thing: Thing) -> None:
        await asyncio.sleep(0)  # so that things are in hand when the broker dies
        had[thing.number] += 1
        if len(had) >= 3_000:
            some.set()
        if len(had) == 10_000:
            all_of_them.set()

    async def put_all() -> None:
        queue = opened(mortal_rabbitmq, old)
        for start in range(0, 10_000, 500):
            batch = [Thing(number) for number in range(start, start + 500)]
            if await put_until_taken(queue, batch):
                twice.update(range(start, start + 500))

    queue = opened(mortal_rabbitmq, old)
    async with working(queue, handle, at_once=50), asyncio.timeout(2 * PATIENCE), asyncio.TaskGroup() as tasks:
        tasks.create_task(put_all())
        await some.wait()
        mortal_rabbitmq.kill()
        await asyncio.to_thread(mortal_rabbitmq.start)
        await all_of_them.wait()
        await drained(queue)
    assert sorted(had) == list(range(10_000))
    doubled = {number for number, times in had.items() if times > 1}
    assert doubled <= twice, "handled twice, although it was put once"


async def test_what_was_in_hand_when_the_connection_broke_is_not_handled_again(road: Road, opened: Opened) -> None:
    had: list[int] = []

    async def handle(thing: Thing) -> None:
        had.append(thing.number)
        if len(had) <= 3:
            road.proxy.cut()

    queue = opened(road)
    await queue.put([Thing(number) for number in range(5)])
    async with working(queue, handle, at_once=2):
        await drained(opened(road, queue._name), until=lambda: len(set(had)) == 5)
    assert sorted(had) == [0, 1, 2, 3, 4]


async def test_an_outage_is_one_line_and_its_end_another(road: Road, opened: Opened) -> None:
    hands: list[int] = []

    async def handle(thing: Thing) -> None:
        hands.append(thing.number)

    queue = opened(road)
    with structlog.testing.capture_logs() as lines:
        async with working(queue, handle, at_once=1):
            await queue.put([Thing(1)])
            await drained(queue, until=lambda: hands == [1])
            road.proxy.refuse()
            road.proxy.cut()
            attempts = road.proxy.accepted + 10
            while road.proxy.accepted < attempts:
                with pytest.raises(Unavailable):
                    await queue.put([Thing(2)])
            road.proxy.heal()
            await put_until_taken(queue, [Thing(3)])
            await drained(queue, until=lambda: hands == [1, 3])
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("the broker is away", "warning"),
        ("the broker is back", "info"),
    ]


async def test_a_worker_that_begins_while_the_broker_is_down_works_when_it_is_up(
    rabbitmq: RabbitMQ, road: Road, opened: Opened
) -> None:
    had: list[int] = []

    async def handle(thing: Thing) -> None:
        had.append(thing.number)

    queue = opened(rabbitmq)
    await queue.put([Thing(1)])
    road.proxy.refuse()
    async with working(opened(road, queue._name), handle, at_once=1):
        async with asyncio.timeout(PATIENCE):
            while road.proxy.accepted < 2:  # noqa: ASYNC110 - a proxy tells nobody
                await asyncio.sleep(0.02)
        road.proxy.heal()
        await drained(queue, until=lambda: had == [1])


async def while_running(awaitable: Awaitable[None]) -> int:
    """How often the event loop came round in the meantime."""
    rounds = 0

    async def count() -> None:
        nonlocal rounds
        while True:
            await asyncio.sleep(0.01)
            rounds += 1

    counting = asyncio.create_task(count())
    try:
        async with asyncio.timeout(PATIENCE):
            await awaitable
    finally:
        counting.cancel()
    return rounds


async def test_a_broker_that_does_not_answer_makes_put_give_up_and_blocks_nobody(
    mortal_rabbitmq: RabbitMQ, opened: Opened
) -> None:
    queue, unconnected = opened(mortal_rabbitmq, patience=0.5), opened(mortal_rabbitmq, patience=0.5)
    await queue.put([Thing(1)])

    async def refused(queue: RabbitQueue[Thing]) -> None:
        with pytest.raises(Unavailable):
            await queue.put([Thing(2)] * 1000)

    with mortal_rabbitmq.frozen():
        assert await while_running(refused(queue)) > 10
        assert await while_running(refused(unconnected)) > 10
    assert await put_until_taken(queue, [Thing(3)]) < 10


async def test_a_put_that_is_cancelled_leaves_the_queue_in_order(mortal_rabbitmq: RabbitMQ, opened: Opened) -> None:
    queue = opened(mortal_rabbitmq)
    await queue.put([Thing(1)])
    with mortal_rabbitmq.frozen():
        putting = asyncio.create_task(queue.put([Thing(2)]))
        await asyncio.sleep(0)
        putting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await putting
    await put_until_taken(queue, [Thing(3)])


WORKER = """
import asyncio, sys
from roost.push.rabbitmq import RabbitQueue
from tests.chaos.proxy import Proxy
from tests.push.queues import Thing

async def hold(thing):
    print(thing.number, flush=True)
    await asyncio.Event().wait()

asyncio.run(RabbitQueue(sys.argv[1], sys.argv[2], Thing).work(hold, at_once=5))
"""


async def test_what_a_killed_worker_had_in_hand_arrives_at_another(rabbitmq: RabbitMQ, opened: Opened) -> None:
    queue = opened(rabbitmq)
    await queue.put([Thing(number) for number in range(20)])
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WORKER,
        rabbitmq.url,
        queue._name,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert worker.stdout
    async with asyncio.timeout(PATIENCE):
        held = {int(await worker.stdout.readline()) for _ in range(5)}
    had: set[int] = set()

    async def handle(thing: Thing) -> None:
        had.add(thing.number)

    async with working(queue, handle, at_once=5):
        await drained(queue, until=lambda: len(had) == 15)
        assert not had & held, "given to two at the same time"
        worker.kill()
        await worker.wait()
        await drained(queue, until=lambda: len(had) == 20)


async def test_what_is_left_by_a_worker_that_rests_is_new_to_the_next(rabbitmq: RabbitMQ, opened: Opened) -> None:
    first = opened(rabbitmq)
    await first.put([Thing(number) for number in range(1500)])
    had: set[int] = set()
    left: dict[int, str] = {}
    some = asyncio.Event()

    async def handle(thing: Thing) -> None:
        had.add(thing.number)
        if len(had) == 200:
            some.set()

    async def handle_left(thing: Thing) -> None:
        left[thing.number] = thing.text

    async with working(first, handle, at_once=16):
        async with asyncio.timeout(PATIENCE):
            await some.wait()
        await first.rest()
    second = opened(rabbitmq, first._name, again=lambda thing: Thing(thing.number, "perhaps had before"))
    async with working(second, handle_left, at_once=16):
        await drained(second, until=lambda: len(had | left.keys()) == 1500)
    assert not had & left.keys()
    assert set(left.values()) == {""}


async def test_what_can_not_be_read_is_put_aside(rabbitmq: RabbitMQ, opened: Opened) -> None:
    queue, had = opened(rabbitmq), []
    await queue.put([])
    await queue.backlog()
    bodies = [b"not JSON", b'{"number": "seven"}', b"\xff\xfe", b""]
    async with channel(rabbitmq) as other:
        for body in bodies:
            await other.default_exchange.publish(aio_pika.Message(body), queue._name)

    async def handle(thing: Thing) -> None:
        had.append(thing)

    async with working(queue, handle, at_once=1):
        await queue.put([Thing(1)])
        await drained(queue, until=lambda: had == [Thing(1)])
    assert sorted(await put_aside(rabbitmq, queue._name, 4)) == sorted(bodies)


async def test_what_failed_each_time_lies_in_the_dead_letter_queue(rabbitmq: RabbitMQ, opened: Opened) -> None:
    queue = opened(rabbitmq)
    tries: Counter[int] = Counter()

    async def handle(thing: Thing) -> None:
        tries[thing.number] += 1
        raise RuntimeError("never")

    await queue.put([Thing(1), Thing(2)])
    async with working(queue, handle, at_once=2):
        aside = await put_aside(rabbitmq, queue._name, 2)
    assert sorted(aside) == [b'{"number":1,"text":""}', b'{"number":2,"text":""}']
    assert tries == {1: TRIES, 2: TRIES}


async def test_what_kills_its_worker_each_time_is_put_aside(rabbitmq: RabbitMQ, opened: Opened) -> None:
    queue, attempts = opened(rabbitmq), 0
    await queue.put([Thing(1)])
    aside = asyncio.create_task(put_aside(rabbitmq, queue._name, 1))
    while not aside.done():
        taken = asyncio.Event()

        async def die(_: Thing, taken: asyncio.Event = taken) -> None:
            taken.set()
            await asyncio.Event().wait()

        async with working(queue, die, at_once=1):
            handed = asyncio.create_task(taken.wait())
            await asyncio.wait([aside, handed], return_when=asyncio.FIRST_COMPLETED)
            attempts += taken.is_set()
            handed.cancel()
    assert await aside == [b'{"number":1,"text":""}']
    assert attempts == TRIES + 1


async def test_a_worker_that_is_stopped_while_it_opens_its_queue_ends(
    rabbitmq: RabbitMQ, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unlucky(awaited: Awaitable[Any], timeout: float | None) -> Any:
        """`asyncio.wait_for` of Python 3.11 where what it waits for is there as it is cancelled: it goes on."""
        if timeout is None:
            return await awaited
        future = asyncio.ensure_future(awaited)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            return await future

    monkeypatch.setattr(asyncio, "wait_for", unlucky)
    loop, queue, taken = asyncio.get_running_loop(), opened(rabbitmq), asyncio.Event()
    await queue.put([Thing(1)])

    async def take(_: Thing) -> None:
        taken.set()
        raise asyncio.CancelledError  # leaves it to the next

    begun = loop.time()
    async with working(queue, take, at_once=1):
        await taken.wait()
        opening = loop.time() - begun
    for step in range(50):
        worker = asyncio.create_task(queue.work(take, at_once=1))
        await asyncio.sleep(opening * step / 50)
        worker.cancel()
        await asyncio.wait([worker], timeout=PATIENCE)
        assert worker.cancelled()


async def test_a_queue_that_is_deleted_is_made_again(rabbitmq: RabbitMQ, opened: Opened) -> None:
    had: list[int] = []

    async def handle(thing: Thing) -> None:
        had.append(thing.number)

    queue = opened(rabbitmq)
    async with working(queue, handle, at_once=1):
        await queue.put([Thing(1)])
        await drained(queue, until=lambda: had == [1])
        async with channel(rabbitmq) as other:
            await other.queue_delete(queue._name)
        await put_until_taken(queue, [Thing(2)])
        await drained(queue, until=lambda: 2 in had)


async def test_a_thing_that_no_queue_takes_is_not_called_put(rabbitmq: RabbitMQ, opened: Opened) -> None:
    queue = opened(rabbitmq)
    await queue.put([Thing(1)])
    async with channel(rabbitmq) as other:
        await other.queue_delete(queue._name)
    with pytest.raises(Unavailable):
        await queue.put([Thing(2)])
    await queue.put([Thing(3)])
    assert await queue.backlog() == 1


async def test_a_refused_password_is_told_and_not_shown(rabbitmq: RabbitMQ) -> None:
    queue = RabbitQueue(rabbitmq.url.replace("guest:guest", "guest:wrong-password"), fresh_name(), Thing)
    with structlog.testing.capture_logs() as lines, pytest.raises(Unavailable) as refused:
        await queue.put([Thing(1)])
    await queue.close()
    assert len(lines) == 1
    assert "REFUSED" in lines[0]["reason"]
    assert "wrong-password" not in str(lines) + str(refused.value)


async def test_nothing_is_left_running_when_all_is_closed(rabbitmq: RabbitMQ, opened: Opened) -> None:
    before = asyncio.all_tasks()
    queue, taken = opened(rabbitmq), asyncio.Event()

    async def handle(_: Thing) -> None:
        taken.set()
        await asyncio.Event().wait()

    await queue.put([Thing(1), Thing(2)])
    async with asyncio.timeout(PATIENCE), working(queue, handle, at_once=2):
        await taken.wait()
    await queue.close()
    ending = asyncio.all_tasks() - before
    if ending:  # the client's own, which have a step or two to go
        await asyncio.wait(ending, timeout=1)
    assert asyncio.all_tasks() == before
