"""The files of the word filter: read at the start, and again whenever one changes (D7).

A file that can't be used any more, because it has vanished or has a line that is no word, changes nothing: its last
good words stay, the log says why, and a metric counts it until it is mended. At the start there are no last good
words, and such a file is an error.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import structlog

from roost.admit.wordfilter import Action, BadWord, Verdict, WordFilter, parse_list
from roost.config import ConfigError, Moderation
from roost.metrics import MODERATED, WORD_LISTS_BROKEN
from roost.model.message import Message

logger = structlog.get_logger()

Stamp = tuple[int, int, int]
"""When a file was changed, its size, and which file it is."""


class _List:
    """One file."""

    def __init__(self, action: Action, path: str) -> None:
        self.action = action
        self.path = Path(path)
        self.words: list[str] = []
        self.trouble: str | None = None
        self._stamp: Stamp | None = None

    def look(self) -> bool:
        """Reads the file if it is another than before; returns whether the words are new."""
        try:
            found = self.path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp == self._stamp:
                return False
            content = self.path.read_bytes()
        except OSError as error:
            self._stamp = None
            self.trouble = f"{self.path} can't be read: {os.strerror(error.errno or 0)}"
            return False
        self._stamp = stamp
        try:
            self.words = parse_list(content, str(self.path))
        except BadWord as error:
            self.trouble = str(error)
            return False
        self.trouble = None
        return True


class WordLists:
    """The lists of the settings. `filter` is the one to judge by now."""

    def __init__(self, settings: Moderation) -> None:
        """Reads the files. Raises `ConfigError` where one can't be used."""
        self._settings = settings
        files = {Action.MASK: settings.mask, Action.REJECT: settings.reject, Action.FLAG: settings.flag}
        self._lists = [_List(action, path) for action, paths in files.items() for path in paths]
        for one in self._lists:
            one.look()
            if one.trouble is not None:
                raise ConfigError(f"moderation.{one.action.value}: {one.trouble}.")
        WORD_LISTS_BROKEN.set(0)
        self.filter = self._make()

    def _make(self) -> WordFilter:
        words = {
            action: [word for one in self._lists if one.action is action for word in one.words] for action in Action
        }
        return WordFilter(words, ignore_separators=self._settings.ignore_separators)

    def look(self) -> None:
        """Looks whether files have changed, and judges by them from now on."""
        troubles = [one.trouble for one in self._lists]
        news = [one for one in self._lists if one.look()]
        for one, before in zip(self._lists, troubles, strict=True):
            if one.trouble not in {None, before}:
                logger.error("a word list can't be used", reason=one.trouble)
        WORD_LISTS_BROKEN.set(sum(one.trouble is not None for one in self._lists))
        if news:
            self.filter = self._make()
            logger.info("word lists read", files=[str(one.path) for one in news], words=len(self.filter))

    async def watch(self) -> None:
        """Looks every few seconds, in a thread."""
        while self._lists:
            await asyncio.sleep(self._settings.reload)
            try:
                await asyncio.to_thread(self.look)
            except Exception:
                logger.exception("the word lists could not be looked at")


def note(verdict: Verdict, message: Message, written: str) -> None:
    """Counts what the words of a message led to. Those that it is flagged for are logged, with where to find it."""
    if message.content != written:
        MODERATED.labels(Action.MASK.value).inc()
    if verdict.flagged:
        MODERATED.labels(Action.FLAG.value).inc()
        logger.info(
            "a message was flagged",
            message=message.server_msg_id,
            conversation=message.conversation_id,
            sender=message.sender_id,
            words=verdict.flagged,
        )


@contextlib.asynccontextmanager
async def watched(settings: Moderation) -> AsyncIterator[WordLists]:
    """The lists, looked after inside the block. Raises `ConfigError`."""
    lists = await asyncio.to_thread(WordLists, settings)
    watching = asyncio.create_task(lists.watch())
    try:
        yield lists
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
