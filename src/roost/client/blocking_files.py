"""Files for scripts without asyncio: each call is that of `roost.client.files` of the same name."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from roost.client.files import Files, Progress
from roost.model.attachment import Attachment

T = TypeVar("T")


class BlockingFiles:
    """What a `BlockingClient` does with files. `progress` is called in the client's own thread."""

    @property
    def client(self) -> Files:
        """The client inside."""
        raise NotImplementedError

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        raise NotImplementedError

    def upload(
        self, source: str | Path | bytes, *, name: str | None = None, progress: Progress | None = None
    ) -> Attachment:
        """Uploads a file, to be sent with `send(..., attachments=[...])`."""
        return self._run(self.client.upload(source, name=name, progress=progress))

    def download(self, attachment: Attachment, target: str | Path, *, progress: Progress | None = None) -> Path:
        """Downloads a file to `target`, or into the directory `target`."""
        return self._run(self.client.download(attachment, target, progress=progress))

    def thumbnail(self, attachment: Attachment) -> bytes:
        """The thumbnail of a picture (WebP)."""
        return self._run(self.client.thumbnail(attachment))
