"""Random frames: one strategy for each struct of the contract, from its own field types."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import msgspec
from hypothesis.strategies import SearchStrategy
from msgspec import inspect

from roost.model.message import Change, Message
from roost.protocol import frames

CLIENT_FRAMES: tuple[type[Any], ...] = frames.AnyClientFrame.__args__
SERVER_FRAMES: tuple[type[Any], ...] = (
    frames.Ready,
    frames.Offline,
    frames.Sent,
    frames.SyncBatch,
    frames.TypingNotice,
    frames.PresenceNotice,
    frames.ReceiptsNotice,
    frames.ProfileNotice,
    frames.Pong,
    frames.Error,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.integers(0, 2**53 - 1)
SMALL = st.integers(0, 2**31 - 1)
"""What the .proto declares as int32."""
SMALL_FIELDS = {"message_type", "version", "count", "window", "max_content", "max_frame", "code"}


def structs(kind: type[Any], *, full: bool = False) -> SearchStrategy[Any]:
    """Values of a struct. `full` sets optional fields to something that Protobuf can tell from nothing."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    fields = {}
    for field in info.fields:
        values = _of(field.type, small=field.name in SMALL_FIELDS, full=full)
        if full and not field.required:
            values = st.just(None) | values.filter(bool) if _may_be_none(field.type) else values.filter(bool)
        fields[field.name] = values
    required = {name: values for name, values in fields.items() if _is_required(info, name)}
    optional = {name: values for name, values in fields.items() if name not in required}
    return st.fixed_dictionaries(required, optional=optional).map(lambda chosen: kind(**chosen))


def _is_required(info: inspect.StructType, name: str) -> bool:
    return next(field.required for field in info.fields if field.name == name)


def _may_be_none(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.UnionType) and any(isinstance(one, inspect.NoneType) for one in kind.types)


SCALARS: dict[type[inspect.Type], SearchStrategy[Any]] = {
    inspect.NoneType: st.none(),
    inspect.StrType: texts,
    inspect.IntType: numbers,
    inspect.BoolType: st.booleans(),
    inspect.FloatType: st.floats(0, 1e6, allow_nan=False),
    inspect.AnyType: st.none() | texts | numbers,
}


def _of(kind: inspect.Type, *, small: bool, full: bool) -> SearchStrategy[Any]:
    if isinstance(kind, inspect.UnionType):
        chosen = [one for one in kind.types if not (full and isinstance(one, inspect.IntType | inspect.NoneType))]
        return st.one_of([_of(one, small=small, full=full) for one in chosen or kind.types])
    if isinstance(kind, inspect.ListType):
        return st.lists(_of(kind.item_type, small=small, full=full), max_size=3)
    if isinstance(kind, inspect.DictType):
        return st.dictionaries(
            texts.filter(lambda name: "_" not in name), _of(kind.value_type, small=small, full=full), max_size=3
        )
    if isinstance(kind, inspect.StructType):
        inside = structs(kind.cls, full=full)  # where a required field that is empty reads as one that is missing
        return inside.filter(lambda one: all(msgspec.structs.astuple(one))) if full else inside
    return SMALL if small else SCALARS[type(kind)]


def wire_type(frame: msgspec.Struct) -> str:
    """A frame's `type`."""
    return str(frame.__struct_config__.tag)


messages = structs(Message).map(lambda message: msgspec.structs.replace(message, seq=0))
changes = structs(Change).map(lambda change: msgspec.structs.replace(change, seq=0))
