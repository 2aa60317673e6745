"""Settings in the environment: `ROOST_SECTION__KEY`. A variable that looks so and names no setting is an error."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import Any, Literal, get_origin

import msgspec
import yaml

from roost.config.errors import ConfigError

PREFIX = "ROOST_"

ADDRESS = re.compile(r"[a-z]+://.*")
"""What Kubernetes gives to every container as `ROOST_SERVER_PORT`, where a service is called `roost-server`."""


def take(settings: msgspec.Struct, environment: Mapping[str, str]) -> dict[str, str]:
    """Puts the settings of the environment into `settings`; returns the variables by what they set (`server.port`).

    Raises `ConfigError` for a variable that names no setting, and for one whose value is none for its setting.
    """
    kinds = dict(_kinds(type(settings)))
    taken = {}
    for name, value in sorted(environment.items()):
        if not name.startswith(PREFIX) or _is_of_others(name, value, kinds):
            continue
        key = name.removeprefix(PREFIX).lower().replace("__", ".")
        if key not in kinds:
            raise ConfigError(f"{name} names no setting; {_advice(name, kinds)}")
        try:
            found = msgspec.convert(_read(value, kinds[key]), kinds[key], strict=False)
        except msgspec.ValidationError as error:
            raise ConfigError(f"{name}: {str(error).replace('`$', '`')}.") from None
        section, _, last = key.rpartition(".")
        setattr(attrgetter(section)(settings), last, found)
        taken[key] = name
    return taken


def _kinds(section: type[msgspec.Struct], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting of a section and of those in it, with its type."""
    for field in msgspec.structs.fields(section):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from _kinds(field.type, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, field.type


def _is_of_others(name: str, value: str, kinds: Mapping[str, Any]) -> bool:
    """Whether it is no setting, nor one with an underscore too few: `ROOST_SERVER_PORT`."""
    if "__" in name:
        return False
    settings = {key.replace(".", "_") for key in kinds}
    return name.removeprefix(PREFIX).lower() not in settings or bool(ADDRESS.fullmatch(value))


def _advice(name: str, kinds: Mapping[str, Any]) -> str:
    variables = [key.upper().replace(".", "__") for key in kinds]
    nearest = difflib.get_close_matches(name.removeprefix(PREFIX), variables, n=1, cutoff=0.5)
    return f"did you mean {PREFIX}{nearest[0]}?" if nearest else "settings are named as ROOST_SERVER__PORT is."


def _read(value: str, kind: Any) -> Any:
    """A value of the environment: text as it stands, where the setting is text; else as YAML reads it."""
    optional = kind == str | None
    if kind is str or optional or get_origin(kind) is Literal:
        return None if not value or (optional and value == "null") else value
    try:
        return yaml.safe_load(value)
    except (yaml.YAMLError, ValueError):  # a date that is none
        return value
