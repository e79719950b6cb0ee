"""Dataclasses whose classes are made in a fifth of the time: an import makes 200 of them.

`dataclasses` compiles up to six methods for each class. Here it only collects the fields: what compares, hashes, shows
and refuses changes is the same for all, and what is left to compile is one short `__init__`.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NoReturn

# What `dataclasses` asks a base class for, by whether it is frozen.
PARAMS = {
    frozen: dataclasses.dataclass(frozen=frozen)(type("Empty", (), {})).__dataclass_params__  # type: ignore[attr-defined]
    for frozen in (True, False)
}


def _values(names: Iterable[str]) -> Callable[[Any], Any]:
    """What gives the values of these attributes, all at once; of none, the type."""
    listed = tuple(names)
    return attrgetter(*listed) if listed else type


def _refuse(self: Any, name: str, *value: Any) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot change field {name!r} of a {type(self).__qualname__}")


def _record(cls: Any, frozen: bool = False, eq: bool = True, repr: bool = True, kw_only: bool = False) -> Any:
    own, annotations = dict(vars(cls)), inspect.get_annotations(cls)
    bare: Any = type(cls.__name__, (), {name: own[name] for name in annotations if name in own})
    bare.__doc__, bare.__module__, bare.__annotations__ = cls.__doc__ or "-", cls.__module__, annotations
    dataclasses.dataclass(init=False, eq=False, repr=False, kw_only=kw_only)(bare)
    by_name: dict[str, dataclasses.Field[Any]] = {}
    for base in (*cls.__mro__[:0:-1], bare):
        by_name |= vars(base).get("__dataclass_fields__", {})
    for name in annotations:  # a default in the place of what `field` gave
        if name in vars(bare):
            setattr(cls, name, vars(bare)[name])
        elif name in own:
            delattr(cls, name)
    cls.__dataclass_fields__, cls.__dataclass_params__ = by_name, PARAMS[frozen]
    fields = dataclasses.fields(cls)
    placed = tuple(field.name for field in fields if field.init and not field.kw_only)
    key = _values(field.name for field in fields if field.compare)
    hash_key = _values(field.name for field in fields if (field.compare if field.hash is None else field.hash))

    def equal(self: Any, other: object) -> Any:
        return key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented

    def hashed(self: Any) -> int:
        return hash(hash_key(self))

    def shown(self: Any) -> str:
        values = (f"{field.name}={getattr(self, field.name)!r}" for field in fields if field.repr)
        return f"{type(self).__qualname__}({', '.join(values)})"

    made: dict[str, Any] = {"__init__": _init(cls, fields), "__match_args__": placed}
    made |= {"__eq__": equal, "__hash__": hashed if frozen else None} if eq else {}
    made |= {"__repr__": shown} if repr else {}
    made |= {"__setattr__": _refuse, "__delattr__": _refuse} if frozen else {}
    for name, method in made.items():
        if name not in own or (name == "__hash__" and own[name] is None):
            setattr(cls, name, method)
    return cls


def _init(cls: Any, fields: Sequence[dataclasses.Field[Any]]) -> Any:
    """The `__init__` of a class. The name of a field with _ before it is its default, or what makes that."""
    scope: dict[str, Any] = {"__name__": cls.__module__, "_": object.__setattr__}
    takes: dict[bool, list[str]] = {False: ["self"], True: []}  # by whether it is given by its name alone
    does = []
    for field in fields:
        name, makes = field.name, field.default_factory is not dataclasses.MISSING
        scope[f"_{name}"] = default = field.default_factory if makes else field.default
        value = (
            f"_{name}() if {name} is _{name} else {name}" if makes and field.init else f"_{name}()" if makes else name
        )
        if field.init:
            takes[bool(field.kw_only)].append(name if default is dataclasses.MISSING else f"{name}=_{name}")
        if field.init or makes:
            does.append(f"_(self, {name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        does.append("self.__post_init__()")
    arguments = ", ".join(takes[False] + ["*", *takes[True]] * bool(takes[True]))
    exec(f"def __init__({arguments}): {'; '.join(does) or 'pass'}", scope)
    made: Any = scope["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__annotations__ = {field.name: field.type for field in fields if field.init} | {"return": None}
    return made


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls: type | None = None, **options: Any) -> Any:
        """As dataclasses.dataclass, with the options frozen, eq, repr and kw_only."""
        return _record(cls, **options) if cls else lambda cls: _record(cls, **options)
