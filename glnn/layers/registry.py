"""Layers by the names under which files know them: for all loads, or for one alone."""

from __future__ import annotations

import importlib
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

    Modules of layers are imported when a name of theirs is asked for, or all names are.
    """

    def __init__(self) -> None:
        super().__init__()
        self._modules: dict[str, str] = {}

    def find_in(self, modules: Mapping[str, str]) -> None:
        """Names that are not registered yet, with the module whose import registers each."""
        self._modules |= modules

    def known(self, name: str) -> Any:
        """The class that is registered under exactly this name, or None."""
        if name not in self.data and name in self._modules:
            importlib.import_module(self._modules[name])
        return self.data.get(name)

    def key(self, name: str) -> str | None:
        """The name under which a file's name is known here; None where it is not."""
        self.known(name)
        package, _, short = name.rpartition(">")
        own = _objects.get()
        for names in (own, self.data) if own else (self.data,):
            if name in names:
                return name
            if names is self.data and ":" in name:  # one layer's own name: what is given for it was looked through
                break
            if package and short in names and not (names is self.data and is_own(names[short])):
                return short
            longer = [] if package else [key for key in names if ">" in key and key.endswith(f">{name}")]
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

    def __iter__(self) -> Iterator[str]:
        for module in dict.fromkeys(self._modules.values()):
            importlib.import_module(module)
        return iter(self.data)

    def __len__(self) -> int:
        return sum(1 for _ in self)

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
