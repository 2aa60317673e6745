"""What may be a reaction (D9)."""

from __future__ import annotations

import pytest

from roost.admit.emoji import check_emoji
from roost.errors import InvalidInput

EMOJI = {
    "thumb": "👍",
    "skin": "👍🏽",
    "heart": "❤️",
    "heart without its form": "❤",
    "family": "👨\u200d👩\u200d👧\u200d👦",
    "flag": "🇩🇪",
    "flag of a region": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "pirate": "🏴\u200d☠️",
    "key cap": "1️⃣",
    "trade mark": "™️",
    "information": "ℹ️",
    "two marks": "‼️",
    "couple": "👩🏽\u200d❤️\u200d💋\u200d👨🏿",
}
NOT = {
    "nothing": "",
    "a letter": "a",
    "a word": "yes",
    "a digit": "1",
    "a space": " ",
    "an emoji and a word": "👍ok",
    "a word and an emoji": "ok👍",
    "ideographs": "好",
    "a joiner": "\u200d",
    "a skin tone alone is one, a form is not": "\ufe0f",
    "too many": "👍" * 17,
    "NUL": "👍\0",
    "a line": "👍\n",
    "half a pair": "\ud83d",
}


@pytest.mark.parametrize("text", EMOJI.values(), ids=EMOJI)
def test_emoji_are_taken(text: str) -> None:
    check_emoji(text)


@pytest.mark.parametrize("text", NOT.values(), ids=NOT)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="emoji"):
        check_emoji(text)
