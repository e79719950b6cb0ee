"""What is refused of what is said of tensors: indices, axes, and what a trace finds not to fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..arguments import LARGEST, count, sequence
from ..errors import GlnnError, InputError

T = TypeVar("T")
INDICES = (
    "index {} of a tensor: slices, whole numbers, None and ... are known; for numbers that are computed, write a "
    "glnn.kernel that reads by them"
)
SIZES = sequence("whole numbers", count(-LARGEST).fits)


class PlaceError(InputError, IndexError):
    """An index beyond a tensor; what goes through a tensor by numbers ends there."""


def heard(where: str, key: object, say: Callable[[], T]) -> T:
    """What is said in a trace. Raises InputError where shapes, axes or sizes do not fit; key: what is said."""
    try:
        return say()
    except GlnnError:
        raise
    except ValueError as error:
        word = key[0] if isinstance(key, tuple) else key
        raise InputError(f"{where}: {getattr(word, 'name', word)}: {error}") from error
