"""Fields of a JSON object in a .glnn file, each with the type that it must have."""

from __future__ import annotations

from typing import Any

from ...errors import ModelFileError
from .container import AGAIN

VERSION = 3  # the newest that is read; 2 is written for models that need no more


class Fields:
    """A JSON object of the file, whose fields are taken one by one, each with the type that it must have."""

    def __init__(self, where: str, data: Any):
        if not isinstance(data, dict):
            raise ModelFileError(f"{where} is {data!r:.60}, not an object. {AGAIN}")
        self.where, self._data, self._left = where, data, set(data)

    def take(self, key: str, kind: type, default: Any = ...) -> Any:
        """A field of this type, or the default where there is none. Raises ModelFileError."""
        self._left.discard(key)
        value = self._data.get(key, default)
        if value is ...:
            raise ModelFileError(f"{self.where} lacks {key!r}. {AGAIN}")
        numeric = kind is float and type(value) is int and abs(value) < 2**53
        if key in self._data and type(value) is not kind and not numeric:  # type(): True is no number here
            raise ModelFileError(f"{self.where}: {key!r} is {value!r:.60}, not of type {kind.__name__}. {AGAIN}")
        return float(value) if numeric else value

    def holds(self, key: str) -> bool:
        """Whether a field is there."""
        return key in self._data

    def names(self, key: str, default: Any = ...) -> tuple[str, ...]:
        """A field that is an array of strings. Raises ModelFileError."""
        value = tuple(self.take(key, list, default))
        if not all(isinstance(name, str) for name in value):
            raise ModelFileError(f"{self.where}: {key!r} holds what is no name. {AGAIN}")
        return value

    def done(self) -> None:
        """Raises ModelFileError for a field that nobody took: what a reader does not know it may not pass over."""
        if self._left:
            raise ModelFileError(
                f"{self.where}: the field {min(self._left)!r} is not known in version {VERSION}. {AGAIN}"
            )
