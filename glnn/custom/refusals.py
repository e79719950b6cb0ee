"""What is refused of what is said of tensors: indices, axes, and what a trace finds not to fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np

from ..arguments import LARGEST, count, sequence, told
from ..errors import GlnnError, InputError

T = TypeVar("T")
INDICES = (
    "index {} of a tensor: slices, whole numbers, None and ... are known; for numbers that are computed, write a "
    "glnn.kernel that reads by them"
)
SIZES = sequence("whole numbers", count(-LARGEST).fits)


class PlaceError(InputError, IndexError):
    """An index beyond a tensor; what goes through a tensor by numbers ends there."""


def check_index(index: object, whole: tuple[object, ...]) -> None:
    """Raises InputError for arrays among indices, and for more than one ellipsis."""
    if any(isinstance(x, np.ndarray) for x in whole):
        raise InputError(INDICES.format(told(index)))
    if sum(x is Ellipsis for x in whole) > 1:
        raise PlaceError("an index has a single ellipsis ('...')")


def no_numbers(what: str, xs: Iterable[object]) -> None:
    """Raises InputError for a number where an array is needed."""
    if any(np.ndim(x) == 0 for x in xs):  # type: ignore[arg-type]
        raise InputError(f"{what}: a number has no axes. Give tensors and arrays; by numbers * multiplies")


def heard(where: str, key: object, say: Callable[[], T]) -> T:
    """What is said in a trace. Raises InputError where shapes, axes or sizes do not fit; key: what is said."""
    try:
        return say()
    except GlnnError:
        raise
    except ValueError as error:
        word = key[0] if isinstance(key, tuple) else key
        raise InputError(f"{where}: {getattr(word, 'name', word)}: {error}") from error
