"""Hashing passwords (argon2id, RFC 9106), in threads of its own: it is slow on purpose and must not hold up others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from roost.errors import InvalidInput, Unavailable

T = TypeVar("T")

SHORTEST, LONGEST = 8, 200
"""Characters of a password."""
MEMORY_KIB, PASSES, LANES = 19 * 1024, 2, 1
"""What OWASP recommends: some 20 ms of one core, and memory that a small machine has for each thread."""
THREADS = 2
MAX_WAITING = 200
"""Passwords that wait to be hashed: a few seconds of work; beyond it the server says that it is busy."""


class Passwords:
    """Makes and checks hashes."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
        self._threads = ThreadPoolExecutor(THREADS, "roost-password")
        self._waiting = 0
        self._nobodys = ""

    async def hash(self, password: str) -> str:
        """The hash to store. Raises `InvalidInput` for a password of the wrong length."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise InvalidInput(f"password must have {SHORTEST}-{LONGEST} characters.")
        return await self._run(lambda: self._hasher.hash(_encode(password)))

    async def matches(self, stored: str | None, password: str) -> bool:
        """Whether this is the password of the stored hash. Without a hash it is not, after the same time."""
        if len(password) > LONGEST:
            return False
        return await self._run(lambda: self._verify(stored, _encode(password)))

    def _verify(self, stored: str | None, password: bytes) -> bool:
        if not self._nobodys:
            self._nobodys = self._hasher.hash("nobody has this password")
        try:
            self._hasher.verify(stored or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= MAX_WAITING:
            raise Unavailable
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def _encode(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")  # JSON may carry half of a pair
