"""What `roost.presence.contract` guarantees, on every kind of presence: leases that end by themselves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.presence import memory
from roost.presence.contract import Presence
from roost.presence.memory import MemoryPresence
from tests.rooms import Clock

TTL = 300.0
USERS = ("ann", "bob", "cat")

KINDS: dict[str, Callable[[Clock], Presence]] = {"memory": lambda clock: MemoryPresence(TTL, clock)}
"""Every kind of presence that the suite runs on."""


@pytest.fixture(params=sorted(KINDS))
def presence(request: pytest.FixtureRequest, clock: Clock) -> Presence:
    return KINDS[request.param](clock)


async def online(presence: Presence, user_id: str) -> bool:
    return (await presence.query([user_id]))[user_id].online


async def test_who_was_never_here_is_offline_and_was_never_seen(presence: Presence) -> None:
    state = (await presence.query(["ann"]))["ann"]
    assert not state.online
    assert state.last_seen is None


async def test_who_renews_is_online_and_was_seen_now(presence: Presence, clock: Clock) -> None:
    await presence.renew("ann")
    state = (await presence.query(["ann"]))["ann"]
    assert state.online
    assert state.last_seen == clock.now


async def test_a_lease_lasts_its_time(presence: Presence, clock: Clock) -> None:
    await presence.renew("ann")
    clock.pass_(seconds=TTL - 0.001)
    assert await online(presence, "ann")


async def test_a_lease_that_is_not_renewed_is_over_after_its_time(presence: Presence, clock: Clock) -> None:
    await presence.renew("ann")
    seen = clock.now
    clock.pass_(seconds=TTL)
    state = (await presence.query(["ann"]))["ann"]
    assert not state.online
    assert state.last_seen == seen


async def test_a_renewal_begins_a_whole_lease(presence: Presence, clock: Clock) -> None:
    await presence.renew("ann")
    clock.pass_(seconds=TTL - 1)
    await presence.renew("ann")
    clock.pass_(seconds=TTL - 1)
    assert await online(presence, "ann")


async def test_who_leaves_is_offline_at_once_and_was_seen_then(presence: Presence, clock: Clock) -> None:
    await presence.renew("ann")
    clock.pass_(seconds=5)
    await presence.leave("ann")
    state = (await presence.query(["ann"]))["ann"]
    assert not state.online
    assert state.last_seen == clock.now


async def test_leaving_without_having_come_is_no_error(presence: Presence) -> None:
    await presence.leave("ann")
    assert not await online(presence, "ann")


async def test_one_users_lease_says_nothing_of_another(presence: Presence) -> None:
    await presence.renew("ann")
    states = await presence.query(["ann", "bob"])
    assert [states["ann"].online, states["bob"].online] == [True, False]


async def test_a_query_answers_for_exactly_those_it_names(presence: Presence) -> None:
    await presence.renew("ann")
    assert set(await presence.query(["bob", "cat", "bob"])) == {"bob", "cat"}
    assert await presence.query([]) == {}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["renew", "leave"]), st.sampled_from(USERS)),
        st.tuples(st.just("pass"), st.integers(0, 400)),
    ),
    max_size=40,
)


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(steps=STEPS)
async def test_who_is_online_renewed_within_the_last_lease_and_did_not_leave_since(
    kind: str, steps: list[tuple[str, str | int]]
) -> None:
    clock = Clock()
    presence = KINDS[kind](clock)
    until: dict[str, int] = {}
    seen: dict[str, int] = {}
    for what, detail in steps:
        if what == "pass":
            clock.pass_(seconds=int(detail))
        else:
            await getattr(presence, what)(str(detail))
            seen[str(detail)] = clock.now
            until[str(detail)] = clock.now + int(TTL * 1000) if what == "renew" else 0
        for user, state in (await presence.query(USERS)).items():
            assert state.online == (until.get(user, 0) > clock.now)
            assert state.last_seen == seen.get(user)


async def test_memory_holds_no_more_than_it_may_however_many_come(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "REMEMBERED", 10)
    presence = MemoryPresence(TTL, clock)
    for number in range(100):
        await presence.renew(f"user{number}")
        clock.pass_(seconds=TTL)
    held = sum(len(part) for part in vars(presence).values() if hasattr(part, "__len__"))
    assert held <= 2 * 10
