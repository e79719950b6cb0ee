"""Weights as layers draw with them: by name and view, whatever memory holds their values."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..records import dataclass
from .quantized import Quantized, broadcast
from .shapes import Shape
from .view import View, is_whole

Values = np.ndarray | Quantized


@dataclass(frozen=True)
class WeightSpec:
    """A weight that an operation needs: its name and shape."""

    name: str
    shape: Shape


@dataclass(frozen=True, eq=False, repr=False)
class Weight(np.lib.mixins.NDArrayOperatorsMixin):
    """Values with the name of the root that they are of, and the view of it that they are.

    It is sliced, turned, reshaped and repeated like an array, and stays a Weight; computing with it gives plain arrays.
    """

    name: str
    view: View
    values: Values

    @classmethod
    def root(cls, name: str, values: Values) -> Weight:
        """All of the values that a name stands for."""
        return cls(name, View.whole(values.shape), values)

    @cached_property
    def key(self) -> str:
        """Name and view as text: equal keys, equal values."""
        return self.name + self.view.text

    @property
    def origin(self) -> str:
        """The name alone where the view is the root's first elements in their order, else one that tells the view."""
        return self.name if self.view == View.whole(self.shape) else self.key

    def __repr__(self) -> str:
        return f"Weight({self.key})"

    def _as(self, values: Values, view: View | None) -> Weight:
        """The values as a view of the root; where none tells them, as a root named by what they were made from."""
        return Weight.root(f"({self.key})", values) if view is None else Weight(self.name, view, values)

    # ---- as an array

    @property
    def shape(self) -> Shape:
        """The shape."""
        return self.values.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.values.ndim

    @property
    def size(self) -> int:
        """Number of values."""
        return self.values.size

    @property
    def dtype(self) -> Any:
        """The type of the values."""
        return np.dtype(np.float32) if isinstance(self.values, Quantized) else self.values.dtype

    @property
    def T(self) -> Weight:
        """The axes in reverse order."""
        return self.transpose()

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, key: Any) -> Any:
        values, view = self.values[key], self.view.taken(key)
        if view is None:
            return values
        return self._as(values if isinstance(values, Quantized) else np.asarray(values), view)

    def reshape(self, *shape: Any) -> Weight:
        """Another shape of as many values."""
        values = self.values.reshape(*shape)
        return self._as(values, self.view.reshaped(values.shape))

    def transpose(self, *axes: Any) -> Weight:
        """The axes in another order."""
        given = axes if not axes or is_whole(axes[0]) else axes[0]
        order = [axis % self.ndim for axis in given or reversed(range(self.ndim))]
        return self._as(self.values.transpose(order), self.view.turned(order))

    def swapaxes(self, first: int, second: int) -> Weight:
        """Two axes exchanged."""
        order = list(range(self.ndim))
        order[first], order[second] = order[second], order[first]
        return self.transpose(order)

    def broadcast_to(self, shape: Sequence[int]) -> Weight:
        """Repeated to a shape as NumPy broadcasts."""
        return self._as(broadcast(self.values, tuple(shape)), self.view.spread(shape))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        values = np.asarray(self.values, dtype)
        return values.copy() if copy else values

    def astype(self, dtype: Any) -> np.ndarray:
        """The values in another type."""
        return self.values.astype(dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return getattr(ufunc, method)(*(np.asarray(x) if isinstance(x, Weight) else x for x in inputs), **options)
