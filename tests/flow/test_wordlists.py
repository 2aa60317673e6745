"""The files of the word filter: what is read when, and what becomes of a file that can't be used."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from roost.config import ConfigError, Moderation
from roost.flow.moderation.wordlists import WordLists, watched
from roost.metrics import WORD_LISTS_BROKEN

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a list, by renaming a new file over it; returns its path."""

    def write(content: str | bytes, name: str = "words.txt") -> str:
        new = tmp_path / "new"
        new.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(new.rename(tmp_path / name))

    return write


def masked(lists: WordLists, text: str) -> str:
    verdict = lists.filter.judge(text)
    return text if verdict is None else verdict.text


def broken() -> float:
    return float(next(iter(WORD_LISTS_BROKEN.collect())).samples[0].value)


def looked(lists: WordLists) -> list[Any]:
    """What is logged when the files are looked at."""
    with capture_logs() as lines:
        lists.look()
    return [(line["log_level"], line["event"], line.get("reason") or line.get("words")) for line in lines]


def test_several_files_are_one_list(write: Write) -> None:
    lists = WordLists(Moderation(mask=[write("one", "1"), write("two", "2")], reject=[write("three", "3")]))
    assert masked(lists, "one two three") == "*** *** three"
    assert lists.filter.judge("three").rejected


def test_a_file_that_changes_is_read_again(write: Write) -> None:
    lists = WordLists(Moderation(mask=[write("one", "1"), write("two", "2")]))
    before = lists.filter
    assert looked(lists) == []
    assert lists.filter is before
    write("three", "1")
    assert looked(lists) == [("info", "word lists read", 2)]
    assert masked(lists, "one two three") == "one *** *****"


def test_a_change_that_keeps_the_size_and_the_name_is_seen(write: Write, tmp_path: Path) -> None:
    lists = WordLists(Moderation(mask=[write("one")]))
    path = tmp_path / "words.txt"
    path.write_text("two")
    os.utime(path, ns=(1, 1))
    lists.look()
    assert masked(lists, "one two") == "one ***"


@pytest.mark.parametrize(
    ("content", "reason"), [(b"two\n\xff\n", "line 2: not UTF-8"), ("f*ol", "line 1: a word can't have a *")]
)
def test_a_broken_file_keeps_its_last_good_words(write: Write, content: str | bytes, reason: str) -> None:
    lists = WordLists(Moderation(mask=[write("one")], flag=[write("hm", "flagged")]))
    write(content)
    write("oh", "flagged")
    ((level, event, told), read) = looked(lists)
    assert (level, event) == ("error", "a word list can't be used")
    assert reason in told
    assert "words.txt" in told
    assert read == ("info", "word lists read", 2)
    assert broken() == 1
    assert masked(lists, "one two") == "*** two"
    assert lists.filter.judge("oh").flagged == ("oh",)
    assert looked(lists) == []
    write("two")
    assert looked(lists) == [("info", "word lists read", 2)]
    assert broken() == 0
    assert masked(lists, "one two") == "one ***"


def test_a_file_that_vanishes_keeps_its_last_good_words_and_may_come_back(write: Write, tmp_path: Path) -> None:
    path = Path(write("one"))
    lists = WordLists(Moderation(mask=[str(path)]))
    path.rename(tmp_path / "away")
    assert looked(lists) == [("error", "a word list can't be used", f"{path} can't be read: No such file or directory")]
    assert looked(lists) == []
    assert broken() == 1
    assert masked(lists, "one") == "***"
    (tmp_path / "away").rename(path)
    lists.look()
    assert broken() == 0
    assert masked(lists, "one") == "***"


def test_at_the_start_there_are_no_last_good_words(write: Write, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="moderation.flag: .*nowhere.txt can't be read: No such file"):
        WordLists(Moderation(mask=[write("one")], flag=[str(tmp_path / "nowhere.txt")]))
    with pytest.raises(ConfigError, match=r"moderation.mask: .*words.txt, line 2: not UTF-8"):
        WordLists(Moderation(mask=[write(b"one\n\xff")]))


async def test_the_files_are_looked_at_by_themselves(write: Write) -> None:
    async with watched(Moderation(mask=[write("one")], reload=0.05)) as lists:
        write("two")
        async with asyncio.timeout(20):
            while masked(lists, "one two") != "one ***":  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    write("three")
    await asyncio.sleep(0.2)
    assert masked(lists, "three") == "three"
