"""What the channels that speak HTTP read the same way."""

from __future__ import annotations

import email.utils

LONGEST_REASON = 300
"""Characters of a service's words that are kept in the log of attempts."""


def retry_after(value: str | None, now: int) -> float | None:
    """The seconds that a `Retry-After` asks for (RFC 9110 §10.2.3: a number, or a date); None where it is neither.

    `now` in milliseconds. A date that has passed asks for 0.
    """
    if value is None:
        return None
    try:
        return float(int(value)) if value.isdecimal() else _until(value, now)
    except (ValueError, OverflowError):
        return None


def _until(date: str, now: int) -> float:
    return max(0.0, email.utils.parsedate_to_datetime(date).timestamp() - now / 1000)
