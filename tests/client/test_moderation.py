"""The SDK and what the server does not take, or changes: masked words, rejected ones, spam."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from roost.admit.spam import COPIES
from roost.client import MessageSent, SendFailed
from roost.errors import ContentRejected, RateLimited, SpamSuspected
from roost.testing import LocalServer
from tests.client.conftest import Open
from tests.client.people import Cast, received, stored, take


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A server with words, and with limits."""
    folder = tmp_path_factory.mktemp("lists")
    for action, word in {"mask": "fool", "reject": "forbidden"}.items():
        (folder / action).write_text(word)
    settings = {f"MODERATION__{action.upper()}": f'["{folder / action}"]' for action in ("mask", "reject")}
    with LocalServer(settings=settings | {"LIMITS__MESSAGES_PER_MINUTE": "600"}) as server:
        yield server


@pytest.fixture
def cast(strict: LocalServer) -> Cast:
    return Cast(strict)


async def test_all_stores_have_the_masked_text(client: Open, cast: Cast) -> None:
    await cast.make("bob")
    ann, bob = await client(cast, "ann"), await client(cast, "bob")
    tablet = await client(cast, "ann", store="tablet", token=cast.token("ann", "tablet"))
    sent = asyncio.ensure_future(take(ann.events(MessageSent), 1))
    await asyncio.sleep(0)
    await ann.send(cast["bob"], "you fool")
    ((event),) = await sent
    assert event.message.content == "you ****"
    assert await received(bob, 1) == ["you ****"]
    conversation = cast.conversation("ann", "bob")
    async with asyncio.timeout(10):
        while not await stored(tablet, conversation):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    for one in (ann, tablet, bob):
        assert await stored(one, conversation) == ["you ****"]
    assert [one.content for one in await ann.search("fool")] == []


async def test_a_receipt_that_was_lost_still_brings_the_masked_text(client: Open, cast: Cast) -> None:
    await cast.make("bob")
    ann = await client(cast, "ann", connect=False)
    message = await ann.send(cast["bob"], "you fool")
    body = {"receiver_id": cast["bob"], "content": "you fool", "message_id": message.message_id}
    await cast.call("ann", "POST", "/messages/user", body)
    await ann.connect()
    await ann.flush(10)
    await ann.connected(10)
    assert await stored(ann, cast.conversation("ann", "bob")) == ["you ****"]


async def test_a_rejected_message_fails_for_good(client: Open, cast: Cast) -> None:
    await cast.make("bob")
    ann = await client(cast, "ann")
    failed = asyncio.ensure_future(take(ann.events(SendFailed), 1))
    await asyncio.sleep(0)
    message = await ann.send(cast["bob"], "a forbidden word")
    ((event),) = await failed
    assert (event.message_id, type(event.error)) == (message.message_id, ContentRejected)
    (one,) = await ann.unsent()
    assert (one.state, one.error_code, one.content) == ("failed", 40006, "a forbidden word")


async def test_who_is_slowed_down_waits_and_sends_all(client: Open, cast: Cast) -> None:
    names = [f"u{number}" for number in range(COPIES + 2)]
    await cast.make(*names)
    ann = await client(cast, "ann")
    for name in names:
        await ann.send(cast[name], "Buy now!")
    await ann.flush(60)
    assert await ann.unsent() == []
    for name in names:
        assert len(await stored(ann, cast.conversation("ann", name))) == 1


def test_the_errors_are_found_again_by_their_codes() -> None:
    from roost.client.errors import refusal  # noqa: PLC0415

    assert type(refusal(40006, "x")) is ContentRejected
    error = refusal(42901, "x", data={"retryAfter": 5.0})
    assert isinstance(error, SpamSuspected)
    assert isinstance(error, RateLimited)
    assert error.retry_after == 5.0
    assert error.retryable
