"""Push for its users: where their devices are reached, and a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from roost.admit.ratelimit import RateLimit
from roost.errors import InvalidInput, NotFound
from roost.journal.contract import Author
from roost.push.addresses import check_email, check_webpush
from roost.push.contract import Address, Channel, Dead, Email, Failed, Notification, Outcome, WebPush
from roost.push.register import Listed, Register

TEST_TITLE = "Roost"
TEST_BODY = "This is a test. Push works on this device."
TEST_LIFE = 3_600_000
"""Milliseconds that a service may keep a test."""
TESTS_PER_MINUTE = 6


class Push:
    """The road of push addresses. `channels` are those switched on, by platform; `clock` gives milliseconds.

    `vapid_key` is what browsers subscribe with, base64url; None where Web Push is off.
    """

    def __init__(
        self,
        register: Register,
        channels: Mapping[str, Channel],
        clock: Callable[[], int],
        seconds: Callable[[], float],
        vapid_key: str | None,
    ) -> None:
        self._register = register
        self._channels = channels
        self._clock = clock
        self._tests = RateLimit(TESTS_PER_MINUTE, seconds, "test pushes")
        self.vapid_key = vapid_key

    def is_on(self, platform: str) -> bool:
        """Whether addresses of this kind are pushed to."""
        return platform in self._channels

    async def add(self, author: Author, address: Address, *, preview: bool, muted: bool) -> None:
        """The author's device is reached there. Raises `InvalidInput` for what is no address."""
        if isinstance(address, WebPush):
            check_webpush(address)
        elif isinstance(address, Email):
            check_email(address)
        elif not address.token:
            raise InvalidInput("token must not be empty.")
        await self._register.add(author.uid, author.did, address, preview=preview, muted=muted)

    async def remove(self, uid: int, did: int, platform: str | None) -> int:
        """Takes a device's addresses away, or the one of a platform; returns how many there were."""
        return await self._register.remove(uid, did, platform)

    async def listed(self, uid: int) -> list[Listed]:
        """A user's addresses."""
        return await self._register.listed(uid)

    async def test(self, author: Author, did: int) -> dict[str, Outcome]:
        """Sends a test to each address of the author's device; what became of it by platform.

        Raises `NotFound` where the device has none, `RateLimited` where that is asked too often.
        """
        self._tests.take(author.user_id)
        addresses = await self._register.addresses(author.uid, did)
        if not addresses:
            raise NotFound("This device has no push address; register one with POST /devices.")
        outcomes = {}
        for aid, platform, address in addresses:
            outcomes[platform] = await self._try(author, platform, address)
            if isinstance(outcomes[platform], Dead):
                await self._register.drop(author.uid, aid)
        return outcomes

    async def _try(self, author: Author, platform: str, address: Address) -> Outcome:
        channel = self._channels.get(platform)
        if channel is None:
            return Failed(f"push by {platform} is switched off on this server")
        test = Notification(
            user_id=author.user_id,
            title=TEST_TITLE,
            body=TEST_BODY,
            badge=0,
            collapse="test",
            expires_at=self._clock() + TEST_LIFE,
            missed=(),
        )
        return await channel.send(address, test)
