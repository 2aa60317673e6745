"""What is raised where settings can't be used."""

from __future__ import annotations


class ConfigError(Exception):
    """The settings can't be used; the message names the key."""


class SettingError(ConfigError):
    """The setting `key` has a value of the right type that can't work."""

    def __init__(self, key: str, words: str) -> None:
        """`words` go on after the key: `must be at least 1`."""
        super().__init__(f"{key} {words}")
        self.key = key
