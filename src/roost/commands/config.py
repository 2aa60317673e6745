"""`roost config`: the settings, looked at before a server is started with them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from roost.commands.options import ConfigFile, settings_of
from roost.config import ConfigError

if TYPE_CHECKING:
    from roost.config import Config

app = App(name="config", help="The settings.")


@app.command
def check(
    file: Annotated[Path | None, Parameter(help="The settings file; default: no file.")] = None,
    *,
    config: ConfigFile = None,
) -> None:
    """Check the settings of a file and the environment, and the files they name; what is wrong is named."""
    if file is not None and config is not None:
        raise ConfigError(f"name one settings file, not both {file} and {config}.")
    looked_at = file or config
    settings = settings_of(looked_at)
    _open_what_they_name(settings)
    print(f"{looked_at} is valid." if looked_at else "The settings are valid.")


def _open_what_they_name(settings: Config) -> None:
    """Opens what a server opens without a database or a network. Raises `ConfigError` where that can't be used."""
    from roost import adapters
    from roost.edge.auth.hostkeys import check_source
    from roost.flow.moderation.wordlists import WordLists

    WordLists(settings.moderation)
    if settings.auth.jwks:
        check_source(settings.auth.jwks)
    if settings.push.queue == "rabbitmq":
        adapters.queues(settings.push)
    with TemporaryDirectory() as elsewhere:
        webpush = settings.push.webpush
        if not (settings.data / webpush.key_file).exists():  # a look makes no key
            webpush.key_file = str(Path(elsewhere) / "vapid.pem")
        asyncio.run(_open_channels(settings))


async def _open_channels(settings: Config) -> None:
    from roost import workers
    from roost.wiring import now_ms

    async with workers.open_channels(settings, now_ms):
        pass
