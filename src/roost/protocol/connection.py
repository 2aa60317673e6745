r"""The life of a WebSocket connection as one table (CONTRACT §4).

    opened --auth--> authenticating --accepted--> ready --\
       \---- too late, refused, protocol error, gone -------+--> closed

The driver feeds it frames and the outcome of the authentication; it answers what may happen. It knows no
socket and no clock.
"""

from __future__ import annotations

from enum import Enum

from roost.errors import InvalidInput, Unauthenticated
from roost.protocol.frames import AnyClientFrame, Auth


class State(Enum):
    """Where a connection stands."""

    OPENED = "opened"
    AUTHENTICATING = "authenticating"
    READY = "ready"
    CLOSED = "closed"


class Verdict(Enum):
    """What the driver does with a frame."""

    AUTHENTICATE = "authenticate"
    HOLD = "hold"
    HANDLE = "handle"
    DROP = "drop"


class Connection:
    """One connection's state. `receive` says what to do with a frame; the other methods move it on."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state = State.OPENED

    def receive(self, frame: AnyClientFrame) -> Verdict:
        """What becomes of `frame` now. Raises `Unauthenticated` (frames before auth) or `InvalidInput` (a second).

        A frame that follows `auth` before the answer is held, not refused: a client may write both at once.
        """
        is_auth = type(frame) is Auth
        match self.state:
            case State.READY:
                if is_auth:
                    raise InvalidInput("This connection is authenticated already.")
                return Verdict.HANDLE
            case State.OPENED:
                if not is_auth:
                    raise Unauthenticated("The first frame must be auth.")
                self.state = State.AUTHENTICATING
                return Verdict.AUTHENTICATE
            case State.AUTHENTICATING:
                return Verdict.HOLD
            case State.CLOSED:
                return Verdict.DROP

    def accepted(self) -> bool:
        """The token was good. False where the connection is gone meanwhile."""
        if self.state is not State.AUTHENTICATING:
            return False
        self.state = State.READY
        return True

    def reopen(self) -> None:
        """The server could not tell whether the token is good: the client may try again."""
        if self.state is State.AUTHENTICATING:
            self.state = State.OPENED

    def closed(self) -> None:
        """The connection is over, whoever ended it."""
        self.state = State.CLOSED
