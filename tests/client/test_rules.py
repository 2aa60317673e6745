"""The tables of the client: connection, sync, errors, waits, batch sizes. No server, no time."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from roost.client import Network, NetworkError, RoostError, SyncState, SyncStopped, backoff, connection, sync
from roost.client.errors import ClientError, refusal
from roost.client.events import State, SyncEnded
from roost.client.identity import new_message_id
from roost.client.sync import SyncManager
from roost.client.tokens import hints
from roost.errors import (
    InternalError,
    InvalidInput,
    NotFound,
    RateLimited,
    TokenExpired,
    Unavailable,
    UnknownReceiver,
)
from roost.protocol.frames import Page

# --- the connection ---


def test_every_state_can_be_left_and_reached() -> None:
    for table, states in ((connection.STATES, State), (sync.STATES, SyncState)):
        assert {state for state, _ in table} == set(states)
        assert set(table.values()) == set(states)


def test_every_connected_state_ends_disconnected() -> None:
    for state in (State.CONNECTING, State.SYNCING, State.CONNECTED):
        for step in (connection.Step.LOST, connection.Step.FINAL):
            assert connection.STATES[state, step] is State.DISCONNECTED


def test_waits_double_up_to_the_cap_and_are_spread_from_zero() -> None:
    chance = random.Random(1)
    for attempt, bound in enumerate((0.5, 1, 2, 4, 8, 16, 30, 30, 30)):
        waits = [backoff.delay(attempt, chance) for _ in range(300)]
        assert 0 <= min(waits) < bound * 0.1
        assert bound * 0.9 < max(waits) <= bound


def test_the_servers_hint_is_kept_to() -> None:
    assert all(backoff.delay(0, random.Random(n), at_least=7) >= 7 for n in range(50))


# --- errors ---


def test_a_refusal_is_found_again_by_its_code() -> None:
    error = refusal(40401, "no such user", data={"userID": "x"}, request_id="r1")
    assert type(error) is UnknownReceiver
    assert (error.code, error.slug, error.retryable, error.request_id) == (40401, "unknown_receiver", False, "r1")
    assert error.data == {"userID": "x"}
    limited = refusal(42900, "slow down", data={"retryAfter": 1.5})
    assert (type(limited), limited.retry_after, limited.retryable, limited.data) == (RateLimited, 1.5, True, {})


@pytest.mark.parametrize(
    ("code", "kind"),
    [(40499, NotFound), (40099, InvalidInput), (50399, Unavailable), (50200, Unavailable), (41800, InvalidInput)],
)
def test_a_code_that_this_version_does_not_know_is_its_nearest_kind(code: int, kind: type[RoostError]) -> None:
    assert type(refusal(code, "?")) is kind


def test_no_client_error_has_a_servers_code() -> None:
    assert all(kind.code < 10000 for kind in ClientError.__subclasses__())


# --- the sync: waits, tries, sizes ---


class Answers:
    """In place of HTTP: gives these answers in turn; numbers are pages of so many entries."""

    def __init__(self, *answers: Exception | int) -> None:
        self.answers = list(answers)
        self.sizes: list[int] = []
        self.seconds = 0.0

    async def call(self, _method: str, _path: str, _kind: Any, *, body: Any) -> Page:
        self.sizes.append(body.count)
        await asyncio.sleep(self.seconds)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Page(
            messages=[],
            changes=[],
            from_seq=body.last_seq + 1,
            max_seq=body.last_seq + answer,
            head_seq=1 << 40,
            has_more=bool(self.answers),
            total_count=1000,
            epoch="one",
        )


class Nowhere:
    """In place of intake, store and log: everything is stored at once."""

    reach = 0
    epoch = "one"

    async def take_page(self, page: Page) -> None:
        self.reach = page.max_seq

    async def set_syncing(self, *, syncing: bool) -> None:
        self.syncing = syncing

    async def seen_epoch(self, epoch: str) -> None:
        assert epoch == self.epoch

    async def tell_position(self) -> None:
        pass


class Run:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: Exception | int) -> None:
        self.waits: list[float] = []
        self.events: list[Any] = []
        self.http = Answers(*answers)
        nowhere: Any = Nowhere()
        http: Any = self.http
        self.sync = SyncManager(http, nowhere, nowhere, nowhere, tell=self.events.append)
        real = asyncio.sleep

        async def sleep(seconds: float) -> None:
            if seconds >= 1:
                self.waits.append(seconds)
                seconds = 0
            await real(seconds)

        monkeypatch.setattr(sync.asyncio, "sleep", sleep)


async def test_a_network_error_waits_3_seconds_at_most_3_times(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(monkeypatch, *[NetworkError("cut")] * 4)
    with pytest.raises(NetworkError):
        await run.sync.start_sync()
    assert run.waits == [3, 3, 3]
    assert run.sync.state is SyncState.FAILED
    (ended,) = run.events
    assert isinstance(ended, SyncEnded)
    assert isinstance(ended.error, NetworkError)


async def test_a_page_between_two_cuts_gives_new_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = NetworkError("cut")
    run = Run(monkeypatch, cut, cut, 100, cut, cut, cut, 100)
    await run.sync.start_sync()
    assert run.waits == [3] * 5
    assert run.sync.state is SyncState.COMPLETED


async def test_an_authentication_error_stops_and_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(monkeypatch, TokenExpired())
    with pytest.raises(TokenExpired):
        await run.sync.start_sync()
    assert run.waits == []
    assert isinstance(run.events[0].error, TokenExpired)


async def test_a_server_error_waits_10_seconds_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(monkeypatch, *[InternalError()] * 5, Unavailable(retry_after=25), 10)
    await run.sync.start_sync()
    assert run.waits == [10, 10, 10, 10, 10, 25]
    assert run.sync.state is SyncState.COMPLETED


async def test_any_other_error_is_logged_and_stops(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = Run(monkeypatch, ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        await run.sync.start_sync()
    assert run.waits == []
    assert "a bug" in caplog.text
    assert run.sync.state is SyncState.FAILED


async def test_start_batches_interruptions_and_the_end_are_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """C13."""
    caplog.set_level("DEBUG", "roost.client.sync")
    run = Run(monkeypatch, 100, NetworkError("cut"), 7)
    metrics = await run.sync.start_sync()
    said = [(record.levelname, record.message) for record in caplog.records if record.name == "roost.client.sync"]
    assert said == [
        ("INFO", "sync started after seq 0"),
        ("DEBUG", "batch 1: 100 entries, 100 of 1000"),
        ("WARNING", "sync interrupted, again in 3.0 s: cut"),
        ("DEBUG", "batch 2: 7 entries, 107 of 1100"),
        ("INFO", f"sync completed: {metrics}"),
    ]


@pytest.mark.parametrize(("network", "size"), [(Network.WIFI, 500), (Network.CELLULAR, 200), (Network.UNKNOWN, 100)])
async def test_the_batch_size_follows_the_network(monkeypatch: pytest.MonkeyPatch, network: Network, size: int) -> None:
    run = Run(monkeypatch, size, size, 7)
    run.sync.network = network
    await run.sync.start_sync()
    assert run.http.sizes == [size] * 3


async def test_without_a_network_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(monkeypatch)
    run.sync.network = Network.DISCONNECTED
    with pytest.raises(NetworkError):
        await run.sync.start_sync()
    assert run.http.sizes == []


async def test_the_batch_size_adapts_to_a_quick_line_and_to_a_slow_one(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(monkeypatch, 100, 200, 400, 800, 1000, 1000)
    await run.sync.start_sync()
    assert run.http.sizes[0] == 100
    assert run.http.sizes == sorted(run.http.sizes)
    assert run.http.sizes[-1] == 1000
    slow = Run(monkeypatch, *[1000] * 3)
    slow.sync._adapted = 1000
    monkeypatch.setattr(sync, "GOOD_BATCH", 0.0001)
    slow.http.seconds = 0.01
    await slow.sync.start_sync()
    assert slow.http.sizes[-1] < 1000


async def test_a_stopped_sync_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(monkeypatch, 1)
    run.http.seconds = 0.5
    task = run.sync.start_sync()
    await asyncio.sleep(0)
    await run.sync.stop_sync()
    with pytest.raises(SyncStopped):
        await task
    assert run.sync.state is SyncState.IDLE


# --- small parts ---


def test_message_ids_are_uuids_of_version_7_and_sort_by_time() -> None:
    made = [new_message_id() for _ in range(3)]
    assert all(len(one) == 36 and one[14] == "7" and one[19] in "89ab" for one in made)
    assert len(set(made)) == 3
    assert made[0][:8] <= made[-1][:8]


@pytest.mark.parametrize("token", ["", "a.b", "a.!!!.c", "a.bm8.c", "é.é.é"])
def test_a_token_that_is_no_jwt_gives_no_hints(token: str) -> None:
    assert hints(token) == (None, None)
