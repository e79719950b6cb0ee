"""Arguments and results of programs: tensors in tuples, lists and dicts."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from ..graph.shapes import Shape
from ..records import dataclass
from .words import Words

_PLACE = "tensor"


@dataclass(frozen=True)
class Form:
    """Where tensors stand: kind is tensor, value, or tuple, list and dict of others."""

    kind: str
    items: tuple[Any, ...] = ()
    keys: tuple[Any, ...] = ()


@dataclass(frozen=True, eq=False)
class Leaf:
    """A tensor or array, and the indices and keys that lead to it."""

    value: Any
    path: tuple[Any, ...]

    @property
    def name(self) -> str:
        """Where it stands, for messages."""
        return f"argument {'.'.join(map(str, self.path[1:]))}"

    @property
    def shape(self) -> Shape:
        """Its shape."""
        return tuple(self.value.shape)


def flattened(value: Any, leaves: list[Leaf], what: str, path: tuple[Any, ...] = (), frozen: bool = True) -> Form:
    """Where tensors stand in a value; they are added to `leaves`. Raises InputError for what is no part of a plan.

    frozen: what is no tensor must be hashable
    """
    if isinstance(value, Words | np.ndarray):
        leaves.append(Leaf(value, path))
        return Form(_PLACE)
    if isinstance(value, tuple | list):
        items = (flattened(x, leaves, what, (*path, k), frozen) for k, x in enumerate(value))
        return Form("list" if isinstance(value, list) else "tuple", tuple(items))
    if isinstance(value, dict):
        return Form(
            "dict", tuple(flattened(x, leaves, what, (*path, k), frozen) for k, x in value.items()), tuple(value)
        )
    if frozen and not _hashable(value):
        raise InputError(
            f"{what}: argument {'.'.join(map(str, path[1:]))} is {value!r:.80}: a program takes arrays, tensors, "
            "tuples, lists and dicts of these, and what is hashable"
        )
    return Form("value", (type(value), value))


def rebuilt(form: Form, tensors: Sequence[Any]) -> Any:
    """The value with these in the places of its tensors."""
    rest = iter(tensors)

    def made(form: Form) -> Any:
        if form.kind == _PLACE:
            return next(rest)
        if form.kind == "value":
            return form.items[1]
        items = [made(item) for item in form.items]
        if form.kind == "dict":
            return dict(zip(form.keys, items, strict=True))
        return items if form.kind == "list" else tuple(items)

    return made(form)


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return isinstance(value, Hashable)
