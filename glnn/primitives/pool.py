"""Pooling: the largest or the mean of each window of an image of 1 to 3 spatial axes, channels last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..graph.shapes import Dims, Shape, numbers
from ..records import dataclass
from .base import Builder, Epilogue, Primitive, Recipe, Value, at_least, one_of
from .base import Window as Place
from .expr import RESULT, Expr
from .window import Padding, Pair, Sizes, block_span, check_padding, paddings, triple, window_sizes, windows

KERNELS = {"max": "maxpool", "mean": "avgpool"}
UNROLLED_TAPS = 25  # a larger window is drawn with real loops
UNROLLED_PIXELS = 128  # so is one where the windows of a block of 8 pixels span more input pixels than this
STAGED_TAPS = 4096  # an even larger one is pooled along the width first, then along the height


@dataclass(frozen=True)
class Window(Primitive):
    """(N, *sizes, C) -> (N, *windows, C): the "max" (NaN wins) or "mean" of what each window holds of the image.

    `padding` is "valid", "same" or ((before, after), ...); what it adds never counts.
    """

    kind: str
    size: Sizes
    strides: Sizes
    padding: Padding = "valid"
    finish: Expr = RESULT

    def __post_init__(self) -> None:
        one_of(KERNELS, kind=self.kind)
        at_least(1, size=self.size, strides=self.strides)
        check_padding(self.padding, len(self.size))
        if len(self.size) != len(self.strides) or len(self.size) not in (1, 2, 3):
            raise ValueError(
                f"size {self.size} and strides {self.strides}; each has one number for each of 1 to 3 axes"
            )

    def shape(self, *inputs: Dims) -> Dims:
        x = inputs[0]
        return (x[0], *window_sizes(self.padding, x[1:-1], self.size, self.strides), x[-1])

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        x = inputs[0]
        rank = len(self.size)
        pads = paddings(self.padding, x.shape[1:-1], self.size, self.strides)
        seen = windows(x, pads, self.size, self.strides, fill=np.nan)
        inside = ~np.isnan(
            windows(np.zeros((1, *x.shape[1:-1], 1), x.dtype), pads, self.size, self.strides, fill=np.nan)
        )
        taps = tuple(range(rank + 2, 2 * rank + 2))
        if self.kind == "max":
            return np.where(inside, seen, -np.inf).max(axis=taps).astype(x.dtype, copy=False)
        total = np.where(inside, seen, 0).sum(axis=taps, dtype=np.float64)
        return (total / inside.sum(axis=taps)).astype(x.dtype)

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        x = inputs[0]
        shape = numbers(self.shape(x.shape))
        pads = paddings(self.padding, x.shape[1:-1], self.size, self.strides)
        (kd, *size_), (sd, *steps_) = triple(self.size), triple(self.strides)
        front, top, left = triple([before for before, _ in pads], 0)
        size, steps, corner = (size_[0], size_[1]), (steps_[0], steps_[1]), (top, left)
        if len(self.size) == 3 and (kd, sd, x.shape[1]) != (1, 1, shape[1]):
            plane = replace(self, size=(1, *size), strides=(1, *steps), padding=((0, 0), *pads[1:]), finish=RESULT)
            param = dict(KD=kd, YD=shape[1], SD=sd, PF=front, XD=x.shape[1])

            def deep(b: Builder, finish: Epilogue | None) -> Value:
                images = plane.recipes([x], {})[0].draw(b, None)
                const = {"KIND": int(self.kind == "mean")}
                return b.draw("pool_depth", shape, {"x": images}, const=const, param=param, finish=finish)

            return [Recipe("depth last", deep)]
        padded = {"PADDED": int(any(map(any, pads)))} if self.kind == "max" else {}
        looped = Recipe("looped", lambda b, finish: self._looped(b, x, shape, size, steps, corner, padded, finish))
        if size[0] * size[1] > UNROLLED_TAPS or block_span(size, steps) > UNROLLED_PIXELS:
            return [looped]
        const = dict(KW=size[1], SH=steps[0], SW=steps[1], PL=corner[1], **padded)
        rows = dict(KH=size[0], PT=corner[0])  # a loop over them takes the same fetches, and half the time to compile
        many: Any = dict(const=const, param=rows, rolled=("a",)) if size[0] > 1 else dict(const=const | rows)
        options: Any = dict(many, window={"x": Place(mul=steps)})
        return [Recipe("block", lambda b, f: b.draw(KERNELS[self.kind], shape, {"x": x}, finish=f, **options)), looped]

    def _looped(
        self, b: Builder, x: Value, shape: Shape, size: Pair, steps: Pair, corner: Pair, padded: Mapping[str, int],
        finish: Epilogue | None,
    ) -> Value:  # fmt: skip
        if size[0] * size[1] > STAGED_TAPS and min(size) > 1:
            x = self._loops(
                b, x, (*x.shape[:-2], *shape[-2:]), (1, size[1]), (1, steps[1]), (0, corner[1]), padded, None
            )
            size, steps, corner = (size[0], 1), (steps[0], 1), (corner[0], 0)
        return self._loops(b, x, shape, size, steps, corner, padded, finish)

    def _loops(
        self, b: Builder, x: Value, shape: Shape, size: Pair, steps: Pair, corner: Pair, padded: Mapping[str, int],
        finish: Epilogue | None,
    ) -> Value:  # fmt: skip
        param = dict(KH=size[0], KW=size[1], SH=steps[0], SW=steps[1], PT=corner[0], PL=corner[1])
        places = {"x": Place(mul=steps)}
        return b.draw(
            KERNELS[self.kind], shape, {"x": x}, const=padded, param=param, window=places, looped=True, finish=finish
        )
