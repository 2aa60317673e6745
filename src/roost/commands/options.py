"""What many commands take, and the settings that it leads to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from cyclopts import Parameter
from cyclopts.validators import Number

from roost.config import Config, load


def web_address(_: object, url: str | None) -> None:
    """Raises `ValueError` for what is no http(s) address."""
    if url is None:
        return
    parts = urlsplit(url)  # raises ValueError, too
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0 or len(url.split()) != 1:
        raise ValueError("It must be an address such as http://127.0.0.1:8080.")


ConfigFile = Annotated[Path | None, Parameter(help="The settings file (config.yaml).")]
DataDirectory = Annotated[Path | None, Parameter(help="The data directory; default: server.data of the settings.")]
ServerURL = Annotated[
    str | None, Parameter(help="Where the server answers; default: server.host and .port.", validator=web_address)
]
Last = Annotated[int, Parameter(help="How many.", validator=Number(gte=1, lte=1_000_000_000))]


def settings_of(config: Path | None, data: Path | None = None) -> Config:
    """The settings of a file and the environment, on another data directory if one is named."""
    settings = load(config)
    if data is not None:
        settings.server.data = str(data)
    return settings
