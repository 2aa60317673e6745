"""How Python names become wire names, and which spellings of a wire name are accepted (CONTRACT §2)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec


@lru_cache(maxsize=1024)
def wire_name(name: str) -> str:
    """`conversation_id` -> `conversationID`: camelCase, with `ID` and `IDs` in capitals."""
    first, *rest = name.split("_")
    return first + "".join({"id": "ID", "ids": "IDs"}.get(part, part.capitalize()) for part in rest)


def accept_snake_case(value: Any) -> Any:
    """`value` (decoded JSON) with the keys of its objects spelled in wire names; wire names win over others."""
    if isinstance(value, dict):
        named = {wire_name(key): accept_snake_case(item) for key, item in value.items() if "_" in key}
        return named | {key: accept_snake_case(item) for key, item in value.items() if "_" not in key}
    if isinstance(value, list):
        return [accept_snake_case(item) for item in value]
    return value


class Wire(msgspec.Struct, rename=wire_name, omit_defaults=True, kw_only=True):
    """A struct that crosses the wire. Fields without default are always present, the others only where set."""
