"""What many commands take, and the settings that it leads to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from roost.config import Config, load

ConfigFile = Annotated[Path | None, Parameter(help="The settings file (config.yaml).")]
DataDirectory = Annotated[Path | None, Parameter(help="The data directory; default: server.data of the settings.")]
ServerURL = Annotated[str | None, Parameter(help="Where the server answers; default: server.host and .port.")]


def settings_of(config: Path | None, data: Path | None = None) -> Config:
    """The settings of a file and the environment, on another data directory if one is named."""
    settings = load(config)
    if data is not None:
        settings.server.data = str(data)
    return settings
