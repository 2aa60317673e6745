"""The life of a connection: the whole table, state by state and event by event (CONTRACT §4)."""

from __future__ import annotations

import pytest

from roost.errors import InvalidInput, RoostError, Unauthenticated
from roost.protocol.close import MAX_DELAY, CloseCode, restart_reason, told_delay
from roost.protocol.connection import Connection, State, Verdict
from roost.protocol.frames import AnyClientFrame, Auth, Ping

AUTH, OTHER = "auth", "any other frame"
EXAMPLES: dict[str, AnyClientFrame] = {AUTH: Auth(token="t"), OTHER: Ping()}

FRAMES: dict[tuple[State, str], tuple[Verdict | type[RoostError], State]] = {
    (State.OPENED, AUTH): (Verdict.AUTHENTICATE, State.AUTHENTICATING),
    (State.OPENED, OTHER): (Unauthenticated, State.OPENED),
    (State.AUTHENTICATING, AUTH): (Verdict.HOLD, State.AUTHENTICATING),
    (State.AUTHENTICATING, OTHER): (Verdict.HOLD, State.AUTHENTICATING),
    (State.READY, AUTH): (InvalidInput, State.READY),
    (State.READY, OTHER): (Verdict.HANDLE, State.READY),
    (State.CLOSED, AUTH): (Verdict.DROP, State.CLOSED),
    (State.CLOSED, OTHER): (Verdict.DROP, State.CLOSED),
}
EVENTS: dict[tuple[State, str], tuple[bool | None, State]] = {
    (State.OPENED, "accepted"): (False, State.OPENED),
    (State.OPENED, "reopen"): (None, State.OPENED),
    (State.OPENED, "closed"): (None, State.CLOSED),
    (State.AUTHENTICATING, "accepted"): (True, State.READY),
    (State.AUTHENTICATING, "reopen"): (None, State.OPENED),
    (State.AUTHENTICATING, "closed"): (None, State.CLOSED),
    (State.READY, "accepted"): (False, State.READY),
    (State.READY, "reopen"): (None, State.READY),
    (State.READY, "closed"): (None, State.CLOSED),
    (State.CLOSED, "accepted"): (False, State.CLOSED),
    (State.CLOSED, "reopen"): (None, State.CLOSED),
    (State.CLOSED, "closed"): (None, State.CLOSED),
}


def at(state: State) -> Connection:
    connection = Connection()
    connection.state = state
    return connection


def test_a_connection_begins_opened() -> None:
    assert Connection().state is State.OPENED


def test_the_table_is_complete() -> None:
    assert {state for state, _ in FRAMES} == {state for state, _ in EVENTS} == set(State)
    assert {verdict for verdict, _ in FRAMES.values() if isinstance(verdict, Verdict)} == set(Verdict)


@pytest.mark.parametrize(("state", "frame"), FRAMES, ids=lambda value: getattr(value, "value", value))
def test_a_frame(state: State, frame: str) -> None:
    connection, (expected, then) = at(state), FRAMES[state, frame]
    if isinstance(expected, Verdict):
        assert connection.receive(EXAMPLES[frame]) is expected
    else:
        with pytest.raises(expected):
            connection.receive(EXAMPLES[frame])
    assert connection.state is then


@pytest.mark.parametrize(("state", "event"), EVENTS, ids=lambda value: getattr(value, "value", value))
def test_an_event(state: State, event: str) -> None:
    connection, (answer, then) = at(state), EVENTS[state, event]
    assert getattr(connection, event)() is answer
    assert connection.state is then


@pytest.mark.parametrize("code", CloseCode)
def test_codes_from_4500_on_do_not_come_back_and_the_others_do(code: CloseCode) -> None:
    assert code.come_back == (code < 4500)


@pytest.mark.parametrize(("delay", "reason"), [(0, "0 s"), (1.3, "1.3 s"), (0.0049, "0 s"), (3.998, "4 s")])
def test_a_restart_tells_when_to_come_back(delay: float, reason: str) -> None:
    assert restart_reason(delay) == f"restart; retry after {reason}"
    assert told_delay(restart_reason(delay)) == pytest.approx(delay, abs=0.005)


@pytest.mark.parametrize(
    "reason", ["", "the server restarts", "retry after s", "retry after -1 s", "retry after 1e9 s"]
)
def test_a_reason_may_tell_nothing(reason: str) -> None:
    assert told_delay(reason) is None


def test_nobody_is_told_to_wait_for_ever() -> None:
    assert told_delay("restart; retry after 999999 s") == MAX_DELAY


def test_the_close_codes_are_those_of_the_contract() -> None:
    assert {code.name: int(code) for code in CloseCode if code >= 4000} == {
        "RESTART": 4000,
        "TOO_SLOW": 4001,
        "REPLACED": 4002,
        "BAD_TOKEN": 4500,
        "NO_AUTH_IN_TIME": 4501,
        "REVOKED": 4502,
        "PROTOCOL_ERROR": 4503,
    }
