"""Frozen dataclasses whose classes are made in half the time: an import makes more than 200 of them.

`dataclasses` compiles six methods for each class. What compares, hashes and shows is the same for all here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import TYPE_CHECKING, Any


def _values(names: Iterable[str]) -> Callable[[Any], Any]:
    """What gives the values of these attributes, all at once; of none, the type."""
    listed = tuple(names)
    return attrgetter(*listed) if listed else type


def _record(cls: type, slots: bool = False) -> type:
    own = vars(cls)
    made: Any = dataclasses.dataclass(frozen=True, eq=False, repr=False, slots=slots)(cls)
    fields = dataclasses.fields(made)
    key = _values(field.name for field in fields if field.compare)
    hash_key = _values(field.name for field in fields if (field.compare if field.hash is None else field.hash))

    def equal(self: Any, other: object) -> Any:
        return key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented

    def hashed(self: Any) -> int:
        return hash(hash_key(self))

    def shown(self: Any) -> str:
        values = (f"{field.name}={getattr(self, field.name)!r}" for field in fields if field.repr)
        return f"{type(self).__qualname__}({', '.join(values)})"

    for name, method in (("__eq__", equal), ("__hash__", hashed), ("__repr__", shown)):
        if name not in own or (name == "__hash__" and own[name] is None):
            setattr(made, name, method)
    return made


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls: type | None = None, *, frozen: bool = False, slots: bool = False, **options: Any) -> Any:
        """As dataclasses.dataclass."""
        if frozen and not options:
            return _record(cls, slots) if cls else lambda cls: _record(cls, slots)
        return dataclasses.dataclass(cls, frozen=frozen, slots=slots, **options)
