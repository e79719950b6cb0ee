"""What the arguments of public calls may be, said once: `checked` looks at them before the call runs.

A kind says in words what is allowed. What follows from the model or the device (names of layers, sizes that fit) is
told where it is known; here are types and ranges, so that nothing but an InputError comes of another one.
"""

from __future__ import annotations

import errno
import functools
import math
import os
from collections.abc import Callable, Collection, Mapping
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np

from .errors import InputError

F = TypeVar("F", bound=Callable[..., Any])
MOST_TOLD = 80  # characters of a value in a message
LARGEST = 2**31 - 1  # what GLSL counts to


class Kind:
    """What an argument may be: `allowed`, in words, and whether a value fits."""

    def __init__(self, allowed: str, fits: Callable[[Any], bool]):
        self.allowed, self.fits = allowed, fits

    def __or__(self, other: Kind) -> Kind:
        return Kind(f"{self.allowed}, or {other.allowed}", lambda value: self.fits(value) or other.fits(value))

    def check(self, name: str, value: Any, where: str = "") -> None:
        """Raises InputError that names the argument, what came and what is allowed, where a value does not fit."""
        if not self.fits(value):
            raise InputError(f"{where}{': ' if where else ''}{name}={told(value)}: expected {self.allowed}")


def told(value: Any) -> str:
    """A value for a message: in one line, not too long, whatever its `repr` does."""
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = f"<{type(value).__name__}>"
    return text if len(text) <= MOST_TOLD else f"{text[: MOST_TOLD - 3]}..."


def checked(called: str = "", /, **kinds: Kind) -> Callable[[F], F]:
    """Decorator: these arguments of a function or method are looked at first; None passes where it is the default.

    called: what messages call the function; else by its own name
    """

    def around(function: F) -> F:
        code: Any = function.__code__
        names = code.co_varnames[: code.co_argcount]
        only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
        if strange := kinds.keys() - {*names, *only}:
            raise TypeError(f"{function.__qualname__} has no argument {', '.join(strange)}")
        defaults = dict(zip(reversed(names), reversed(function.__defaults__ or ()), strict=False))
        defaults |= function.__kwdefaults__ or {}
        places = {name: names.index(name) if name in names else LARGEST for name in kinds}
        rows = [(name, places[name], kind, defaults.get(name, ()) is None) for name, kind in kinds.items()]
        owner, _, own = function.__qualname__.rpartition(".")
        where = called or (owner if own == "__init__" else function.__qualname__)

        @functools.wraps(function)
        def call(*args: Any, **named: Any) -> Any:
            __tracebackhide__ = True  # of pytest
            for name, place, kind, optional in rows:
                if place < len(args):
                    value = args[place]
                elif name in named:
                    value = named[name]
                else:
                    continue
                if value is not None or not optional:
                    kind.check(name, value, where)
            return function(*args, **named)

        return call  # type: ignore[return-value]

    return around


def plain_array(value: Any, what: str) -> np.ndarray:
    """A value as an array of floats, integers or booleans. Raises InputError that begins with `what`."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(f"{what}: not an array of one shape ({error})") from None
    if array.dtype.kind not in "fiub":
        if array.dtype.name == "bfloat16":
            return array.astype(np.float32)
        named = array.dtype.kind in "US" or (array.dtype == object and is_path(value))
        files = ". Read files first: np.load, or glnn.image.read for pictures" if named else ""
        raise InputError(f"{what}: dtype {array.dtype} was given; allowed are floats, integers and booleans{files}")
    return array


# ---- kinds


def count(least: int = 0, most: int = LARGEST) -> Kind:
    """Whole numbers, Python's or NumPy's."""
    words = f"a whole number from {least} to {most}" if most != LARGEST else f"a whole number of {least} or more"
    return Kind(words, lambda value: _whole(value) and least <= value <= most)


def number(least: float | None = None) -> Kind:
    """Finite numbers, Python's or NumPy's."""
    words = "a finite number" if least is None else f"a finite number of {least:g} or more"
    return Kind(words, lambda value: _real(value) and (least is None or value >= least))


def one_of(*names: Any) -> Kind:
    """Some strings, or numbers."""
    return Kind(f"one of {', '.join(map(repr, names))}", lambda value: isinstance(value, str | int) and value in names)


def instance(words: str, *types: type) -> Kind:
    """Objects of a class."""
    return Kind(words, lambda value: isinstance(value, types))


def having(words: str, *methods: str) -> Kind:
    """Objects of a class that has these methods, for classes that are not imported for it."""
    return Kind(words, lambda value: all(callable(getattr(type(value), method, None)) for method in methods))


def sequence(words: str, item: Callable[[Any], bool]) -> Kind:
    """Lists, tuples and other collections, no string or mapping, of items that fit."""
    return Kind(words, lambda value: _collection(value) and all(item(one) for one in value))


def mapping(words: str, item: Callable[[Any], bool]) -> Kind:
    """Dicts by names, of values that fit."""

    def fits(value: Any) -> bool:
        return isinstance(value, Mapping) and all(isinstance(k, str) and item(one) for k, one in value.items())

    return Kind(words, fits)


def is_path(value: Any) -> bool:
    """Whether this can be the path of a file: text without NUL, no longer than the file system has it."""
    try:
        if not isinstance(value, str | os.PathLike) or not isinstance(os.fspath(value), str):
            return False
        os.lstat(value)
    except (TypeError, ValueError):
        return False
    except OSError as error:
        return error.errno != errno.ENAMETOOLONG
    return True


def _whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _real(value: Any) -> bool:
    try:
        return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False


def _collection(value: Any) -> bool:
    """Whether it is a list, tuple, set or the like, or an array of one axis, which goes through more than once."""
    if isinstance(value, np.ndarray):
        return value.ndim == 1
    return isinstance(value, Collection) and not isinstance(value, str | bytes | bytearray | Mapping)


def _name(value: Any) -> bool:
    return isinstance(value, str)


def _several(value: Any) -> bool:
    return _collection(value) or (isinstance(value, np.ndarray) and value.ndim > 0)


def _numbers(value: Any) -> bool:
    try:
        return np.asarray(value).dtype.kind in "fiubV"  # V: bfloat16
    except ValueError:
        return False


def _size(value: Any) -> bool:
    return value is None or (_whole(value) and 0 <= value <= LARGEST)


FLAG = Kind("True or False", lambda value: isinstance(value, bool | np.bool_) or (_whole(value) and value in (0, 1)))
NAME = Kind("a name (str)", _name)
NAMES = sequence("a list of names (str)", _name)
FUNCTION = Kind("a function", callable)
PATH = Kind("a path (str or os.PathLike)", is_path)
VERBOSE = Kind('0, 1 or "auto"', (one_of(0, 1, 2, "auto") | FLAG).fits)
SHAPE = sequence("a shape: whole numbers, or None where free", _size)
SHAPES = mapping("shapes by names of inputs, batch first: {name: (1, 8, 8, 3)}", SHAPE.fits)
ARRAYS = Kind("a list of arrays of numbers", lambda value: _several(value) and all(map(_numbers, value)))
BY_NAME = mapping("a dict by names (str)", lambda value: True)
DEVICE = having("a glnn.Device", "use", "revive", "texture")
