"""A connection that is taken from no faster than it is answered.

A send weighs 1 until its receipt is there. A question, which is answered from the database, weighs more, and they are
answered one after the other, while the client takes the answers. Who sends on, or does not read, is not read from.
"""

from __future__ import annotations

from roost.edge.socket import Socket, Turn
from roost.protocol.frames import AnyClientFrame

MAX_IN_FLIGHT = 1024
"""Sends of one connection that wait for their receipt; beyond it, it is not read from until half are answered."""
QUESTION = 32
"""A frame that is answered from the database counts as so many sends: 32 of them may wait."""

LAST_ANSWER = 2.0
"""Seconds that a connection which has to end waits for the answer that is under way."""


class Paced(Socket):
    """A socket that keeps count of what waits for an answer. Who uses it overrides `answer`, too."""

    __slots__ = ("_answering", "_asked", "_in_flight", "_limit", "_parting")

    def __init__(self, turn: Turn) -> None:
        super().__init__(turn)
        self._asked: list[AnyClientFrame] = []
        self._answering = False
        self._parting: tuple[int, str] | None = None
        self._in_flight = 0
        self._limit = MAX_IN_FLIGHT

    async def answer(self, question: AnyClientFrame) -> None:
        """Answers a question; what fails is told to the client and not raised."""

    @property
    def is_waited_for(self) -> bool:
        """Whether something that the client sent is not answered yet."""
        return self._in_flight > 0

    def begun(self, weight: int) -> None:
        """Something has come that will be answered."""
        self._in_flight += weight
        if self._in_flight >= self._limit:
            self.regulate()

    def settled(self, weight: int) -> None:
        """It is answered."""
        self._in_flight -= weight
        if self._in_flight < self._limit < MAX_IN_FLIGHT:
            self.regulate()

    def regulate(self) -> None:
        """Stops reading from a client that sends faster than it is answered, or does not read its answers."""
        too_much = not self.writable or self._in_flight >= self._limit
        self._limit = MAX_IN_FLIGHT // 2 if too_much else MAX_IN_FLIGHT
        self.pause_reading(too_much)

    def ask(self, question: AnyClientFrame) -> None:
        """A question, to be answered in its turn."""
        self._asked.append(question)
        self.begun(QUESTION)
        self._answer_next()

    def full(self) -> None:
        """Nothing more is taken from the client."""
        self.regulate()

    def room(self) -> None:
        """Reads on where it left."""
        self.regulate()
        self._answer_next()

    def gone(self) -> None:
        """Nobody waits for answers any more."""
        self._asked.clear()

    def close_answered(self, code: int, reason: str) -> None:
        """Ends the connection as soon as the question under way is answered, if one is; no other is."""
        self._asked.clear()
        if not self._answering:
            self.close(code, reason)
            return
        self._parting = code, reason
        self._turn.loop.call_later(LAST_ANSWER, self.close, code, reason)

    def _answer_next(self) -> None:
        """One question after the other, and only while the client takes the answers: a page is megabytes at most."""
        if self._asked and self.writable and not self._answering:
            self._answering = True
            self._turn.spawn(self._answer_in_turn(self._asked.pop(0)))

    async def _answer_in_turn(self, question: AnyClientFrame) -> None:
        try:
            await self.answer(question)
        finally:
            self._answering = False
            if self._parting is not None:
                self.close(*self._parting)
            self.settled(QUESTION)
            self._answer_next()
