"""Values while a model is walked through: tensors, None for what is left out, lists of tensors for sequences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..graph.shapes import shape_text
from ..primitives import Sym
from .say import Tensor
from .table import SAME, Word

SMALL = 64  # elements of floats up to which a formula in NumPy stands for primitives

Values = list[Any]


def is_known(x: Any) -> bool:
    """Whether the elements of a value are there before inputs come."""
    if isinstance(x, list):
        return all(map(is_known, x))
    return x is None or not isinstance(x, Sym) or getattr(x, "array", None) is not None or x.constant


def has_free(x: Any) -> bool:
    """Whether sizes that are free are among the elements of a value."""
    array = getattr(x, "array", None)
    return array is not None and array.dtype == object


def exact_arrays(xs: Sequence[Any]) -> list[Any] | None:
    """The arrays of values that are all known, where NumPy computes with them as such: whole numbers, few floats."""
    arrays = []
    for x in xs:
        array = None if x is None else getattr(x, "array", None)
        if x is not None and (array is None or (array.dtype.kind == "f" and array.size > SMALL)):
            return None
        arrays.append(array)
    return arrays


def flattened(xs: Sequence[Any]) -> Iterator[Tensor]:
    """The tensors among values, those of lists as well."""
    for x in xs:
        if isinstance(x, list):
            yield from flattened(x)
        elif x is not None:
            yield x


def listed(made: Any) -> Values:
    """What a function made, as a list of its outputs; a sequence is one output, in a list of its own."""
    return list(made) if isinstance(made, tuple) else [made]


def kinds_of(word: Word, made: Values, xs: Values) -> list[str]:
    """The type of each thing that is made: as the function says, as the table says, as the first input's."""
    first = next((x.dtype for x in xs if isinstance(x, Tensor)), "float32")
    told = [word.gives] * len(made) if isinstance(word.gives, str) else list(word.gives)
    kinds = []
    for x, kind in zip(made, [*told, *["float32"] * len(made)], strict=False):
        own = getattr(x, "dtype", None) if isinstance(x, Tensor | np.ndarray) else None
        if own is not None and not isinstance(own, str):
            own = "int64" if own.hasobject else own.name
            own = first if (kind, own, first) == (SAME, "float32", "bfloat16") else own
        kinds.append(first if kind == SAME and own is None else own if own is not None else kind)
    return kinds


def told(x: Any) -> str:
    """A value in a message."""
    if isinstance(x, list):
        return f"a sequence of {len(x)}"
    return "nothing" if x is None else f"{x.dtype} {shape_text(x.shape)}"
