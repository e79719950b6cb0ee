"""JSON as values of the types that a class declares: what a report was written as, read again and checked."""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

from ...errors import InputError

T = TypeVar("T")
MOST_DIGITS = 300  # of whole numbers: more are no float


def from_json(cls: type[T], text: str | bytes, what: str, version: int | None = None) -> T:
    """What `to_json` of a class wrote. Raises InputError that says where it is something else.

    what: what the text is meant to be, in words; version: that it must tell to be of
    """
    try:
        if not isinstance(text, str | bytes):
            raise TypeError(f"{type(text).__name__} is no text")
        data = json.loads(text)
        if version is not None and (not isinstance(data, Mapping) or data.get("version") != version):
            raise ValueError(f"it is of no version {version}")
        made: T = typed(cls, data)
        return made
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"this is no {what} that glnn wrote: {error}. Give what its to_json() gave") from error


def typed(kind: Any, data: Any, where: str = "it") -> Any:
    """Data out of JSON as a type: str, bool, int, float ("nan" too), tuples, mappings, dataclasses, TypedDicts.

    Raises ValueError that says where something else is. Keys that a class does not have are left out.
    """
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return data
    if origin in (types.UnionType, typing.Union):
        return None if data is None and type(None) in arguments else typed(arguments[0], data, where)
    if kind is float:
        return _float(data, where)
    if kind in (str, bool, int):
        if type(data) is not kind or (kind is int and abs(data) >= 10**MOST_DIGITS):
            raise ValueError(f"{where} is {data!r:.60}, no {kind.__name__}")
        return data
    if origin is tuple:
        return _tuple(arguments, data, where)
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(data, Mapping):
            raise ValueError(f"{where} is {data!r:.60}, no object")
        return {key: typed(arguments[1], value, f"{where}.{key}") for key, value in data.items()}
    return _class(kind, data, where)


def _float(data: Any, where: str) -> float:
    if isinstance(data, str):
        number = {"nan": math.nan, "inf": math.inf, "infinity": math.inf}.get(data.lower().removeprefix("-"))
        if number is not None:
            return -number if data.startswith("-") else number
    elif isinstance(data, float):
        return data
    elif isinstance(data, int) and not isinstance(data, bool) and abs(data) < 10**MOST_DIGITS:
        return float(data)
    raise ValueError(f"{where} is {data!r:.60}, no number")


def _tuple(kinds: tuple[Any, ...], data: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(data, list):
        raise ValueError(f"{where} is {data!r:.60}, no list")
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(data)
    if len(kinds) != len(data):
        raise ValueError(f"{where} has {len(data)} items instead of {len(kinds)}")
    return tuple(typed(kind, item, f"{where}[{k}]") for k, (kind, item) in enumerate(zip(kinds, data, strict=True)))


def _class(kind: Any, data: Any, where: str) -> Any:
    if not isinstance(data, Mapping):
        raise ValueError(f"{where} is {data!r:.60}, no object")
    hints, optional, made = *_fields(kind), {}
    for name, hint in hints.items():
        if name in data:
            made[name] = typed(hint, data[name], f"{where}.{name}")
        elif name not in optional:
            raise ValueError(f"{where} lacks {name!r}")
    return {**data, **made} if typing.is_typeddict(kind) else kind(**made)


@cache
def _fields(kind: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """The types of what a class holds by name, functions left out; and the names that may be missing."""
    hints = typing.get_type_hints(kind)
    if not is_dataclass(kind):
        return hints, frozenset()
    usual = {f.name for f in fields(kind) if f.default is not MISSING or f.default_factory is not MISSING}
    held = {f.name: hints[f.name] for f in fields(kind) if Callable not in _origins(hints[f.name])}
    return held, frozenset(usual)


def _origins(hint: Any) -> list[Any]:
    return [typing.get_origin(hint), *(typing.get_origin(one) for one in typing.get_args(hint))]
