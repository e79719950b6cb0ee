"""Layers by the names under which files know them: for all loads, or for one alone."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

_objects: ContextVar[Mapping[str, Any]] = ContextVar("custom objects", default=MappingProxyType({}))


class Registry(UserDict[str, Any]):
    """Classes of layers by name. Within `scope`, what is there for one load comes first.

    A name is also found with a package before it that the file has and the registry has not, or the other way round
    ("Custom>Wavy", "mine>Wavy", "Wavy"), where it is a layer of glnn's users: "mine>Dense" is never Keras' Dense.
    """

    def key(self, name: str) -> str | None:
        """The name under which a file's name is known here; None where it is not."""
        package, _, short = name.rpartition(">")
        for names in (_objects.get(), self.data):
            if name in names:
                return name
            if package and short in names and not (names is self.data and is_own(names[short])):
                return short
            longer = [] if package else [key for key in names if key.endswith(f">{name}")]
            if len(longer) == 1:
                return longer[0]
        return None

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.key(name) is not None

    def __getitem__(self, name: str) -> Any:
        key = self.key(name)
        if key is None:
            raise KeyError(name)
        own = _objects.get()
        return own[key] if key in own else self.data[key]

    def get(self, name: str, default: Any = None) -> Any:
        """The class of this name, or the default."""
        return self[name] if name in self else default


def is_own(thing: Any) -> bool:
    """Whether this is a class of glnn's own, not of its users."""
    return isinstance(thing, type) and str(getattr(thing, "__module__", "")).startswith("glnn.layers.")


@contextmanager
def scope(objects: Mapping[str, Any]) -> Iterator[None]:
    """Further layers and functions by name, for what this thread loads meanwhile."""
    token = _objects.set({**_objects.get(), **objects})
    try:
        yield
    finally:
        _objects.reset(token)
