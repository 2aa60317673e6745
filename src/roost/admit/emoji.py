"""What may be a reaction (D9)."""

from __future__ import annotations

import re

from roost.errors import InvalidInput

MAX_LENGTH = 16
"""Code points of an emoji: the longest that there are (families, flags of regions) have fewer."""

_JOINED = "\u200d\ufe0f\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"
"""What emoji are put together with: joiner, emoji form, key cap, skin tones, the letters of regional flags."""
_PICTURES = "\xa9\xae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff"
_PICTURES += "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
"""The blocks that have emoji (Unicode TR 51), also those that have other pictures besides."""
EMOJI = re.compile(f"(?:[0-9#*]\ufe0f?\u20e3|[{_PICTURES}])[{_JOINED}{_PICTURES}]*")


def check_emoji(text: str) -> None:
    """Raises `InvalidInput` for what is no emoji: letters, punctuation, more than `MAX_LENGTH` code points."""
    if len(text) > MAX_LENGTH or EMOJI.fullmatch(text) is None:
        raise InvalidInput(f"emoji must be an emoji of at most {MAX_LENGTH} code points.")
