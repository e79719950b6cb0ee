"""Changing the sizes of images and sequences by interpolation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import LimitError
from ..graph.shapes import Dims, Shape, numbers
from ..records import dataclass
from .base import Builder, Epilogue, Primitive, Recipe, Value
from .expr import RESULT, Expr
from .move import moved
from .taps import COORDINATES, METHODS, ROUNDINGS, Table, applied, table
from .window import Sizes

MOST_TAPS = 30000  # of one element: turns of a loop


@dataclass(frozen=True)
class Resample(Primitive):
    """(N, *sizes, C) -> (N, *sizes of the result, C), along 1 to 3 axes, one after the other.

    sizes:       of the result; or ...
    factors:     how many times as large it is, rounded down. Given with `sizes`, they say only where elements lie
    method:      "linear", "cubic", "mitchell", "gaussian", "lanczos3", "lanczos5" of distances, "nearest", or "area",
                 the mean of what an element covers (whatever the coordinates)
    coordinates: where element i of the result lies: "half_pixel" at (i + 1/2) / factor - 1/2, "asymmetric" at
                 i / factor, "align_corners" with both ends on ends, "align_corners_scaled" so that those of size *
                 factor elements are, cut off, "pytorch_half_pixel" as the first, 0 where there is but one,
                 "half_pixel_symmetric" as the first about the middle, "tf_half_pixel_for_nn" at (i + 1/2) / factor,
                 which goes with rounding "floor"
    rounding:    of places to the "nearest"
    cubic:       the coefficient a of "cubic"
    antialias:   where the result is smaller, all elements that it stands for have a weight
    exclude_outside: elements beyond the ends have no weight; else they are as the end is
    """

    factors: tuple[int | float, ...] = ()
    sizes: Sizes = ()
    method: str = "linear"
    coordinates: str = "half_pixel"
    rounding: str = "round_prefer_ceil"
    cubic: float = -0.75
    antialias: bool = False
    exclude_outside: bool = False
    finish: Expr = RESULT

    def __post_init__(self) -> None:
        fields = (("method", METHODS), ("coordinates", COORDINATES), ("rounding", ROUNDINGS))
        for name, allowed in fields:
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)!r}; allowed are {', '.join(map(repr, allowed))}")
        if not all(math.isfinite(factor) and factor > 0 for factor in self.factors) or min(self.sizes, default=1) < 1:
            raise ValueError(f"sizes {self.sizes} and factors {self.factors} must be larger than 0")
        if not self.factors and not self.sizes:
            raise ValueError("sizes or factors must say how large the result is")

    def shape(self, *inputs: Dims) -> Dims:
        n, *sizes, c = inputs[0]
        if not 1 <= len(sizes) <= 3 or any(len(given) not in (0, len(sizes)) for given in (self.sizes, self.factors)):
            raise ValueError(f"sizes {self.sizes} and factors {self.factors} are for (N, *sizes, C), not {inputs[0]}")
        if self.sizes:
            return (n, *self.sizes, c)
        made = [None if s is None else math.floor(s * f) for s, f in zip(sizes, self.factors, strict=True)]
        if any(size is not None and size < 1 for size in made):
            raise ValueError(f"nothing is left of {inputs[0]} at factors {self.factors}")
        return (n, *made, c)

    def tables(self, x: Shape) -> dict[int, Table]:
        """How each axis that changes is resampled (see taps.table), in the order in which that is done.

        The axis that gets smallest is the first.
        """
        shape, made = numbers(self.shape(x)), dict[int, Table]()
        for axis in sorted(range(1, len(x) - 1), key=lambda axis: shape[axis] / x[axis]):
            size, out = x[axis], shape[axis]
            scale = float(self.factors[axis - 1]) if self.factors else out / size
            first, shares = table(
                size, out, scale, self.method, self.coordinates, self.rounding, self.cubic, self.antialias,
                self.exclude_outside,
            )  # fmt: skip
            if (shares[:, 1:] != 0).any() or not np.array_equal(first, np.arange(size)):
                made[axis] = first, shares
        return made

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        x = inputs[0]
        for axis, by in self.tables(x.shape).items():
            x = applied(x, axis, by)
        return x

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        x = inputs[0]
        shape = numbers(self.shape(x.shape))
        tables = Recipe("tables", lambda b, finish: self._by_tables(b, x, shape, finish))
        factors = [divmod(out, size) for size, out in zip(x.shape[1:-1], shape[1:-1], strict=True)]
        whole = len(factors) == 2 and not any(rest for _, rest in factors)
        asked = tuple(map(float, self.factors)) in ((), tuple(float(factor) for factor, _ in factors))
        if not whole or not asked or self.method != "linear" or self.coordinates not in ("half_pixel", "asymmetric"):
            return [tables]
        options: Any = {
            "param": {"SH": factors[0][0], "SW": factors[1][0]},
            "const": {"CENTRES": int(self.coordinates == "half_pixel")},
        }
        draw = Recipe("bilinear", lambda b, f: b.draw("upsample_bilinear", shape, {"x": x}, finish=f, **options))
        return [draw, tables]

    def _by_tables(self, b: Builder, x: Value, shape: Shape, finish: Epilogue | None) -> Value:
        """One draw for each axis that changes."""
        tables = self.tables(x.shape)
        for axis, (first, shares) in tables.items():
            if shares.shape[1] > MOST_TAPS:
                raise LimitError(
                    f"an element along axis {axis} of {shape} is made of {shares.shape[1]} elements, at most "
                    f"{MOST_TAPS} can be; go by a size between"
                )
            made = (*x.shape[:axis], len(first), *x.shape[axis + 1 :])
            const = {"AXIS": axis + 4 - len(shape), "POSITIVE": int((shares >= 0).all())}
            param = {"T": shares.shape[1], "OUT": len(first), "SIZE": x.shape[axis]}
            rows = {"table": np.concatenate([first[:, None], shares], 1)}
            done = finish if axis == list(tables)[-1] else None
            x = b.draw("resample", made, {"x": x}, tensors=rows, const=const, param=param, finish=done)
        return x if tables else moved(b, x, finish)
